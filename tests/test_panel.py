"""The live view says what a study's page says: a claim, the best yardstick, which net is sick, the race."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.consoles import BASELINE, SCORE, log, snapshot, terminal, written

from sparring.display import LiveView, RaceView
from sparring.display.panel import Findings, draw_panel
from sparring.ledger.health import _COLLAPSES, seat
from sparring.records import REFIT, Outcome, Prospect, Retraining, RunningTrial

CLAIM = "to be expected of trial 7, the best of 12 single trainings: 0.112"
OUTCOMES = {Outcome.COMPLETED: 6, Outcome.DIVERGED: 1, Outcome.COLLAPSED: 3}


def lines(shown, findings, *, width=80, height=24):
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(draw_panel(shown, findings, title="a · b", objective=SCORE, width=width, height=height))
    return console.file.getvalue().splitlines()


def test_the_panel_says_what_may_be_claimed_what_is_sick_and_what_to_beat():
    running = tuple(
        RunningTrial(number=n, attempt=1, epoch=3, epochs=30, value=0.2, warning=words)
        for n, words in enumerate(("", "the discriminator has 0.00% of the gradient", "another"))
    )
    shown = snapshot(
        outcomes=OUTCOMES, sick={"discriminator": 2, "train/loss_gen": 1, "code": 1}, running=running,
        prospect=Prospect(trials=24, expected=0.09, low=0.08, high=0.1),
    )  # fmt: skip
    said = lines(shown, Findings(claim=CLAIM, rival=("ridge", 0.2), links={"results": "results/a"}))
    assert {len(line) for line in said} == {80}
    assert len(said) <= 16
    text = "\n".join(said)
    for words in (
        CLAIM, "best yardstick ridge 0.2", "24 more trials: 0.09 expected (0.08 to 0.1)",
        "sick: 1 diverged, 3 collapsed (discriminator 2, train/loss_gen 1, code 1)",
        "trial 1: the discriminator has 0.00% of the gradient",
    ):  # fmt: skip
        assert words in text
    assert "another" not in text
    assert "…" not in text


@pytest.mark.parametrize("height", [10, 24, 50])
def test_whatever_is_said_one_running_trial_is_drawn_and_the_panel_stays_short(height):
    running = tuple(RunningTrial(number=n, attempt=1, epoch=3, epochs=30, value=0.2) for n in range(9))
    prospect = Prospect(trials=24, expected=0.09, low=0.08, high=0.1)
    shown = snapshot(outcomes=OUTCOMES, sick={"code": 4}, running=running, prospect=prospect)
    links = {"results": "a", "tensorboard": "b", "ray dashboard": "c"}
    said = lines(shown, Findings(claim=CLAIM, rival=("ridge", 0.2), links=links), height=height)
    assert sum("3/30 epochs" in line for line in said) == 1
    assert len(said) <= 16


def test_a_sound_search_says_nothing_of_sickness():
    assert "sick" not in "\n".join(lines(snapshot(), Findings()))


NETS = ("discriminator", "generator", "code")


@pytest.mark.parametrize(("reason", "net"), [(words, net) for (_, words), net in zip(_COLLAPSES, NETS, strict=True)])
def test_a_collapse_is_of_a_net(reason, net):
    assert seat(f"{reason}, 3 epochs in a row") == net


def test_a_divergence_is_of_the_figure_that_broke():
    assert seat("train/loss_dis became NaN, and 3 other figures") == "train/loss_dis"
    assert seat(None) == seat("") == seat("RuntimeError: shapes") == ""


def test_a_log_says_the_claim_once_a_minute():
    console = log()
    with LiveView(console, title="a · b", objective=SCORE) as view:
        for second, claim in ((50, "one"), (70, "two"), (100, "three"), (140, "four"), (240, "four")):
            view.findings.claim = claim
            view.update(snapshot(elapsed_s=float(second)))
    assert written(console).splitlines()[1:] == ["two", "four"]


def retraining(trial, seed, value, outcome=Outcome.COMPLETED):
    return Retraining(trial=trial, seed=seed, role="probe", outcome=outcome, value=value)


def race(console):
    return RaceView(console, title="aegan-1 · aegan on exafs", objective=SCORE, searched={7: 0.1, 0: BASELINE.value})


def test_a_race_says_who_runs_what_each_has_reached_and_what_that_allows():
    console = terminal()
    with race(console) as view:
        view.begin([7, 0, 7, 0])
        view.tell(retraining(7, 1, 0.12))
        view.tell(retraining(7, 2, None, Outcome.COLLAPSED))
        view.claim = "a tie of 2"
    last = terminal()
    last.print(view.panel(75.0))
    text = written(last)
    for words in (
        "2/4 trained again", "1:15 elapsed", "trial 7: val/score 0.1 found, again 0.12, collapsed",
        "trial 0: val/score 0.4 found, none yet", "a tie of 2",
    ):  # fmt: skip
        assert words in text


def test_without_a_terminal_a_race_is_a_line_each():
    console = log()
    with race(console) as view:
        view.begin([7, 0])
        view.tell(retraining(7, 1, 0.12))
        view.refresh()
        view.begin([0], for_weights=True)
        view.tell(replace(retraining(0, 9, 0.4), role=REFIT))
    assert written(console).splitlines() == [
        "Training again on fresh seeds: 2 trainings of trials 7, 0 …",
        "  trial 7, seed 1: val/score 0.12",
        "Training trial 0 again from its own seed: fresh seeds name it, its weights are not kept …",
        "  trial 0, seed 9: val/score 0.4",
    ]
    assert "again 0.4" not in str(view.panel(0.0).renderable.renderables[2])  # it is no fresh seed's figure
