"""Every series that a search shows, once: name, tags, meaning. The board, the rules and the code follow this table.

Ray exports each with the prefix ``ray_`` and labels of its own (node, worker). Tags are the study and a few kinds,
never a trial, so that a study of 10,000 trials has as many series as one of ten: ``MOST`` bounds them. All are gauges:
a counter of Ray's does not show before it first moves, and then Prometheus cannot tell that it did.

Not here: memory and processors of referee and slots, which Ray measures itself (``ray_component_uss_bytes``), and the
discriminator's or generator's seconds, which nobody measures apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

MOST = 200
"""Series that one study may have."""

PREFIX = "ray_"
"""What Ray puts before every name."""

STUDY = "study"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One name. ``tags``: those beside the study."""

    name: str
    help: str
    tags: tuple[str, ...] = ()
    is_sure: bool = True
    """It has a value from the first minute of any search; another one needs what its help says."""


class Reading(NamedTuple):
    """One series' value now. tags: those beside the study."""

    name: str
    value: float
    tags: Mapping[str, str] = {}


SERIES: Mapping[str, Series] = {
    series.name: series
    for series in (
        Series(
            name="sparring_objective_best",
            tags=("metric",),
            help="Leading objective of the best trial that completed; there once one has.",
            is_sure=False,
        ),
        Series(
            name="sparring_objective_now",
            tags=("metric",),
            help="Best leading objective that any trial has reached yet, those in training and stopped ones too; there "
            "after the first epoch of this run.",
            is_sure=False,
        ),
        Series(
            name="sparring_objective_default",
            tags=("metric",),
            help="Leading objective of trial 0, the published default; there once it has ended.",
            is_sure=False,
        ),
        Series(
            name="sparring_objective_yardstick",
            tags=("metric", "yardstick"),
            help="Leading objective of the best method without a search; there where a report of this study, or of one "
            "beside it on the same data and split, has measured it.",
            is_sure=False,
        ),
        Series(
            name="sparring_noise",
            tags=("of",),
            help="Standard deviation by which a re-training moves the leading objective, of its logarithm where "
            "figures are positive: as known of the system as shipped (system), and by fresh seeds once a race has them "
            "(fresh_seeds).",
            is_sure=False,
        ),
        Series(
            name="sparring_retrainings",
            tags=("state",),
            help="Re-trainings on fresh seeds after the search: ended, and to_go of those asked for; 0 before.",
        ),
        Series(
            name="sparring_forecast",
            tags=("end",),
            help="Best that as many trials again would bring, in the mean (expected) and its interval of 90 % (low, "
            "high); there once enough trials have ended.",
            is_sure=False,
        ),
        Series(name="sparring_trials", tags=("outcome",), help="Trials that have ended, by outcome."),
        Series(name="sparring_open_trials", tags=("turn",), help="Trials that have not ended: in training or paused."),
        Series(name="sparring_slots", help="Places at which trials are trained."),
        Series(name="sparring_epochs", help="Epochs trained by this run of the search."),
        Series(
            name="sparring_trial_seconds",
            tags=("stage",),
            help="Seconds of a trial by stage, the mean over trials that ended: wait (for a slot), start, train, "
            "report, lost (what a dead slot had done); there once a trial has ended.",
            is_sure=False,
        ),
        Series(name="sparring_trained_seconds", help="Seconds of slots that the study's training has taken."),
        Series(
            name="sparring_train_limit_seconds",
            help="Seconds of slots that it may take; there where the budget is one of training.",
            is_sure=False,
        ),
        Series(
            name="sparring_left_seconds",
            help="Estimated seconds to the end; there where the budget has one.",
            is_sure=False,
        ),
        Series(
            name="sparring_rung_reached",
            tags=("rung",),
            help="Trials that have trained as many epochs as the rung says, ended or not.",
        ),
        Series(name="sparring_rung_stopped", tags=("rung",), help="Trials that ended as pruned at the rung."),
        Series(
            name="sparring_rung_correlation",
            tags=("rung",),
            help="Kendall's tau-b between what completed trials had reached at the rung and at their end, over the "
            "last 200; there once three have completed.",
            is_sure=False,
        ),
        Series(
            name="sparring_health",
            tags=("figure", "of"),
            help="Health figures of the newest epoch of the trials in training: the lowest, the median, the highest; "
            "there while a trial is in training after its first epoch.",
            is_sure=False,
        ),
        Series(
            name="sparring_attempts_lost",
            tags=("cause",),
            help="Attempts that came to nothing since the referee began: slot_died, or the outcome with which an error "
            "ended them.",
        ),
        Series(
            name="sparring_commit_seconds",
            tags=("quantile",),
            help="Time of a commit to the ledger, quantiles of the last 1,000.",
        ),
        Series(
            name="sparring_answer_seconds",
            tags=("quantile",),
            help="Time in which the referee answered a report, quantiles of the last 1,000; there after the first "
            "epoch.",
            is_sure=False,
        ),
        Series(name="sparring_disk_free_bytes", help="Free bytes of the disk that holds the study."),
        Series(
            name="sparring_mirror_behind_seconds",
            help="Seconds since the mirror last held every file of the study; there with --mirror.",
            is_sure=False,
        ),
        Series(name="sparring_silent_seconds", help="Seconds since the referee last heard of any trial."),
    )
}
