"""Hyperparameters of the AAE of series; ``model.py`` builds its nets from them, ``models/aae/config.py`` has the rest.

No series were published: defaults are those of images (github.com/sachaRfd/Adversarial-Autoencoders, 2025).
"""

from __future__ import annotations

from typing import ClassVar

from ..aae.config import CodeConfig
from ..config import CLASS_FIGURES, SERIES_FIGURES, ScalingKind


class Config(CodeConfig):
    """The AAE's hyperparameters; no series were published, so its defaults are those of images."""

    fields: ClassVar = ("series",)
    optional: ClassVar = {"val/probe": "probe_rows", **CLASS_FIGURES, **SERIES_FIGURES}
    metrics: ClassVar = (*CodeConfig.metrics, "val/spectrum", "val/autocorrelation")

    input_scaling: ScalingKind = "standard"
    """How each channel is scaled before the nets; figures are in raw units whatever it is."""
