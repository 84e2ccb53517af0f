"""How far a re-training moves the shipped systems, for studies that have trained nothing again.

Source: `python tests/benchmarks/noise.py --studies`, the published default and two points to try first of each system
on five seeds (docs/log/2026-12.md, 1 December). Those of exafs, cylinder-bell-funnel and digits: the same without
`--studies`, six configurations on three seeds, half of the shipped budget (30 November).
"""

from __future__ import annotations

from ...records import StudySpec

SIGMAS = {
    ("aae", "shapes", "val/balance"): 0.2005,
    ("aae_series", "cylinder-bell-funnel", "val/balance"): 0.0863,
    ("aae_series", "ring-downs", "val/balance"): 0.2430,
    ("advvae", "shapes", "val/balance"): 0.0709,
    ("aegan", "exafs", "val/score"): 0.0804,
    ("aux_aae", "muons", "val/code_score"): 0.2383,
    ("auxgan", "muons", "val/distance"): 0.2266,
    ("boost_vae", "muons", "val/distance"): 0.1595,
    ("mlp_aae", "digits", "val/balance"): 0.0700,
    ("mlp_aae", "shapes", "val/balance"): 0.0620,
}
"""By system, data set and figure: σ of a re-training on the scale of logarithms."""


def known_sigma(spec: StudySpec) -> float | None:
    """What was measured of the study's system on its data set; None where nothing was."""
    return SIGMAS.get((spec.model, spec.dataset, spec.objective.metric))
