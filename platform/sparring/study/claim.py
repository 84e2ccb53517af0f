"""What a study may claim, in sentences that the summary, the report and TensorBoard show alike.

After re-trainings it is their conclusion. Before any it is that none were made, and what the best figure is likely to
be without the luck that made it the best.
"""

from __future__ import annotations

from pathlib import Path

from ..ledger.effort import LEAST_RUNS, PER_RERUN, PROBE_RUNS
from .conclusion import conclude, sentence
from .conclusion.known import known_sigma
from .conclusion.outcome import shrink
from .conclusion.race import LEAST
from .fresh_seeds import OFF, Ended, may_race, read_ended


def sentences_of(folder: Path) -> tuple[str, ...]:
    """The conclusion and the noise that it rests on; before any re-training, that there is none. The first leads.

    Empty of a study of which less than two trials have completed, and of one that cannot race.
    Raises as ``read_trials``.
    """
    ended = read_ended(folder)
    if len(ended.search) < LEAST or not may_race(ended.spec):
        return ()
    metric = ended.spec.objective.metric
    found = conclude(ended.search, ended.play()[1], ended.scale) if ended.results else None
    if found is None:
        return _shrunk(ended), _unraced(ended)
    said = (sentence(found, metric), found.noise.sentence(metric, found.scale))
    return tuple(f"{each[0].upper()}{each[1:]}." for each in said)


def claim_so_far(folder: Path) -> str:
    """What may be said while the search runs, in a line: what is to be expected of the best trial, or its conclusion.

    Empty as ``sentences_of``. Raises as ``read_trials``.
    """
    ended = read_ended(folder)
    if len(ended.search) < LEAST or not may_race(ended.spec):
        return ""
    found = conclude(ended.search, ended.play()[1], ended.scale) if ended.results else None
    if found is not None:
        return sentence(found, ended.spec.objective.metric)
    of = f"the best of {len(ended.search)} single trainings"
    likely = _likely(ended)
    if likely is None:
        return f"trial {ended.leader} is {of}, so its figure flatters"
    return f"to be expected of trial {ended.leader}, {of}: {likely:.4g}"


def _shrunk(ended: Ended) -> str:
    """The search's best figure, and what is left of it without the noise that is known of the system."""
    metric, leader, sigma = ended.spec.objective.metric, ended.leader, known_sigma(ended.spec)
    found = f"{ended.scale.figure(ended.search[leader]):.4g}"
    start = f"Trial {leader}'s {metric} of {found} is the best of {len(ended.search)} single trainings"
    likely = _likely(ended)
    if likely is None or sigma is None:
        return f"{start}, and flatters."
    system = f"{ended.spec.model} on {ended.spec.dataset}"
    return (
        f"{start}, and flatters: {likely:.4g} is to be expected of it (shrunk towards the mean by the "
        f"{ended.scale.show(sigma)} that a re-training moves {system}, as shipped)."
    )


def _likely(ended: Ended) -> float | None:
    """The best trial's figure without the luck that made it the best; None where the system's noise is not known."""
    sigma = known_sigma(ended.spec)
    if sigma is None or not ended.scale.is_log:
        return None
    return ended.scale.figure(shrink(ended.search, sigma)[ended.leader][0])


def _unraced(ended: Ended) -> str:
    """That no fresh seeds were trained, why, and how to ask for them."""
    spec, few = ended.spec, "No fresh seeds were trained"
    is_small = ended.most(None) < LEAST_RUNS
    if spec.race != OFF and not is_small:
        return f"{few} yet: the search does that at its end."
    number = PROBE_RUNS if spec.trials is None else min(PROBE_RUNS, spec.trials)
    if number < LEAST_RUNS:
        return f"{few}: that takes a search of {LEAST_RUNS} trials at least."
    why = ""
    if spec.race != OFF:
        least = LEAST_RUNS * PER_RERUN
        why = f", since they are worth it from {least} whole trainings on and this search came to {ended.runs:.1f}"
    return f"{few}{why}; the same command with --race {number} trains {number}, and says what may be claimed."
