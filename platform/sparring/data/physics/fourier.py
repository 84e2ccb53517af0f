"""Spectra as Fourier coefficients and back, without loss.

A spectrum of N points followed by its reverse is symmetric about the middle between two samples. So the phase of its
discrete Fourier transform is known, pi f / 2N, and the real part alone, 2N numbers, still determines the spectrum.
The forward transform is XANESNET's option ``fourier``. Its inverse, the first N of the real inverse transform, forgets
that phase and returns the means of neighbouring points; ``restore`` puts the phase back and is exact.
"""

from __future__ import annotations

import numpy as np


def transform(spectra: np.ndarray) -> np.ndarray:
    """Real part of the Fourier transform of each spectrum followed by its reverse: (…, N) -> (…, 2N), float64."""
    mirrored = np.concatenate([spectra, np.flip(spectra, axis=-1)], axis=-1, dtype=np.float64)
    coefficients = np.fft.fft(mirrored).real
    coefficients[..., spectra.shape[-1]] = 0.0  # by symmetry; what is computed there is rounding
    return coefficients


def restore(coefficients: np.ndarray) -> np.ndarray:
    """The spectra of which these are the ``transform``: (…, 2N) -> (…, N), float64.

    An error in coefficient f grows by 1 / cos(pi f / 2N), at most 2N / pi, near f = N.
    """
    points = coefficients.shape[-1] // 2
    phase = np.tan(np.pi * np.arange(2 * points) / (2 * points))
    phase[points] = 0.0  # tan is infinite there and the coefficient 0
    return np.fft.ifft(coefficients * (1 + 1j * phase)).real[..., :points]
