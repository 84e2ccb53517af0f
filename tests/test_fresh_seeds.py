"""The stage after the search without Ray: what is trained again, that a kill loses nothing, what is refused."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from sparring.errors import UsageError
from sparring.ledger import Ledger, epoch_rows, retraining_rows, spec_to_json, trial_rows, write_study
from sparring.ledger.effort import Effort, search_seconds
from sparring.records import EpochRow, Objective, Outcome, Retraining, StudySpec, TrialRow
from sparring.study.claim import sentences_of
from sparring.study.fresh_seeds import cheapest, check_race, conclusion_of, due, fresh_seeds, hold_race

EPOCHS = 4
SPEC = StudySpec(
    name="s", model="aegan", dataset="exafs", race="auto", trials=30, objectives=(Objective(metric="val/score"),)
)
TRUTH = {trial: math.exp(0.02 * ((7 * trial + 1) % 30)) for trial in range(30)}


class Killed(Exception):
    """The process is gone."""


class Trainer:
    """Stands in for slots: every re-training gives its trial's truth, moved by its seed; dies after so many."""

    def __init__(self, sigma=0.05, dies_after=math.inf):
        self.sigma, self.left, self.asked = sigma, dies_after, []

    def __call__(self, jobs):
        for job in jobs:
            if self.left == 0:
                raise Killed
            self.left -= 1
            self.asked.append((job.trial, job.seed))
            luck = np.random.default_rng([job.trial, job.seed]).standard_normal()
            value = TRUTH[job.trial] * math.exp(self.sigma * luck)
            yield Retraining(
                trial=job.trial, seed=job.seed, role=job.role, asked=job.asked, outcome=Outcome.COMPLETED, value=value,
                best_epoch=1, epochs=EPOCHS, metrics={"val/score": value},
            )  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Makes the folder of a search that has ended: each is written once, and copied with the spec that is wanted."""
    made = {}

    def make(folder, spec=SPEC, trials=30, epoch_s=1.0):
        key = (trials, epoch_s)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("searched") / "s"
            _write(made[key], spec, trials, epoch_s)
        shutil.copytree(made[key], folder)
        (folder / "study.json").unlink()
        write_study(folder, _document(spec))
        return folder

    return make


def _document(spec):
    return {"kinds": {"lr": "float"}, "metrics": ["val/score"], "spec": spec_to_json(spec), "epochs": EPOCHS}


def _write(folder, spec, trials, epoch_s):
    write_study(folder, _document(spec))
    told = [{"trial": trial, "attempt": 1, "metrics": {"val/score": TRUTH[trial]}} for trial in range(trials)]
    done = {"seed": 0, "outcome": Outcome.COMPLETED, "params": {"lr": 0.1}, "best_epoch": 1}
    with Ledger(folder, kinds={"lr": "float"}, metrics=["val/score"], wait_s=0) as ledger:
        spent = {"wall_s": epoch_s, "cpu_s": epoch_s}
        ledger.append_epochs([EpochRow(epoch=n, **spent, **each) for each in told for n in range(1, EPOCHS + 1)])
        for each in told:
            ledger.append_trial(TrialRow(value=TRUTH[each["trial"]], **done, **each))
        ledger.compact()


LEADER = min(TRUTH, key=TRUTH.__getitem__)


def test_leader_and_default_are_trained_again_on_seeds_that_are_not_the_studys(searched, tmp_path):
    folder, trainer = searched(tmp_path / "s"), Trainer()
    before = trial_rows(folder), epoch_rows(folder)
    hold_race(folder, SPEC, EPOCHS, trainer)
    assert sorted(trainer.asked) == sorted((trial, seed) for trial in (0, LEADER) for seed in (97, 39, 22))
    assert {(row.trial, row.seed) for row in retraining_rows(folder)} == set(trainer.asked)
    assert (trial_rows(folder), epoch_rows(folder)) == before
    found = conclusion_of(folder)
    assert (found.trial, found.seeds) == (LEADER, 3)
    assert due(folder, SPEC, EPOCHS) == ()
    hold_race(folder, SPEC, EPOCHS, Trainer(dies_after=0))  # nothing is trained twice


def test_a_race_killed_anywhere_goes_on_where_it_was(searched, tmp_path):
    spec = replace(SPEC, race="24")
    whole = searched(tmp_path / "whole", spec)
    trainer = Trainer(sigma=0.2)
    hold_race(whole, spec, EPOCHS, trainer)
    assert 6 < len(trainer.asked) <= 24 + 1  # the winner once more, for its weights
    for cut in (1, 7):
        folder, first, second = searched(tmp_path / f"cut{cut}", spec), Trainer(0.2, cut), Trainer(0.2)
        with pytest.raises(Killed):
            hold_race(folder, spec, EPOCHS, first)
        hold_race(folder, spec, EPOCHS, second)
        assert first.asked + second.asked == trainer.asked
        assert conclusion_of(folder) == conclusion_of(whole)


@pytest.mark.parametrize(("trials", "runs"), [(19, 0), (20, 4), (29, 4), (30, 6)])
def test_auto_spends_a_fifth_of_what_the_search_did_and_nothing_where_that_shows_no_noise(
    searched, tmp_path, trials, runs
):
    folder, trainer = searched(tmp_path / "s", trials=trials), Trainer()
    hold_race(folder, SPEC, EPOCHS, trainer)
    assert len(trainer.asked) == runs
    assert (conclusion_of(folder) is None) == (runs == 0)


def test_none_is_trained_where_it_is_switched_off(searched, tmp_path):
    spec = replace(SPEC, race="off")
    assert due(searched(tmp_path / "s", spec), spec, EPOCHS) == ()


def bounded(**changes):
    return replace(SPEC, trials=None, **changes)


@pytest.mark.parametrize(
    ("spec", "whole_s", "left"),
    [
        (bounded(train_s=135.0), 1.0, 270.0),  # a bare search keeps nothing, however small its trainings
        (bounded(cpu_hours=0.1), 12.1, 360.0),  # a sixth of 360 s, 60 s, does not hold five
        (bounded(cpu_hours=0.1), 12.0, 300.0),
        (bounded(cpu_hours=0.1), 5.0, 325.0),  # seven of them, for 66 whole trainings are worth no more
        (bounded(cpu_hours=0.1), 3.0, 300.0),  # worth a race
        (bounded(cpu_hours=0.1, race="off"), 5.0, 360.0),
        (bounded(cpu_hours=0.1, race="6"), 5.0, 360.0),  # whoever asks for a number gets it on top
        (bounded(cpu_hours=0.1, workers_per_trial=2), 5.0, 180.0),
        (bounded(cpu_hours=0.1, train_s=100.0), 5.0, 200.0),
    ],
)
def test_only_hours_keep_something_for_the_race_and_no_more_than_it_is_worth(spec, whole_s, left):
    effort = Effort(epochs=10, seconds=10 * whole_s / EPOCHS)
    assert search_seconds(spec, effort, EPOCHS) == pytest.approx(left)
    assert search_seconds(spec, Effort(), EPOCHS) >= left  # nothing is known yet


def test_a_race_within_hours_takes_what_the_search_left(searched, tmp_path):
    spec = bounded(cpu_hours=0.05)  # 180 s, of which 25 trainings of 6 s take 150
    folder, trainer = searched(tmp_path / "s", spec, trials=25, epoch_s=1.5), Trainer()
    hold_race(folder, spec, EPOCHS, trainer)
    assert len(trainer.asked) == 4  # five would fit, but each of the two has as many


def test_an_ended_study_that_is_asked_for_a_number_only_races_and_remembers_it(searched, tmp_path):
    spec = bounded(train_s=135.0)
    folder = searched(tmp_path / "s", spec, trials=8)
    assert due(folder, spec, EPOCHS) == ()
    with pytest.raises(Killed):
        hold_race(folder, replace(spec, race="12"), EPOCHS, Trainer(0.2, dies_after=7))
    second = Trainer(0.2)
    hold_race(folder, spec, EPOCHS, second)  # asked for no more, yet what was begun ends
    assert second.asked
    assert {row.asked for row in retraining_rows(folder)} == {12}
    before = conclusion_of(folder)
    hold_race(folder, replace(spec, race="6"), EPOCHS, Trainer(dies_after=0))
    assert conclusion_of(folder) == before


def test_fresh_seeds_begin_as_an_ensembles_and_leave_out_the_studys_own():
    assert fresh_seeds(0)[:3] == [97, 39, 22]
    assert fresh_seeds(39)[:2] == [97, 22]
    assert len(set(fresh_seeds(5))) == 999


@pytest.mark.parametrize(
    ("race", "words"),
    [
        ("31", r"wants at least 4 .* no more than --trials \(30\), but got 31"),
        ("3", "wants at least 4 .* but got 3"),
        ("sometimes", "wants auto, off or a number of re-trainings, but got 'sometimes'"),
        ("-4", "wants auto, off or a number"),
        ("٤", "wants auto, off or a number"),
        ("", "wants auto, off or a number"),
    ],
)
def test_a_race_beyond_the_budget_is_refused(race, words):
    with pytest.raises(UsageError, match=f"--race: {words}"):
        check_race(replace(SPEC, race=race))


def test_a_race_without_a_number_of_trials_is_bounded_by_the_seeds_there_are():
    with pytest.raises(UsageError, match=r"no more than the seeds that there are \(1000\), but got 1001"):
        check_race(bounded(race="1001"))


def test_a_race_by_several_objectives_is_refused():
    with pytest.raises(UsageError, match="by one objective with one worker each, but got 6"):
        check_race(replace(SPEC, race="6", objectives=2 * SPEC.objectives))
    check_race(replace(SPEC, race="auto", workers_per_trial=2))


@pytest.mark.parametrize("race", ["auto", "off", "4", "30"])
def test_a_race_within_the_budget_passes(race):
    check_race(replace(SPEC, race=race))


def test_the_conclusion_is_said_with_the_noise_and_pins_the_cheapest_of_a_tie(searched, tmp_path):
    folder = searched(tmp_path / "s")
    hold_race(folder, SPEC, EPOCHS, Trainer(sigma=0.001))
    wins, noise = sentences_of(folder)
    assert wins.startswith(f"Trial {LEADER} wins: val/score ")
    assert noise.startswith("A re-training moves val/score by 0.")
    found = conclusion_of(folder)
    rows = [replace(row, wall_s=9.0 - row.trial) for row in trial_rows(folder)]
    assert cheapest(found, rows) == LEADER
    tie = replace(found, kind="tie", tied=(LEADER, 3, 5))
    assert cheapest(tie, rows) == max(LEADER, 5)


def test_before_any_fresh_seed_the_figure_is_shrunk_and_it_is_said_how_to_ask(searched, tmp_path):
    few = searched(tmp_path / "few", trials=8)
    # By hand: eight logarithms, of deviation s, drawn towards their mean by 1 - (0.0804/s)².
    logs = np.log([TRUTH[trial] for trial in range(8)])
    likely = math.exp(logs.mean() + (logs.min() - logs.mean()) * (1 - 0.0804**2 / logs.var(ddof=1)))
    shrunk, unraced = sentences_of(few)
    assert f"of {math.exp(logs.min()):.4g} is the best of 8 single trainings" in shrunk
    assert f"{likely:.4g} is to be expected of it (shrunk towards the mean by the 8.4 % that a re-training" in shrunk
    assert "worth it from 20 whole trainings on and this search came to 8.0; the same command with --race 6" in unraced
    assert "yet: the search does that at its end" in sentences_of(searched(tmp_path / "many"))[1]
    off = sentences_of(searched(tmp_path / "off", replace(SPEC, race="off")))[1]
    assert off.startswith("No fresh seeds were trained; the same command with --race 6 trains 6")
    other = sentences_of(searched(tmp_path / "other", replace(SPEC, dataset="mine"), trials=8))[0]
    assert other.endswith("single trainings, and flatters.")
    assert sentences_of(searched(tmp_path / "one", trials=1)) == ()
