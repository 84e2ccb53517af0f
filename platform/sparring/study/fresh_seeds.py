"""The stage after the search: its best trials trained again on fresh seeds, as the race says, and what that concludes.

What is to be trained next follows from the ledger alone, so a race that was killed goes on where it was. Who trains is
the caller's: slots of a cluster, or anything else that makes re-trainings of jobs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.resampling import MOST, Plan
from ..errors import UsageError
from ..ledger import Ledger, read_study, refit_trials, retraining_rows, spec_from_json, trial_rows
from ..ledger.effort import LEAST_RUNS, PER_RERUN, PROBE_RUNS, REFIT_RUNS, Effort, hours_seconds, read_effort
from ..ledger.ranking import best_row, is_ranked
from ..ledger.weights import WEIGHTS, WeightsFolder
from ..records import REFIT, StudySpec, TrialRow, Value
from ..records import Retraining as Row
from .conclusion import Conclusion, Scale, Standing, conclude, noise_of, race, scale_of, share_of_budget
from .conclusion.race import LEAST, Run

AUTO, OFF = "auto", "off"


@dataclass(frozen=True)
class Job:
    """One re-training to do: a trial's hyperparameters from a fresh seed, or of role ``REFIT`` from its own."""

    trial: int
    params: Mapping[str, Value]
    seed: int
    role: str
    asked: int | None = None


Train = Callable[[Sequence[Job]], Iterable[Row]]
"""Jobs to re-trainings, one of each in any order as they end; what fails is a re-training too."""


def check_race(spec: StudySpec) -> None:
    """Raises UsageError for a ``race`` that is neither auto, off nor a number that the budget holds."""
    if spec.race in (AUTO, OFF):
        return
    if not (spec.race.isascii() and spec.race.isdecimal()):
        raise UsageError(f"--race: wants auto, off or a number of re-trainings, but got {spec.race!r}; leave it out")
    if not may_race(spec):
        raise UsageError(
            f"--race: re-trains by one objective with one worker each, but got {spec.race} with several objectives or "
            "workers per trial; use --race off"
        )
    most, bound = (MOST, "the seeds that there are") if spec.trials is None else (spec.trials, "--trials")
    if not LEAST_RUNS <= int(spec.race) <= most:
        raise UsageError(
            f"--race: wants at least {LEAST_RUNS} re-trainings, two seeds each of two trials, and no more than {bound} "
            f"({most}), but got {spec.race}; use --race auto, or another number"
        )


def may_race(spec: StudySpec) -> bool:
    """Whether the study's trials could be trained again at all: one objective, one worker each."""
    return len(spec.objectives) == 1 and spec.workers_per_trial == 1


def fresh_seeds(seed: int) -> list[int]:
    """Seeds of re-trainings in their order, without the study's own; the first are those of `train --ensemble`."""
    members = Plan(scheme="ensemble", members=MOST).draw(seed)
    return [member.seed for member in members if member.seed != seed]


def due(folder: Path, spec: StudySpec, epochs: int) -> tuple[Job, ...]:
    """What a search that has ended is to train next; nothing where the race is over, or none is to be.

    Last comes the winner once more, from its own seed, where its weights are not kept: those are what all verbs use.

    spec: the study's, with the race that is asked for. epochs: a trial's budget.
    """
    if spec.race == OFF or not may_race(spec):
        return ()
    ended = Ended(folder, spec, epochs)
    if len(ended.search) < LEAST:
        return ()
    jobs, standing = ended.play()
    return jobs or _refit(folder, ended, standing)


def _refit(folder: Path, ended: Ended, standing: Standing) -> tuple[Job, ...]:
    """The training that makes the weights of a winner other than the search's; nothing if that was tried before."""
    found = conclude(ended.search, standing, ended.scale) if ended.results else None
    if found is None:
        return ()
    row = ended.rows[cheapest(found, ended.rows.values())]
    has_weights = row.trial in {0, ended.leader} or row.trial in WeightsFolder(folder / WEIGHTS).trials
    if has_weights or row.trial in refit_trials(folder):
        return ()
    return (Job(row.trial, row.params, row.seed, REFIT),)


def conclusion_of(folder: Path) -> Conclusion | None:
    """What the study may claim by its re-trainings so far; None without enough of them. Raises as ``read_trials``."""
    if not retraining_rows(folder):  # without reading the epochs of all trials
        return None
    ended = read_ended(folder)
    if len(ended.search) < LEAST or not ended.results:
        return None
    return conclude(ended.search, ended.play()[1], ended.scale)


def hold_race(folder: Path, spec: StudySpec, epochs: int, train: Train) -> None:
    """Trains until nothing is due; each re-training is in the ledger before the next is looked at. Hold the lock.

    Raises LedgerError, and what ``train`` raises; what was committed stays, and the same call goes on.
    """
    document = read_study(folder)
    with Ledger(folder, kinds=document["kinds"], metrics=document["metrics"]) as ledger:
        while jobs := due(folder, spec, epochs):
            for row in train(jobs):
                if row.weights is not None:
                    WeightsFolder(folder / WEIGHTS).write(row.trial, row.weights)  # before its row, which stands for it
                ledger.append_retraining(row)


def cheapest(found: Conclusion, rows: Iterable[TrialRow]) -> int:
    """The trial to go on with: who leads, but of a tie the one whose training took the fewest seconds."""
    if found.kind != "tie":
        return found.trial
    seconds = {row.trial: row.wall_s for row in rows}
    return min(found.tied, key=lambda trial: (seconds.get(trial, math.inf), trial))


def find_winner(folder: Path, rows: Iterable[TrialRow] | None = None) -> TrialRow | None:
    """The trial that a study goes by, for all who ask: the look at the test rows, verbs, summary, report.

    It is what fresh seeds conclude: the winner, or of a tie the one that trains the fastest; before any the search's
    best.

    rows: the study's ended trials, read already. None if none has completed. Raises as ``read_trials``.
    """
    ranked = [row for row in (trial_rows(folder) if rows is None else rows) if is_ranked(row)]
    if not ranked:
        return None
    found = conclusion_of(folder)
    number = None if found is None else cheapest(found, ranked)
    concluded = next((row for row in ranked if row.trial == number), None)  # none if it ended after rows were read
    return concluded or best_row(ranked, spec_from_json(read_study(folder)["spec"]).objective)


def read_ended(folder: Path) -> Ended:
    """The folder's study as its race sees it. Raises as ``read_trials``."""
    document = read_study(folder)
    return Ended(folder, spec_from_json(document["spec"]), document.get("epochs", 0))


class Ended:
    """A search that has ended, as the race sees it. spec: with the race that is asked for. epochs: a trial's budget."""

    def __init__(self, folder: Path, spec: StudySpec, epochs: int) -> None:
        self.spec = spec
        self.rows = {row.trial: row for row in trial_rows(folder) if is_ranked(row)}
        again = retraining_rows(folder)
        figures = [_value(row) for row in self.rows.values()]
        figures += [row.value for row in again if row.value is not None]
        self.scale: Scale = scale_of(spec.objective, figures)
        self.search = {trial: self.scale.take(_value(row)) for trial, row in self.rows.items()}
        """Figures on the scale, by trial; of completed ones alone."""
        self.seeds = fresh_seeds(spec.seed)
        number = {seed: index for index, seed in enumerate(self.seeds, start=1)}
        self.results: dict[int, dict[int, float]] = {}
        for row in again:
            if row.seed in number and row.trial in self.rows:
                taken = math.inf if row.value is None else self.scale.take(row.value)
                self.results.setdefault(row.trial, {})[number[row.seed]] = taken
        # A race is never made smaller: it would forget trainings that it has.
        asked = [row.asked for row in again if row.asked is not None]
        self.asked = max([int(spec.race), *asked] if spec.race.isdecimal() else asked, default=None)
        self.effort: Effort = read_effort(folder, spec)
        self.whole_s = self.effort.epoch_s * epochs  # of a whole training, in the mean
        self.runs = self.effort.epochs / max(epochs, 1)
        """Whole trainings that the search's epochs amount to."""

    @property
    def leader(self) -> int:
        """The trial that the search found the best."""
        return min(self.search, key=lambda trial: (self.search[trial], trial))

    def play(self) -> tuple[tuple[Job, ...], Standing]:
        """The race up to what is not known yet: the jobs that it waits for, and how it stands."""
        racing = race(self.search, self.most)
        try:
            runs = next(racing)
            while not (missing := [run for run in runs if run.seed not in self.results.get(run.trial, {})]):
                runs = racing.send(self.results)
        except StopIteration as end:
            standing: Standing = end.value
            return (), standing if standing.noise is not None else self._standing()
        return tuple(map(self._job, missing)), self._standing()

    def most(self, sigma: float | None) -> int:
        """Re-trainings in all that the user asked for, or that a noise of ``sigma`` is worth.

        Of hours the race may spend what the search has left. Otherwise it comes on top, and is at most a fifth as long.
        """
        if self.asked is not None:
            return self.asked
        left_s = hours_seconds(self.spec) - self.effort.seconds
        if not self.whole_s:
            bought = 0
        elif math.isfinite(left_s):
            bought = int(left_s / self.whole_s) - REFIT_RUNS
        else:
            bought = int(self.runs / PER_RERUN)
        if bought < LEAST_RUNS:
            return 0
        share = 0.0 if sigma is None or not self.scale.is_log else share_of_budget(sigma, self.runs)
        return min(bought, max(PROBE_RUNS, int(share * self.runs)))

    def _job(self, run: Run) -> Job:
        return Job(run.trial, self.rows[run.trial].params, self.seeds[run.seed - 1], run.role, self.asked)

    def _standing(self) -> Standing:
        """Of a race that is not over: the search's leader, by all fresh seeds that there are."""
        noise = noise_of(row.values() for row in self.results.values())
        return Standing(self.leader, self.results, noise, tuple(sorted(self.results.get(self.leader, {}))))


def _value(row: TrialRow) -> float:
    assert row.value is not None  # is_ranked
    return row.value
