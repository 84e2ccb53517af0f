"""The EXAFS equation with screened atoms in closed form: what ``generated.py`` computes its spectra from.

Kept, per neighbour j at distance R_j from the absorber (Sayers, Stern, Lytle, Phys. Rev. Lett. 27 (1971) 1204; in
today's notation Rehr, Albers, Rev. Mod. Phys. 72 (2000) 621):

    chi(k) = S0^2 sum_j |f_j(k)| / (k R_j^2) exp(-2 k^2 sigma_j^2) exp(-2 R_j / lambda(k))
             sin(2 k R_j + 2 delta_1(k) - pi + arg f_j(k))

f_j is the complex backscattering amplitude of the neighbour and delta_1 the p-wave phase shift of the absorber at its
K edge; both follow from Molière-screened atoms through Born phase shifts, so no table is shipped. Left out: multiple
scattering, curved waves, exchange, bonding (muffin tins), the edge itself. Peaks therefore sit where real spectra have
them, amplitudes have the right size and fall-off, but this is a benchmark, not a fit to a measurement.

Constants: screening by G. Molière, Z. Naturforsch. 2a (1947) 133; inelastic mean free path by M. P. Seah, W. A. Dench,
Surf. Interface Anal. 1 (1979) 2, equation for elements; Bohr radius and hbar^2/2m by CODATA 2018.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, hyp2f1

BOHR = 0.529177210903  # Å
EV_PER_K2 = 3.80998212  # hbar^2 / 2m in eV Å^2
MOLIERE = ((0.10, 6.0), (0.55, 1.2), (0.35, 0.3))  # share, inverse length in units of 1 / Thomas-Fermi radius
S0_SQUARED = 0.9  # amplitude left to the one-electron channel; 0.7 to 1.0 in practice
MONOLAYER_NM = 0.228  # iron: the cube root of its volume per atom
PARTIAL_WAVES = 40  # what is beyond them is in the Born amplitude; 80 change |f| by less than 1e-4 Å


def mean_free_path(k: np.ndarray) -> np.ndarray:
    """Inelastic mean free path in Å of an electron of wave number ``k`` (1/Å): 538/E^2 + 0.41 sqrt(aE) monolayers a."""
    energy = EV_PER_K2 * k**2
    return 10 * MONOLAYER_NM * (538 / energy**2 + 0.41 * np.sqrt(MONOLAYER_NM * energy))


def phase_shifts(number: int, k: np.ndarray, waves: int = PARTIAL_WAVES) -> np.ndarray:
    """Born phase shifts of the partial waves 0 … waves-1 at an atom, radians, (waves, len(k)).

    delta_l = Z / (k a0) sum_i A_i Q_l(1 + mu_i^2 / 2k^2) for the potential -Z e^2/r sum_i A_i exp(-mu_i r), with Q_l
    the Legendre function of the second kind: k times the integral of 2m/hbar^2 |V| j_l(kr)^2 r^2 (Mott, Massey, The
    Theory of Atomic Collisions).
    """
    wave = np.arange(waves)[:, None]
    shifts = np.zeros((waves, len(k)))
    for share, mu in _screening(number):
        shifts += share * number / (k * BOHR) * legendre_q(wave, 1 + mu**2 / (2 * k**2))
    return shifts


def backscattering(number: int, k: np.ndarray) -> np.ndarray:
    """Complex amplitude f(k, pi) in Å of an atom, (len(k),).

    The partial-wave sum 1/k sum_l (2l+1) (-1)^l exp(i delta_l) sin(delta_l), written as the Born amplitude (all waves,
    first order) plus what unitarity changes in the lowest waves, because the bare sum converges slowly.
    """
    shifts = phase_shifts(number, k)
    wave = np.arange(len(shifts))[:, None]
    beyond = np.exp(1j * shifts) * np.sin(shifts) - shifts
    amplitude: np.ndarray = ((2 * wave + 1) * (-1.0) ** wave * beyond).sum(0) / k
    for share, mu in _screening(number):
        amplitude += 2 * number / BOHR * share / (mu**2 + 4 * k**2)
    return amplitude


def exafs(
    k: np.ndarray, absorber: int, numbers_SN: np.ndarray, radius_SN: np.ndarray, sigma2_SN: np.ndarray
) -> np.ndarray:
    """chi(k) of S structures with room for N neighbours each, without unit, (S, len(k)).

    k: 1/Å, above 0; absorber: its atomic number; numbers_SN: the neighbours', 0 where there is none; radius_SN: Å;
    sigma2_SN: mean squared thermal displacement along the bond, Å^2.
    """
    # S structures, N neighbours, K wave numbers; a loop over N keeps the arrays in the cache
    elements, index_SN = np.unique(numbers_SN, return_inverse=True)
    index_SN = index_SN.reshape(numbers_SN.shape)  # NumPy 1 returns it flat
    strength_EK = np.array([np.abs(backscattering(int(z), k)) if z else 0 * k for z in elements])
    phase_EK = np.array([np.angle(backscattering(int(z), k)) if z else 0 * k for z in elements])
    phase_EK = phase_EK + 2 * phase_shifts(absorber, k, 2)[1] - np.pi
    path = mean_free_path(k)
    chi = np.zeros((len(numbers_SN), len(k)))
    for place in range(numbers_SN.shape[1]):
        index, radius, sigma2 = index_SN[:, place], radius_SN[:, place, None], sigma2_SN[:, place, None]
        damping = np.exp(-2 * (k**2 * sigma2 + radius / path))
        chi += strength_EK[index] * damping * np.sin(2 * k * radius + phase_EK[index]) / radius**2
    return S0_SQUARED / k * chi


def legendre_q(degree: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Legendre function of the second kind Q_l(x) for x > 1.  Source: DLMF 14.3.7 with mu = 0."""
    scale = np.exp(gammaln(degree + 1.0) - gammaln(degree + 1.5) - (degree + 1) * np.log(2 * x))
    value: np.ndarray = np.sqrt(np.pi) * scale * hyp2f1((degree + 1) / 2, (degree + 2) / 2, degree + 1.5, x**-2.0)
    return value


def _screening(number: int) -> list[tuple[float, float]]:
    """Share and inverse length (1/Å) of each Yukawa term of an atom's screening."""
    thomas_fermi = 0.88534 * BOHR / number ** (1 / 3)
    return [(share, rate / thomas_fermi) for share, rate in MOLIERE]
