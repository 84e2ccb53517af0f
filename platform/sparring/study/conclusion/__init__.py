"""What a study may claim once its best trials were trained again on fresh seeds: statistics, without torch and Ray.

``race`` says which trials are trained again, ``conclude`` makes one of three sentences of what came out.
"""

from __future__ import annotations

from .noise import Noise, noise_of, seeds_to_tell
from .outcome import Conclusion, conclude
from .race import Run, Standing, contenders, race, share_of_budget
from .scale import Scale, scale_of
from .sentence import sentence

__all__ = [
    "Conclusion",
    "Noise",
    "Run",
    "Scale",
    "Standing",
    "conclude",
    "contenders",
    "noise_of",
    "race",
    "scale_of",
    "seeds_to_tell",
    "sentence",
    "share_of_budget",
]
