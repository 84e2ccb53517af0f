"""What holds after every event of a search, whatever has died: the invariants.

They compare the referee, the ledger and the mirror with ``Truth`` and with what was told before. Rungs, ranks and
budgets are computed here anew, from the papers' definitions, so that an error of the referee is not repeated.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from sparring.ledger import attempt_rows, epoch_rows, trial_rows
from sparring.ledger.checkpoints import read_progress
from sparring.ledger.effort import read_effort
from sparring.ledger.parts import list_parts
from sparring.ledger.schema import KEYS
from sparring.records import EpochRow, Outcome, TrialRow, Verdict
from sparring.referee.running import Turn
from sparring.referee.trials import BY_HAND

from .slots import Call, weights_of

if TYPE_CHECKING:
    from .world import World

ETA = 3


class Checks:
    """The invariants of one world, which calls these as things happen."""

    def __init__(self, world: World) -> None:
        self.world, self.plan, self.truth = world, world.plan, world.truth
        self.asked_to_stop: set[int] = set()
        self.asked_to_run: list[Any] = []
        self.power_was_cut = False
        self.params: dict[int, str] = {}
        """By trial, its values; no number ever gets others."""
        self._seen: dict[int, Any] = {}
        self._judged_at: object = None
        self.trials: dict[int, TrialRow] = {}
        """Ends that a call has answered for: on disk, whatever dies now."""
        self.attempts: dict[int, int] = {}
        self.durable: dict[int, int] = {}
        self.left: dict[int, tuple[int, int]] = {}
        """By trial, the attempt and the epoch at which its slot left it with a checkpoint."""
        self.deaths: Counter[int] = Counter()
        self.owner: dict[int, str] = {}
        """By trial, the slot's step that was given it last."""
        self.judged: dict[int, set[int]] = {}
        """By trial, the rungs at which this life of the referee, or one before it, has judged it."""
        self.mirrored: tuple[dict[int, TrialRow], dict[int, int], dict[int, int]] | None = None
        self.is_complete = False
        epochs = self.plan.epochs
        self.rungs = sorted({epochs // ETA**k for k in (1, 2)} - {0, epochs}) if self.plan.pruner == "halving" else []

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
        self._turns = {number: live.turn for number, live in trials.live.items()}
        self._attempts = {number: live.trial.attempt for number, live in trials.live.items()}
        self._begun = trials.begun

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
        if self.plan.pruner == "halving":
            if call.method == "report":
                self._judges(call, answer)
            elif call.method == "start":
                self._resumes(call.arguments[0], answer)
            elif call.method == "ask":
                self._takes_up(answer)
        if call.method == "ask":
            self._hands_out(answer)
        self._settle()

    def _hands_out(self, number: int | None) -> None:
        referee = self.world.referee
        trials, begun = self.world.spec.trials, referee.trials.begun
        if trials is not None:
            assert begun <= max(trials, self._begun) + len(self.asked_to_run), f"{begun} trials of {trials} have begun"
        if number is None or number < 0 or self.plan.pruner != "halving":
            return
        paused = [n for n, turn in self._turns.items() if turn is Turn.PAUSED]
        promising = [n for n in paused if n in referee.trials.live and self._passes(n)]
        if number in paused and trials is not None:
            assert number in promising, f"trial {number} goes on although it would not pass its rung"
        is_new = number not in paused and begun > self._begun
        if is_new and trials is not None and number >= referee._known and number not in referee.trials.queued:
            assert not promising, f"trial {number} begins while {promising} would pass their rungs"

    def _judges(self, call: Call, answer: Any) -> None:
        """The verdict of a report, against the rule of the pruner."""
        rows, number = call.arguments[0], call.arguments[0][-1].trial
        live = self.world.referee.trials.live.get(number)
        if live is None or live.trial.attempt != rows[-1].attempt:
            return
        fails = self._fails(number)
        is_past = live.epoch > max(self.rungs, default=0)
        spent = self.world.referee._spending.is_spent and not self._is_sheltered(number) and not is_past
        pauses = fails or spent or self._turns.get(number) is Turn.PAUSING
        if pauses or answer.verdict is Verdict.PAUSE:
            assert (answer.verdict is Verdict.PAUSE) == pauses, (
                f"trial {number} at epoch {live.epoch} was told {answer.verdict}, but by the rule it "
                f"{'fails' if pauses else 'passes'}"
            )

    def _resumes(self, number: int, answer: Any) -> None:
        """A slot opens a trial: what only its checkpoint knows is judged before it goes on."""
        turn, live = self._turns.get(number), self.world.referee.trials.live.get(number)
        if live is not None and turn in (Turn.RUNNING, Turn.WAITING):
            fails = self._fails(number)
            assert (answer is None) == fails, f"trial {number}: it {'fails' if fails else 'passes'}, and got {answer}"

    def _takes_up(self, handed: int | None) -> None:
        """Unfinished trials of an earlier life are judged at the rung that they had come to."""
        for number, live in self.world.referee.trials.live.items():
            if self._turns.get(number) is Turn.WAITING and live.turn is not Turn.WAITING:
                fails = self._fails(number)
                is_thawed = number == handed and self.world.spec.trials is None  # it was paused, and then its turn came
                assert (live.turn is Turn.PAUSED) == fails or is_thawed, f"trial {number}: it failed is {fails}"
                assert live.turn is Turn.PAUSED or number == handed, f"trial {number} runs, and nobody was given it"

    def _fails(self, number: int) -> bool:
        """Judges a trial at the rungs at which nobody has yet."""
        live = self.world.referee.trials.live[number]
        seen = self.judged.setdefault(number, set())
        fresh = [rung for rung in self.rungs if rung in live.values and rung not in seen]
        seen.update(fresh)
        return not self._is_sheltered(number) and any(not self._passes(number, rung) for rung in fresh)

    def _is_sheltered(self, number: int) -> bool:
        """The default, and what somebody has put in line, finish whatever they reach."""
        return number < self.world.space.first or self.world.referee.trials.live[number].trial.source == "queued"

    def _passes(self, number: int, rung: int | None = None) -> bool:
        """Whether a trial is among the best third at a rung, of those that have reached it."""
        if rung is None:
            live = self.world.referee.trials.live[number]
            rung = max((each for each in self.judged.get(number, ()) if each <= live.epoch), default=0)
            if not rung:
                return True
        scores = self._at(rung)
        own = self.truth.best(self.params[number], rung)
        return own is None or bisect_left(scores, own[0]) < max(1, len(scores) // ETA)

    def _at(self, rung: int) -> list[float]:
        """What the pruner knows of a rung; ``_settle`` compares that with the truth."""
        return list(self.world.referee._judge._pruner.scores(rung))

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
        if self.rungs and self._judged_at != (state := (epochs, len(trials.ended), len(trials.live), self.world.life)):
            self._rungs_hold()
            self._judged_at = state

    def _rungs_hold(self) -> None:
        """The pruner knows every trial that has reached a rung, once, and what it had reached there."""
        trials = self.world.referee.trials
        assert list(self.world.referee.rungs) == self.rungs, f"rungs {self.world.referee.rungs}, not {self.rungs}"
        for rung in self.rungs:
            must, may = Counter[float](), Counter[float]()
            for number, epoch in self._reached().items():
                best = self.truth.best(self.params[number], rung)
                if best is not None and epoch >= rung:
                    row = trials.ended.rows.get(number)
                    # A trial that fell sick with the report of its rung was not judged there before it ended.
                    counts = row is None or row.outcome in (Outcome.COMPLETED, Outcome.PRUNED)
                    (must if counts else may)[best[0]] += 1
            known = Counter(self._at(rung))
            assert not must - known, f"rung {rung}: {sorted((must - known).elements())} are not known"
            assert not known - must - may, f"rung {rung}: {sorted((known - must - may).elements())} reached it not"

    def _reached(self) -> dict[int, int]:
        trials = self.world.referee.trials
        return {
            **{number: row.epochs for number, row in trials.ended.rows.items()},
            **{number: live.epoch for number, live in trials.live.items()},
        }

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
            # A slot's error is told without the epochs that a referee which died since had heard and not committed.
            may_lack = fate.outcome is Outcome.CRASHED and self.world.life > 0
            assert row.outcome is fate.outcome, f"{about}, but its fate is {fate}"
            assert row.epochs == fate.epochs or (may_lack and row.epochs < fate.epochs), f"{about}, not as {fate}"
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
        self._disk_holds()
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
        self.judged = {
            number: {rung for rung in self.rungs if rung < live.epoch} for number, live in trials.live.items()
        }
        self._settle()
        self._leads_with_weights()

    def _disk_holds(self) -> None:
        """The tables as any reader sees them."""
        folder = self.world.folder
        rows = trial_rows(folder)
        assert len({row.trial for row in rows}) == len(rows), "a trial ended twice"
        numbers = sorted({row.trial for row in attempt_rows(folder)})
        assert numbers == list(range(len(numbers))), f"begun were {numbers}"
        epochs = Counter[tuple[int, int]]()
        for row in epoch_rows(folder):
            epochs[row.trial, row.epoch] += 1
            self._true(row)
        twice = {each: count for each, count in epochs.items() if count > 1}
        assert not twice, f"epochs counted twice: {twice}"
        for row in rows:
            own = {n for trial, n in epochs if trial == row.trial}
            assert own == set(range(1, row.epochs + 1)), f"trial {row.trial} of {row.epochs} epochs has {sorted(own)}"

    def _leads_with_weights(self) -> None:
        referee = self.world.referee
        best = referee.trials.ended.best
        if best is not None:
            packed = referee.trials._weights.read(best.trial)
            assert packed is not None, f"trial {best.trial} leads, and its weights are gone"
            assert packed == weights_of(self.params[best.trial], best.epochs), "other weights than the leader's"

    def closed(self, broken: str | None) -> None:
        """A session has ended."""
        if broken is not None:
            return
        referee = self.world.referee
        self._disk_holds()
        effort = read_effort(self.world.folder, self.world.spec)
        assert effort.epochs == referee._spending.effort.epochs, f"{effort} on disk, {referee._spending.effort} counted"
        self._leads_with_weights()
        self.is_complete = not referee.trials.live and (
            self.world.spec.trials is None or len(referee.trials.ended) >= self.world.spec.trials
        )

    def looked(self, whole: bool) -> None:
        """The mirror holds nothing that the ledger lacks; if the look was whole, all that is committed."""
        folder, address = self.world.folder, self.world.address / "s"
        for table in KEYS:
            home, names = list_parts(folder / table)  # a merger may have died between its two renames
            here = set(names)
            beyond = [path for path in sorted((address / table).glob("*.parquet")) if path.name not in here]
            if not beyond:
                continue
            own = {row for name in here for row in _keys_in(home / name, table)}
            for path in beyond:
                more = set(_keys_in(path, table)) - own
                assert not more, f"the mirror's {path.name} has {sorted(more)}, which the ledger lacks"
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


def _keys_in(part: Path, table: str) -> list[tuple[Any, ...]]:
    rows = pq.read_table(part, columns=list(KEYS[table]), partitioning=None).to_pylist()
    return [tuple(row.values()) for row in rows]
