"""The EXAFS equation with screened atoms: what ``data/embedded/exafs.py`` computes its spectra from.

Kept, per neighbour j at distance R_j from the absorber (Sayers, Stern, Lytle, Phys. Rev. Lett. 27 (1971) 1204; in
today's notation Rehr, Albers, Rev. Mod. Phys. 72 (2000) 621):

    chi(k) = S0^2 sum_j |f_j(k)| / (k R_j^2) exp(-2 k^2 sigma_j^2) exp(-2 R_j / lambda(k))
             sin(2 k R_j + 2 delta_1(k) - pi + arg f_j(k))

f_j is the complex backscattering amplitude of the neighbour and delta_1 the p-wave phase shift of the absorber at its
K edge. Both come from WKB phase shifts of Molière-screened neutral atoms, so no table is shipped; the shifts are
within 0.05 rad of the solved radial equation. Left out: multiple scattering, curved waves, exchange, the core hole,
bonding, the edge itself. Amplitudes have the right size and fall-off and a shell peaks a little short of its distance,
as in measurements; but this is a benchmark, not a fit to one.

Constants: screening by G. Molière, Z. Naturforsch. 2a (1947) 133; inelastic mean free path by M. P. Seah, W. A. Dench,
Surf. Interface Anal. 1 (1979) 2, equation for elements; Bohr radius and hbar^2/2m by CODATA 2018.
"""

from __future__ import annotations

import numpy as np

BOHR = 0.529177210903  # Å
EV_PER_K2 = 3.80998212  # hbar^2 / 2m in eV Å^2
MOLIERE = ((0.10, 6.0), (0.55, 1.2), (0.35, 0.3))  # share, inverse length in units of 1 / Thomas-Fermi radius
S0_SQUARED = 0.9  # amplitude left to the one-electron channel; 0.7 to 1.0 in practice
MONOLAYER_NM = 0.228  # iron: the cube root of its volume per atom
WAVES = np.arange(40)  # partial waves of a backscattering amplitude; 120 move f by less than 1e-3 Å for k up to 12
REACH = 6.0  # Å; beyond it the screened potential adds less than 3e-4 rad


def mean_free_path(k: np.ndarray) -> np.ndarray:
    """Inelastic mean free path in Å of an electron of wave number ``k`` (1/Å): 538/E^2 + 0.41 sqrt(aE) monolayers a."""
    energy = EV_PER_K2 * k**2
    return 10 * MONOLAYER_NM * (538 / energy**2 + 0.41 * np.sqrt(MONOLAYER_NM * energy))


def phase_shifts(number: int, k: np.ndarray, waves: np.ndarray = WAVES) -> np.ndarray:
    """WKB phase shifts, radians, of partial ``waves`` scattered by an atom, (len(waves), len(k)).

    With L = l + 1/2 and 2m/hbar^2 |V| = U: the integral of sqrt(k^2 + U - L^2/r^2) from its zero outwards, minus the
    same without U. Holds for k from 2/Å and elements up to iron, where the first integrand has one zero only.
    """
    # l partial waves, k wave numbers; s = log r, in which the integrand is sqrt(k^2 r^2 + U r^2 - L^2) ds
    moment_l1 = waves[:, None] + 0.5
    log_free_lk = np.log(moment_l1 / k)  # the turning point without the atom, which only pulls it inwards
    inner_lk, outer_lk = np.full_like(log_free_lk, -14.0), log_free_lk
    for _ in range(32):
        middle_lk = (inner_lk + outer_lk) / 2
        below_lk = _radial(number, k, moment_l1, middle_lk) < 0
        inner_lk = np.where(below_lk, middle_lk, inner_lk)
        outer_lk = np.where(below_lk, outer_lk, middle_lk)
    end_lk = np.maximum(np.log(REACH), log_free_lk + 1)
    span_lk = end_lk - outer_lk
    shift_lk: np.ndarray = np.zeros(span_lk.shape)
    for node, weight in zip(*np.polynomial.legendre.leggauss(24), strict=True):
        # s = start + span t^2 takes the square root at the turning point out of the integrand
        t = (node + 1) / 2
        square_lk = _radial(number, k, moment_l1, outer_lk + span_lk * t**2)
        shift_lk += weight * t * span_lk * np.sqrt(np.maximum(square_lk, 0))
    end_lk = k * np.exp(end_lk)
    total_lk: np.ndarray = shift_lk - np.sqrt(end_lk**2 - moment_l1**2) + moment_l1 * np.arccos(moment_l1 / end_lk)
    return total_lk


def backscattering(number: int, k: np.ndarray) -> np.ndarray:
    """Complex amplitude f(k, pi) in Å of an atom, (len(k),): 1/k sum_l (2l+1) (-1)^l exp(i delta_l) sin(delta_l)."""
    shift_lk = phase_shifts(number, k)
    sign_l1 = (-1.0) ** WAVES[:, None]
    term_lk: np.ndarray = (2 * WAVES[:, None] + 1) * sign_l1 * np.exp(1j * shift_lk) * np.sin(shift_lk) / k
    term_lk[-1] /= 2  # an alternating sum: the mean of its last two values is far nearer to the limit than either
    amplitude_k: np.ndarray = term_lk.sum(0)
    return amplitude_k


def exafs(
    k: np.ndarray, absorber: int, numbers_SN: np.ndarray, radius_SN: np.ndarray, sigma2_SN: np.ndarray
) -> np.ndarray:
    """chi(k) of S structures with room for N neighbours each, without unit, (S, len(k)).

    k: 1/Å, from 2 on; absorber: its atomic number; numbers_SN: the neighbours', 0 where there is none; radius_SN: Å;
    sigma2_SN: mean squared thermal displacement along the bond, Å^2.
    """
    # S structures, N neighbours, E elements, k wave numbers; a loop over N keeps the arrays in the cache
    elements, index_SN = np.unique(numbers_SN, return_inverse=True)
    index_SN = index_SN.reshape(numbers_SN.shape)  # NumPy 1 returns it flat
    amplitude_Ek = np.array([backscattering(int(number), k) if number else 0j * k for number in elements])
    strength_Ek = np.abs(amplitude_Ek)
    phase_Ek = np.angle(amplitude_Ek) + 2 * phase_shifts(absorber, k, np.array([1])) - np.pi
    path_k = mean_free_path(k)
    chi_Sk = np.zeros((len(numbers_SN), len(k)))
    for neighbour in range(numbers_SN.shape[1]):
        index, radius, sigma2 = index_SN[:, neighbour], radius_SN[:, neighbour, None], sigma2_SN[:, neighbour, None]
        damping = np.exp(-2 * (k**2 * sigma2 + radius / path_k))
        chi_Sk += strength_Ek[index] * damping * np.sin(2 * k * radius + phase_Ek[index]) / radius**2
    return S0_SQUARED / k * chi_Sk


def _radial(number: int, k: np.ndarray, moment: np.ndarray, log_r: np.ndarray) -> np.ndarray:
    """r^2 times the square of the local radial wave number: k^2 r^2 + U r^2 - L^2."""
    r = np.exp(log_r)
    thomas_fermi = 0.88534 * BOHR / number ** (1 / 3)
    square: np.ndarray = (k * r) ** 2 - moment**2
    for share, rate in MOLIERE:
        square += 2 * number / BOHR * share * r * np.exp(-rate * r / thomas_fermi)
    return square
