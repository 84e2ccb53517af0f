"""What holds after every event of a search, whatever has died: the invariants.

They compare the referee, the ledger and the mirror with ``Truth`` and with what was told before. Rungs, ranks and
budgets are computed here anew, from the papers' definitions, so that an error of the referee is not repeated.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from sparring.ledger import trial_rows
from sparring.ledger.checkpoints import read_progress
from sparring.ledger.effort import read_effort
from sparring.records import EpochRow, Outcome, TrialRow, Verdict
from sparring.referee.trials import BY_HAND

from .disk_checks import leader_has_weights, mirror_holds, tables_hold
from .rung_checks import RungChecks
from .slots import Call

if TYPE_CHECKING:
    from .world import World


class Checks:
    """The invariants of one world, which calls these as things happen."""

    def __init__(self, world: World) -> None:
        self.world, self.plan, self.truth = world, world.plan, world.truth
        self.asked_to_stop: set[int] = set()
        self.asked_to_run: list[Any] = []
        self.params: dict[int, str] = {}
        """By trial, its values; no number ever gets others."""
        self._seen: dict[int, Any] = {}
        self.trials: dict[int, TrialRow] = {}
        """Ends that a call has answered for: on disk, whatever dies now."""
        self.attempts: dict[int, int] = {}
        self.durable: dict[int, int] = {}
        self.left: dict[int, tuple[int, int]] = {}
        """By trial, the attempt and the epoch at which its slot left it with a checkpoint."""
        self.deaths: Counter[int] = Counter()
        self.owner: dict[int, str] = {}
        """By trial, the slot's step that was given it last."""
        self.mirrored: tuple[dict[int, TrialRow], dict[int, int], dict[int, int]] | None = None
        self.is_complete = False
        self.rungs = RungChecks(world, self)

    # -- what happens -------------------------------------------------------------------------------------------------

    def session(self) -> None:
        self.deaths.clear()

    def slot_died(self, number: int) -> None:
        self.deaths[number] += 1

    def head_is_lost(self) -> None:
        """Only the mirror has the study now."""
        held = self.mirrored or ({}, {}, {})
        self.trials, self.attempts, self.durable = ({**each} for each in held)  # type: ignore[assignment]
        self.params = {number: key for number, key in self.params.items() if number in self.attempts}
        self.left.clear()
        self._seen.clear()

    def starts(self, start: Any) -> None:
        """A slot begins or goes on with a trial."""
        trial = start.trial
        key = self._same(trial.number, trial.params)
        epoch = 0
        if start.checkpoint is not None:
            progress = read_progress(start.checkpoint)
            epoch = progress.epoch
            for n, entry in enumerate(progress.history, start=1):
                assert _same(entry["metrics"], self.truth.metrics(key, n)), f"{trial.number}: another's epoch {n}"
        attempt, left = self.left.get(trial.number, (0, 0))
        if attempt < trial.attempt:
            assert epoch >= left, f"trial {trial.number} was left at epoch {left} and goes on from epoch {epoch}"

    def followed(self, events: list[Any]) -> None:
        """What the driver shows."""
        for event in events:
            if isinstance(event, EpochRow):
                self._true(event)

    # -- around a call ------------------------------------------------------------------------------------------------

    def hears(self, call: Call) -> None:
        """A call has come to the referee."""
        trials = self.world.referee.trials
        self._attempts = {number: live.trial.attempt for number, live in trials.live.items()}
        self._begun = trials.begun
        self.rungs.hears()

    def heard(self, call: Call, answer: Any, token: str) -> None:
        """A call has been answered by the referee; nothing of that may be lost any more."""
        referee = self.world.referee
        if referee.broken is not None:
            return
        if call.method == "start" and answer is not None:
            self.owner[call.arguments[0]] = call.arguments[1]
        if call.method == "report" and answer.verdict is Verdict.GO_ON:
            number = call.arguments[0][-1].trial
            assert self.owner[number] == token, f"trial {number} is another slot's by now, and this one is to go on"
        if call.method == "leave":
            number, attempt, packed = call.arguments
            if self._attempts.get(number) == attempt:
                self.left[number] = attempt, read_progress(packed).epoch
        trials, begun = self.world.spec.trials, referee.trials.begun
        if call.method == "ask" and trials is not None:
            assert begun <= max(trials, self._begun) + len(self.asked_to_run), f"{begun} trials of {trials} have begun"
        self.rungs.heard(call, answer)
        self._settle()

    # -- the invariants -----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """The state of the referee after a call, against the truth; from here on it is remembered."""
        trials = self.world.referee.trials
        assert not trials.live.keys() & trials.ended.rows.keys(), "a trial has ended and runs"
        for number, row in trials.ended.rows.items():
            if number not in self.trials:
                self._ends(row)
                self.trials[number] = row
        epochs = sum(row.epochs for row in trials.ended.rows.values())
        for number, live in trials.live.items():
            key = self._same(number, live.trial.params)
            newest = len(live.values)
            assert not newest or newest in live.values, f"trial {number} has gaps: {sorted(live.values)}"
            if newest:
                self._true_value(key, number, newest, live.values[newest])
            epochs += newest
            self.attempts[number] = max(self.attempts.get(number, 0), live.trial.attempt)
            self.durable[number] = max(self.durable.get(number, 0), live.durable)
            assert live.durable <= newest, f"trial {number}: epoch {live.durable} is called durable, {newest} is known"
        effort = self.world.referee._spending.effort
        assert effort.epochs == epochs, f"the budget counts {effort.epochs} epochs, but there were {epochs}"
        assert math.isclose(effort.seconds, epochs * self.plan.epoch_s, abs_tol=1e-6), f"{effort} of {epochs} epochs"
        self.rungs.hold(epochs)

    def _ends(self, row: TrialRow) -> None:
        """An end, against the fate of its values."""
        key, number = self._same(row.trial, row.params), row.trial
        fate, whole = self.truth.fate(key), self.plan.epochs
        best = self.truth.best(key, row.epochs)
        about = f"trial {number} ended as {row.outcome} after {row.epochs} epochs ({row.error})"
        assert row.epochs <= whole, about
        if row.error == BY_HAND:
            assert number in self.asked_to_stop, f"{about}, but nobody asked for it"
            return
        if row.outcome in (Outcome.COMPLETED, Outcome.PRUNED):
            assert best is not None, about
            assert (row.value, row.best_epoch) == (self.truth.sign * best[0], best[1]), f"{about} with {row.value}"
            assert row.outcome is Outcome.PRUNED or row.epochs == whole, about
            assert row.outcome is Outcome.COMPLETED or (row.epochs < whole and self.plan.pruner != "none"), about
            assert row.epochs <= fate.epochs, f"{about}, past its fate {fate}"
            assert math.isclose(row.wall_s, row.epochs * self.plan.epoch_s), f"{about}, {row.wall_s} s"
        elif row.error is not None and "the slot died" in row.error:
            assert self.deaths[number] >= self.plan.attempts, f"{about}, but its slot died {self.deaths[number]} times"
        else:
            assert (row.outcome, row.epochs) == (fate.outcome, fate.epochs), f"{about}, but its fate is {fate}"
            assert row.value is None, about

    def _same(self, number: int, params: Any) -> str:
        """The trial's key. Its values are compared with those it had, unless it is the very object that was."""
        if self._seen.get(number) is not params:
            key = self.params.setdefault(number, self.truth.key(params))
            assert key == self.truth.key(params), f"trial {number} was {key} and is {dict(params)}"
            self._seen[number] = params
        return self.params[number]

    def _true(self, row: EpochRow) -> None:
        if row.trial in self.params:
            expected = self.truth.metrics(self.params[row.trial], row.epoch)
            assert _same(row.metrics, expected), f"trial {row.trial}, epoch {row.epoch}: {row.metrics}, not {expected}"

    def _true_value(self, key: str, number: int, epoch: int, value: float) -> None:
        expected = self.truth.metrics(key, epoch)["val/score"]
        assert _same({"": value}, {"": expected}), f"trial {number}, epoch {epoch}: {value}, not {expected}"

    # -- what is on disk ----------------------------------------------------------------------------------------------

    def rebuilt(self) -> None:
        """The referee came back: whatever was answered for before must be in the ledger, and be true."""
        referee, trials = self.world.referee, self.world.referee.trials
        assert referee.trials.ledger.torn == (), f"torn: {referee.trials.ledger.torn}"
        tables_hold(self.world.folder, self._true)
        for number, row in self.trials.items():
            assert number in trials.ended.rows, f"trial {number} had ended, and is forgotten"
            assert _alike(trials.ended.rows[number], row), (
                f"trial {number} ended as {row}, now {trials.ended.rows[number]}"
            )
        for number, attempt in self.attempts.items():
            if number in trials.live:
                back = trials.live[number]
                assert back.trial.attempt >= attempt, f"trial {number}: attempt {attempt} is forgotten"
                lost = set(range(1, self.durable.get(number, 0) + 1)) - back.values.keys()
                assert not lost, f"trial {number}: epochs {sorted(lost)} were called durable, and are lost"
            else:
                assert number in trials.ended.rows, f"trial {number} had begun, and is forgotten"
        self.rungs.rebuilt()
        self._settle()
        leader_has_weights(referee, self.params)

    def closed(self, broken: str | None) -> None:
        """A session has ended."""
        if broken is not None:
            return
        referee = self.world.referee
        tables_hold(self.world.folder, self._true)
        effort = read_effort(self.world.folder, self.world.spec)
        assert effort.epochs == referee._spending.effort.epochs, f"{effort} on disk, {referee._spending.effort} counted"
        leader_has_weights(referee, self.params)
        self.is_complete = not referee.trials.live and (
            self.world.spec.trials is None or len(referee.trials.ended) >= self.world.spec.trials
        )

    def looked(self, whole: bool) -> None:
        """The mirror has looked. whole: all that is committed has been copied."""
        mirror_holds(self.world.folder, self.world.address / "s")
        if whole:
            self.mirrored = {**self.trials}, {**self.attempts}, {**self.durable}

    def at_the_end(self) -> None:
        """The search is over: every trial ended, as its twin would have."""
        assert self.is_complete, "the search ended, and trials are left"
        rows = trial_rows(self.world.folder)
        trials = self.world.spec.trials
        if trials is not None:
            assert len(rows) <= trials + len(self.asked_to_run), f"{len(rows)} trials of {trials}"
        else:
            self._budget_is_kept(rows)

    def _budget_is_kept(self, rows: list[TrialRow]) -> None:
        """Seconds of training: no more than the budget, what always finishes, and an epoch of each slot."""
        whole_s = self.plan.epochs * self.plan.epoch_s
        limit_s = (self.plan.trains or 0.0) * whole_s
        spent_s = sum(row.wall_s for row in rows)
        most_s = limit_s + (self.plan.slots + self.world.space.first + len(self.asked_to_run)) * whole_s
        assert spent_s <= most_s, f"{spent_s} s of {limit_s} s were spent"


def _same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(
        one[name] == other[name] or (math.isnan(one[name]) and math.isnan(other[name])) for name in one
    )


def _alike(one: TrialRow, other: TrialRow) -> bool:
    names = ("trial", "attempt", "seed", "outcome", "params", "value", "best_epoch", "epochs")
    return all(getattr(one, name) == getattr(other, name) for name in names)
