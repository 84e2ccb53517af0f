"""Do series wave as real ones do? Their mean power spectrum and mean autocorrelation, against those of real rows.

Both are means over series, so batches and workers add up exactly. The spectrum is compared by the log-spectral distance
(A. H. Gray, J. D. Markel, IEEE Trans. ASSP 24 (1976) 380), which sees a band as well where it is faint: a net that
leaves out noise of a hundredth of the power misses nothing else by so much. The autocorrelation is that of each series
about its own mean (as M. Wiese et al., arXiv:1907.06673, compare it), so quiet series count as much as loud ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

FLOOR = 1e-6
"""What a channel's power is at least, of its mean over the frequencies: 60 dB below is silence, however deep."""


def wave_sums(series: Tensor) -> dict[str, Tensor]:
    """Sums over series, (B, T, C): ``power``, (T//2 + 1, C), of each frequency, and ``acf``, (T//2, C), of each lag
    from 1."""
    times = series.shape[1]
    power = torch.fft.rfft(series, dim=1).abs().square() / times
    centred = series - series.mean(1, keepdim=True)
    # Padded to twice the length, else the end would be followed by the beginning.
    spectrum = torch.fft.rfft(centred, n=2 * times, dim=1).abs().square()
    products = torch.fft.irfft(spectrum, n=2 * times, dim=1)[:, : times // 2 + 1]
    own = products[:, :1].clamp_min(torch.finfo(series.dtype).tiny)
    return {"power": power.sum(0), "acf": (products[:, 1:] / own).sum(0)}


def compared_waves(sums: Mapping[str, Tensor]) -> dict[str, float]:
    """``val/spectrum``, in dB, and ``val/autocorrelation`` from the two means, times n: ``power``, ``acf`` of real
    series, ``made_power``, ``made_acf`` of generated ones."""
    power, made = sums["power"], sums["made_power"]
    silence = FLOOR * power.mean(0)
    # A channel that is 0 throughout in both is a match.
    ratio = ((power + silence) / (made + silence)).where((power != made), 1.0)
    apart = (sums["acf"] - sums["made_acf"]) / sums["n"]
    return {
        "val/spectrum": float((10 * ratio.log10()).square().mean().sqrt()),
        "val/autocorrelation": float(apart.square().mean().sqrt()),
    }
