"""TensorBoard itself reads what the board wrote; no figure here is checked against our own reader."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support.boards import listed
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import api_pb2

from sparring.display import tensorboard
from sparring.display.events import UNUSED, unused
from sparring.display.tensorboard import Board
from sparring.ledger import Look
from sparring.records import EpochRow, Interval, Objective, Outcome, Trial, TrialRow
from sparring.space.dimension import Dimension

DIMENSIONS = (
    Dimension(name="lr", kind="float", low=1e-5, high=1e-1, log=True),
    Dimension(name="layers", kind="int", low=1, high=5),
    Dimension(name="loss", kind="str", choices=("mse", "wcc")),
    Dimension(name="width", kind="int", low=5, high=15, when={"loss": ("wcc",)}),
    Dimension(name="scale", kind="float", low=1e-3, high=1.0, log=True, when={"loss": ("wcc",)}),
    Dimension(name="mode", kind="str", choices=("full", "same"), when={"loss": ("wcc",)}),
    Dimension(name="flip", kind="bool", choices=(False, True), when={"loss": ("wcc",)}),
    Dimension(name="norm", kind="bool", choices=(False, True)),
)
PLAIN = {"lr": 1e-3, "layers": 2, "loss": "mse", "norm": True}
WCC = {"lr": 1e-2, "layers": 3, "loss": "wcc", "width": 9, "scale": 0.1, "mode": "same", "flip": False, "norm": False}
METRICS = ("train/loss_gen", "val/score", "val/mse_predict_spectrum")


def board(folder: Path, **options: object) -> Board:
    return Board(folder, dimensions=DIMENSIONS, metrics=METRICS, objective=Objective(metric="val/score"), **options)


def epoch(trial: int, number: int, score: float, attempt: int = 1) -> EpochRow:
    metrics = {"train/loss_gen": 2 * score, "val/score": score, "val/mse_predict_spectrum": score / 8}
    return EpochRow(trial=trial, attempt=attempt, epoch=number, metrics=metrics, wall_s=0.1)


def ended(trial: int, outcome: Outcome = Outcome.COMPLETED) -> TrialRow:
    return TrialRow(trial=trial, attempt=1, seed=0, outcome=outcome, params=PLAIN)


def session_groups(folder: Path) -> dict[str, api_pb2.SessionGroup]:
    return listed(folder / "tensorboard")


def scalars(folder: Path, trial: int, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder / "tensorboard" / f"{trial:05d}"))
    events.Reload()
    if tag in events.Tags()["scalars"]:
        return [(each.step, each.value) for each in events.Scalars(tag)]
    return [(each.step, each.tensor_proto.float_val[0]) for each in events.Tensors(tag)]


def test_tensorboard_lists_every_trial_with_every_hyperparameter(tmp_path):
    written = board(tmp_path)
    for number, params in enumerate([PLAIN, WCC]):
        written.start(Trial(number=number, params=params, seed=number))
        written.epoch(epoch(number, 1, 0.5))
        written.end(ended(number))
    groups = session_groups(tmp_path)
    assert set(groups) == {"00000", "00001"}
    for group in groups.values():
        assert set(group.hparams) == {dimension.name for dimension in DIMENSIONS}
    kinds = [{name: each.WhichOneof("kind") for name, each in group.hparams.items()} for group in groups.values()]
    assert kinds[0] == kinds[1]
    assert groups["00001"].hparams["width"].number_value == 9
    assert groups["00001"].hparams["flip"].string_value == "false"
    assert groups["00000"].hparams["mode"].string_value == UNUSED


def test_hyperparameters_appear_when_a_trial_starts(tmp_path):
    written = board(tmp_path)
    written.start(Trial(number=3, params=PLAIN, seed=0))
    (group,) = session_groups(tmp_path).values()
    written.close()
    assert group.hparams["lr"].number_value == 1e-3
    assert group.sessions[0].status == api_pb2.STATUS_UNKNOWN


def test_hparams_show_the_best_epoch_and_how_the_trial_ended(tmp_path):
    written = board(tmp_path)
    written.start(Trial(number=0, params=PLAIN, seed=0))
    for number, score in enumerate([math.nan, 0.75, 0.25, 0.5], start=1):
        written.epoch(epoch(0, number, score))
    written.end(ended(0, Outcome.DIVERGED))
    (group,) = session_groups(tmp_path).values()
    shown = {each.name.tag: (each.training_step, each.value) for each in group.metric_values}
    assert shown == {"best/val/score": (3, 0.25), "best/val/mse_predict_spectrum": (3, 0.03125)}
    assert group.sessions[0].status == api_pb2.STATUS_FAILURE


def test_figures_on_the_test_rows_come_first_in_the_runs_of_winner_and_default(tmp_path):
    written = board(tmp_path)
    for number in (0, 1, 2):
        written.start(Trial(number=number, params=PLAIN, seed=0))
        written.epoch(epoch(number, 1, 0.5))
        written.end(ended(number))
    name = "test/score"
    look = Look(
        number=1, trial=2, trials=3, rows=20, winner={name: Interval(0.25, 0.125, 0.5)}, default={name: Interval(0.75)}
    )
    board(tmp_path, tested=["test/mse", name]).look(look)
    groups = session_groups(tmp_path)
    shown = {run: {each.name.tag: each.value for each in group.metric_values} for run, group in groups.items()}
    assert [shown[run].get(name) for run in ("00000", "00001", "00002")] == [0.75, None, 0.25]
    assert shown["00002"]["best/val/score"] == 0.5
    assert scalars(tmp_path, 2, "test/score low") == [(1, 0.125)]
    listed = next(iter(groups.values())).metric_values
    assert listed[0].name.tag == name


def test_a_claim_is_a_text_of_its_own_run_in_the_place_of_the_one_before(tmp_path):
    written = board(tmp_path)
    written.start(Trial(number=0, params=PLAIN, seed=0))
    written.end(ended(0))
    written.claim(["Before."])
    written.claim(["Trial 3 wins.", "Noise is 2 %."])
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "tensorboard"))
    multiplexer.Reload()
    texts = multiplexer.PluginRunToTagToContent("text")
    assert {run: list(tags) for run, tags in texts.items() if tags} == {"conclusion": ["conclusion"]}
    (event,) = multiplexer.Tensors("conclusion", "conclusion")
    assert event.tensor_proto.string_val == [b"Trial 3 wins.\n\nNoise is 2 %."]
    assert list(session_groups(tmp_path)) == ["00000"]


def test_scalars_are_what_the_epochs_measured(tmp_path):
    written = board(tmp_path)
    written.start(Trial(number=12, params=PLAIN, seed=0))
    for number in range(1, 6):
        written.epoch(epoch(12, number, 1 / 2**number))
    written.end(ended(12))
    assert scalars(tmp_path, 12, "train/loss_gen") == [(n, 2 / 2**n) for n in range(1, 6)]


def test_a_next_attempt_overwrites_the_epochs_it_repeats(tmp_path):
    written = board(tmp_path)
    written.start(Trial(number=0, params=PLAIN, seed=0))
    for number, score in [(1, 1.0), (2, 0.5), (3, 0.125), (4, 0.25)]:
        written.epoch(epoch(0, number, score))
    written.start(Trial(number=0, params=PLAIN, seed=0, attempt=2))
    for number, score in [(3, 0.25), (4, 0.5)]:
        written.epoch(epoch(0, number, score, attempt=2))
    written.end(ended(0))
    assert scalars(tmp_path, 0, "val/score") == [(1, 1.0), (2, 0.5), (3, 0.25), (4, 0.5)]
    assert scalars(tmp_path, 0, "best/val/score") == [(1, 1.0), (2, 0.5), (3, 0.25)]


def test_a_resumed_search_replaces_unfinished_runs_and_leaves_complete_ones(tmp_path):
    first = board(tmp_path)
    for number, outcome in [(0, Outcome.PRUNED), (1, Outcome.INTERRUPTED), (2, None)]:
        first.start(Trial(number=number, params=PLAIN, seed=0))
        first.epoch(epoch(number, 1, 0.5))
        if outcome:
            first.end(ended(number, outcome))
    first.close()
    second = board(tmp_path)
    assert [second.is_complete(number) for number in range(3)] == [True, False, False]
    for number in range(3):
        second.start(Trial(number=number, params=PLAIN, seed=0, attempt=2))
        second.epoch(epoch(number, 1, 0.25, attempt=2))
    second.close()
    assert [scalars(tmp_path, number, "val/score") for number in range(3)] == [[(1, 0.5)], [(1, 0.25)], [(1, 0.25)]]
    assert len(session_groups(tmp_path)) == 3


@pytest.mark.fault(21)
def test_a_full_disk_is_said_once_and_the_search_goes_on(tmp_path, monkeypatch):
    said: list[str] = []
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    written = board(tmp_path, warn=said.append)
    original = tensorboard.open_events
    monkeypatch.setattr(tensorboard, "open_events", lambda path: original(full))
    for number in range(3):
        written.start(Trial(number=number, params=PLAIN, seed=0))
        written.epoch(epoch(number, 1, 0.5))
        written.end(ended(number))
    written.close()
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert "search continues" in said[0]


def test_a_folder_that_cannot_be_made_disables_the_board(tmp_path):
    said: list[str] = []
    (tmp_path / "tensorboard").write_text("a file in the way")
    written = board(tmp_path, warn=said.append)
    written.start(Trial(number=0, params=PLAIN, seed=0))
    assert not written.enabled
    assert len(said) == 1


@pytest.mark.parametrize(
    ("dimension", "stand_in"),
    [
        (Dimension(name="a", kind="float", low=1e-3, high=1.0, log=True), 1e-4),
        (Dimension(name="a", kind="float", low=1e-3, high=1.0, log=True, off=0.0), 1e-4),
        (Dimension(name="a", kind="int", low=5, high=15), -1.0),
        (Dimension(name="a", kind="float", low=-2.0, high=2.0), -6.0),
        (Dimension(name="a", kind="int", choices=(32, 64)), -1.0),
        (Dimension(name="a", kind="str", choices=("x", "y")), UNUSED),
    ],
)
def test_the_stand_in_lies_outside_what_can_be_searched(dimension, stand_in):
    assert unused(dimension) == pytest.approx(stand_in) if isinstance(stand_in, float) else stand_in
    assert not dimension.contains(unused(dimension))
