"""The embedded set and its physics against integrals, sums and other methods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import spherical_jn, spherical_yn
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sparring.data import load_dataset, split_rows
from sparring.data.embedded.exafs import DISORDER, IRON, IRON_RADIUS, RADIUS, complexes
from sparring.data.physics.scattering import (
    BOHR,
    MOLIERE,
    S0_SQUARED,
    backscattering,
    exafs,
    mean_free_path,
    phase_shifts,
)
from sparring.data.physics.wacsf import Grid, Structure, describe

K = np.linspace(2, 10, 226)


@pytest.fixture(scope="module")
def embedded():
    return load_dataset("exafs")


def by_the_radial_equation(number: int, k: float, wave: int) -> float:
    """The phase shift modulo pi of the exact solution, matched to free waves outside the atom."""
    thomas_fermi = 0.88534 * BOHR / number ** (1 / 3)

    def slope(r: float, u: np.ndarray) -> list[float]:
        screening = sum(share * np.exp(-rate * r / thomas_fermi) for share, rate in MOLIERE)
        return [u[1], (wave * (wave + 1) / r**2 - k**2 - 2 * number / (BOHR * r) * screening) * u[0]]

    start, end = 1e-4, 7.0
    solution = solve_ivp(
        slope, (start, end), [start ** (wave + 1), (wave + 1) * start**wave], rtol=1e-7, atol=1e-20, method="DOP853"
    )
    u, du = solution.y[:, -1]
    z = k * end
    regular, irregular = z * spherical_jn(wave, z), z * spherical_yn(wave, z)
    d_regular = k * (spherical_jn(wave, z) + z * spherical_jn(wave, z, derivative=True))
    d_irregular = k * (spherical_yn(wave, z) + z * spherical_yn(wave, z, derivative=True))
    return float(np.arctan2(u * d_regular - du * regular, u * d_irregular - du * irregular))


@pytest.mark.parametrize(("number", "k", "wave"), [(6, 3.0, 0), (8, 4.0, 1), (26, 3.0, 1), (26, 6.0, 1), (26, 5.0, 5)])
def test_phase_shifts_are_those_of_the_radial_equation(number, k, wave):
    shift = phase_shifts(number, np.array([k]), np.array([wave]))[0, 0]
    difference = (shift - by_the_radial_equation(number, k, wave) + np.pi / 2) % np.pi - np.pi / 2
    assert abs(difference) < 0.05


@pytest.mark.parametrize("number", [6, 26])
def test_backscattering_is_the_limit_of_its_sum_over_partial_waves(number):
    waves = np.arange(160)[:, None]
    shifts = phase_shifts(number, K, waves[:, 0])
    terms = (2 * waves + 1) * (-1.0) ** waves * np.exp(1j * shifts) * np.sin(shifts) / K
    limit = terms[:-1].sum(0) + terms[-1] / 2
    np.testing.assert_allclose(backscattering(number, K), limit, atol=1e-3)


def test_electrons_of_some_50_ev_travel_least():
    """The universal curve: a few Å at its minimum between 30 and 100 eV (Seah and Dench)."""
    k = np.linspace(1.5, 12, 500)
    shortest = mean_free_path(k).argmin()
    assert 30 < 3.81 * k[shortest] ** 2 < 100
    assert 3 < mean_free_path(k)[shortest] < 6


def test_the_spectrum_is_the_exafs_equation_written_out_for_two_neighbours():
    k, radii, sigma2 = 6.0, (1.98, 3.1), (0.003, 0.007)
    chi = 0.0
    for number, radius, square in zip((8, 26), radii, sigma2, strict=True):
        f = backscattering(number, np.array([k]))[0]
        phase = 2 * phase_shifts(26, np.array([k]), np.array([1]))[0, 0] - np.pi + np.angle(f)
        damping = np.exp(-2 * k**2 * square) * np.exp(-2 * radius / mean_free_path(np.array([k]))[0])
        chi += S0_SQUARED * abs(f) / (k * radius**2) * damping * np.sin(2 * k * radius + phase)
    got = exafs(np.array([k]), 26, np.array([[8, 26, 0]]), np.array([[*radii, 1.0]]), np.array([[*sigma2, 0.0]]))
    assert got[0, 0] == pytest.approx(chi, rel=1e-12)


@pytest.mark.parametrize(("number", "radius"), [(6, 1.9), (17, 2.4), (26, 3.2)])
def test_a_shell_shows_as_a_peak_a_little_before_its_distance(number, radius):
    """The transform of k^2 chi over exp(2ikr) peaks some 0.2 to 0.5 Å short of the bond, as measured spectra do."""
    chi = exafs(K, 26, np.array([[number]]), np.array([[radius]]), np.array([[0.003]]))[0]
    r = np.linspace(0.5, 6, 1101)
    peak = r[np.abs(np.exp(2j * np.outer(r, K)) @ (K**2 * chi * np.hanning(len(K)))).argmax()]
    assert 0.2 < radius - peak < 0.5


def test_the_embedded_set_holds_two_thousand_pairs_of_the_published_width(embedded):
    assert len(embedded) >= 2000
    assert embedded.shapes == {"structure": (49,), "spectrum": (226,)}
    assert embedded.axes["spectrum"][[0, -1]].tolist() == [2.0, 10.0]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(embedded):
    assert load_dataset("exafs").sha256 == embedded.sha256
    assert load_dataset("exafs", options={"seed": 1}).sha256 != embedded.sha256


def test_descriptors_are_those_of_the_generated_positions(embedded):
    numbers, positions = complexes(2048, np.random.default_rng(0))
    structures = [
        Structure(np.append(IRON, z[z > 0]), np.vstack([np.zeros(3), xyz[z > 0]]))
        for z, xyz in zip(numbers[:50], positions[:50], strict=True)
    ]
    np.testing.assert_allclose(embedded.fields["structure"][:50], describe(structures, Grid()), rtol=1e-5, atol=1e-12)


def test_complexes_have_bonds_of_covalent_length_and_no_atoms_inside_each_other():
    numbers, positions = complexes(500, np.random.default_rng(3))
    ligands = numbers[:, :6]
    assert set((ligands > 0).sum(1)) == {4, 5, 6}
    low, high = (
        np.vectorize({0: 0.0, **RADIUS}.get)(ligands) + iron for iron in IRON_RADIUS
    )  # fmt: skip
    bond, there = np.linalg.norm(positions[:, :6], axis=2), ligands > 0
    assert (bond > low - 5 * DISORDER)[there].all()
    assert (bond < high + 5 * DISORDER)[there].all()
    apart = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=3)
    pairs = (numbers > 0)[:, :, None] & (numbers > 0)[:, None] & ~np.eye(12, dtype=bool)
    assert apart[pairs].min() > 1.0


@pytest.mark.parametrize(("source", "target"), [("structure", "spectrum"), ("spectrum", "structure")])
def test_each_half_of_a_pair_tells_much_but_not_all_of_the_other(embedded, source, target):
    split = split_rows(len(embedded))
    inputs, outputs = embedded.fields[source], embedded.fields[target]
    train, valid = outputs[split.train], outputs[split.valid]
    variance = ((train - train.mean(0)) ** 2).mean()
    assert ((valid - train.mean(0)) ** 2).mean() / variance == pytest.approx(1.0, abs=0.1)
    for model in (Ridge(), KNeighborsRegressor(5)):
        pipeline = make_pipeline(StandardScaler(), model).fit(inputs[split.train], train)
        score = ((pipeline.predict(inputs[split.valid]) - valid) ** 2).mean() / variance
        assert 0.05 < score < 0.3
