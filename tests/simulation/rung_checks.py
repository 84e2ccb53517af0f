"""Successive halving computed anew, from the papers' definition, beside what the referee's pruner decides."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

from sparring.records import Outcome, Verdict
from sparring.referee.running import Turn

from .slots import Call

if TYPE_CHECKING:
    from .checks import Checks
    from .world import World

ETA = 3


class RungChecks:
    """What must hold of one search that halves; of any other it asks nothing."""

    def __init__(self, world: World, checks: Checks) -> None:
        self.world, self.checks, self.plan, self.truth = world, checks, world.plan, world.truth
        epochs = self.plan.epochs
        self.rungs = sorted({epochs // ETA**k for k in (1, 2)} - {0, epochs}) if self.plan.pruner == "halving" else []
        self.judged: dict[int, set[int]] = {}
        """By trial, the rungs at which this life of the referee, or one before it, has judged it."""
        self.turns: dict[int, Turn] = {}
        """By trial, where it stood before the call that is answered now."""
        self._begun = 0
        self._held_at: object = None

    def hears(self) -> None:
        """A call has come to the referee."""
        trials = self.world.referee.trials
        self.turns, self._begun = {number: live.turn for number, live in trials.live.items()}, trials.begun

    def heard(self, call: Call, answer: Any) -> None:
        """It has been answered."""
        if self.plan.pruner != "halving":
            return
        if call.method == "report":
            self.judges(call, answer)
        elif call.method == "start":
            self.resumes(call.arguments[0], answer)
        elif call.method == "ask":
            self.takes_up(answer)
            self.hands_out(answer)

    def hands_out(self, number: int | None) -> None:
        """Of those that wait at a rung, whoever would pass it by now goes on before any trial begins."""
        referee, trials = self.world.referee, self.world.spec.trials
        if number is None or number < 0:
            return
        paused = [n for n, turn in self.turns.items() if turn is Turn.PAUSED]
        promising = [n for n in paused if n in referee.trials.live and self._passes(n)]
        if number in paused and trials is not None:
            assert number in promising, f"trial {number} goes on although it would not pass its rung"
        is_new = number not in paused and referee.trials.begun > self._begun
        if is_new and trials is not None and number >= referee._known and number not in referee.trials.queued:
            assert not promising, f"trial {number} begins while {promising} would pass their rungs"

    def rebuilt(self) -> None:
        """The referee came back, and the rungs that its trials have passed count as judged."""
        self.judged = {
            number: {rung for rung in self.rungs if rung < live.epoch}
            for number, live in self.world.referee.trials.live.items()
        }

    def hold(self, epochs: int) -> None:
        """Compares what the pruner knows, if anything has changed. epochs: all that were trained."""
        trials = self.world.referee.trials
        state = epochs, len(trials.ended), len(trials.live), self.world.life
        if self.rungs and self._held_at != state:
            self.all_hold()
            self._held_at = state

    def judges(self, call: Call, answer: Any) -> None:
        """The verdict of a report, against the rule of the pruner."""
        rows, number = call.arguments[0], call.arguments[0][-1].trial
        live = self.world.referee.trials.live.get(number)
        if live is None or live.trial.attempt != rows[-1].attempt:
            return
        fails = self._fails(number)
        is_past = live.epoch > max(self.rungs, default=0)
        spent = self.world.referee._spending.is_spent and not self._is_sheltered(number) and not is_past
        pauses = fails or spent or self.turns.get(number) is Turn.PAUSING
        if pauses or answer.verdict is Verdict.PAUSE:
            assert (answer.verdict is Verdict.PAUSE) == pauses, (
                f"trial {number} at epoch {live.epoch} was told {answer.verdict}, but by the rule it "
                f"{'fails' if pauses else 'passes'}"
            )

    def resumes(self, number: int, answer: Any) -> None:
        """A slot opens a trial: what only its checkpoint knows is judged before it goes on."""
        turn, live = self.turns.get(number), self.world.referee.trials.live.get(number)
        if live is not None and turn in (Turn.RUNNING, Turn.WAITING):
            fails = self._fails(number)
            assert (answer is None) == fails, f"trial {number}: it {'fails' if fails else 'passes'}, and got {answer}"

    def takes_up(self, handed: int | None) -> None:
        """Unfinished trials of an earlier life are judged at the rung that they had come to."""
        for number, live in self.world.referee.trials.live.items():
            if self.turns.get(number) is Turn.WAITING and live.turn is not Turn.WAITING:
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
        own = self.truth.best(self.checks.params[number], rung)
        return own is None or bisect_left(scores, own[0]) < max(1, len(scores) // ETA)

    def _at(self, rung: int) -> list[float]:
        """What the pruner knows of a rung; ``_settle`` compares that with the truth."""
        return list(self.world.referee._judge._pruner.scores(rung))

    def all_hold(self) -> None:
        """The pruner knows every trial that has reached a rung, once, and what it had reached there."""
        trials = self.world.referee.trials
        assert list(self.world.referee.rungs) == self.rungs, f"rungs {self.world.referee.rungs}, not {self.rungs}"
        for rung in self.rungs:
            must, may = Counter[float](), Counter[float]()
            for number, epoch in self._reached().items():
                best = self.truth.best(self.checks.params[number], rung)
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
