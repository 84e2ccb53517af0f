"""A study from the user's words: read, checked against each other, and only then begun or resumed.

prepare.py       the user's words made one checked study, step by step
asked_space.py   the first step: the space's file, changed by the command line
added_tries.py   the user's own points to try first
earlier.py       trials of earlier studies for its sampler; fork.py: the study that it begins from
limits.py        what may be spent, and how trials run
study.py         the study itself: its rows, its folder, begun and reopened
pinning.py       one of its trials as a configuration to train
checks.py        what its words, objectives and folder must be
budget.py        what it may spend
feasibility.py   whether a cluster can hold it
"""

from __future__ import annotations

from .limits import Limits
from .prepare import prepare
from .study import Study, check_labels, is_complete, load, load_ood, open_folder, reopen, with_slots

__all__ = [
    "Limits",
    "Study",
    "check_labels",
    "is_complete",
    "load",
    "load_ood",
    "open_folder",
    "prepare",
    "reopen",
    "with_slots",
]
