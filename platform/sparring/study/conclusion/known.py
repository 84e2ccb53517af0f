"""How far a re-training moves the shipped systems, for studies that have trained nothing again.

Source: `python tests/benchmarks/noise.py`, six configurations of each system on three seeds (docs/log/2026-11.md).
"""

from __future__ import annotations

from ...records import StudySpec

SIGMAS = {
    ("aae_series", "cylinder-bell-funnel", "val/balance"): 0.0863,
    ("aegan", "exafs", "val/score"): 0.0804,
    ("auxgan", "muons", "val/distance"): 0.1009,
    ("boost_vae", "muons", "val/distance"): 0.2002,
    ("mlp_aae", "digits", "val/balance"): 0.0700,
}
"""By system, data set and figure: σ of a re-training on the scale of logarithms."""


def known_sigma(spec: StudySpec) -> float | None:
    """What was measured of the study's system on its data set; None where nothing was."""
    return SIGMAS.get((spec.model, spec.dataset, spec.objective.metric))
