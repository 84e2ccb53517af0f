"""Bugs of the order of trials: rungs, verdicts and budgets."""

from __future__ import annotations

from typing import Any

from sparring.referee import pruners, trials
from sparring.referee.order import Order
from sparring.referee.pruners import Halving
from sparring.referee.rungs import Judge
from sparring.referee.running import LiveTrial
from sparring.referee.trials import Trials

from .registry import Patch, bug


@bug
def an_off_by_one_rung(patch: Patch) -> None:
    real = Halving.__init__

    def init(self: Halving, epochs: int, depth: int = 2) -> None:
        real(self, epochs, depth)
        self.rungs = tuple(rung + 1 for rung in self.rungs)

    patch.setattr(Halving, "__init__", init)


@bug
def one_too_many_passes_a_rung(patch: Patch) -> None:
    def judge(self: Halving, reached: Any) -> bool:
        scores = self.scores(reached.epoch)
        return pruners.bisect_left(scores, self.score(reached)) > max(1, len(scores) // pruners.REDUCTION)

    patch.setattr(Halving, "judge", judge)


@bug
def a_rung_is_judged_again_at_every_epoch(patch: Patch) -> None:
    def fails(self: Judge, live: LiveTrial, rung: int) -> bool:
        if rung not in live.values:
            return False
        reached = live.reached(rung)
        if reached is None:
            return False
        self._learn(live, reached)
        live.passed.add(rung)
        return not self._shelters(live) and self._pruner.judge(reached)

    patch.setattr(Judge, "_fails", fails)


@bug
def a_rung_is_learnt_twice_after_a_resume(patch: Patch) -> None:
    real = Judge.recall

    def recall(self: Judge, live: LiveTrial) -> None:
        real(self, live)
        live.learnt.clear()

    patch.setattr(Judge, "recall", recall)


@bug
def the_ended_are_forgotten_at_the_rungs(patch: Patch) -> None:
    patch.setattr(Judge, "recall_ended", lambda self, *_: None)


@bug
def a_verdict_told_twice(patch: Patch) -> None:
    """A pause is told once more to the slot that takes the trial up again."""
    real = Trials.hand_out

    def hand_out(self: Trials, live: LiveTrial) -> int:
        number = real(self, live)
        if live.passed:
            live.passed.remove(max(live.passed))
        return number

    patch.setattr(Trials, "hand_out", hand_out)


@bug
def one_trial_too_many(patch: Patch) -> None:
    real = Order.may_begin
    patch.setattr(Order, "may_begin", lambda self, begun, *, is_known: real(self, begun - 1, is_known=is_known))


@bug
def the_budget_begins_anew_with_a_resume(patch: Patch) -> None:
    from sparring.ledger.effort import Effort

    patch.setattr(trials, "read_effort", lambda folder, spec: Effort())


@bug
def the_worst_is_promoted(patch: Patch) -> None:
    patch.setattr(Judge, "may_go_on", lambda self, live: bool(live.passed))
