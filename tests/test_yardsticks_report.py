"""What the report says of yardsticks, in studies of several systems written through the ledger, on embedded sets."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.reports import frozen

from sparring.ledger import Ledger
from sparring.records import Outcome, TrialRow
from sparring.report import read_report, write_report
from sparring.report.dashboard.frozen import make_page
from sparring.space import find_space
from sparring.study import open_folder, prepare

NETS = {
    "advvae": ["hidden_dims=[8,16]", "hidden_dims_dis=[8]", "image_size=8"],
    "mlp_aae": ["hidden_size=16", "hidden_size_dis=16"],
    "boost_vae": ["hidden=[16]", "data.n=1000"],
}


def study(folder, model, values, space=None, **changes):
    """A study of trials that have ended with these values of the objective; changes: to the winner's parameters."""
    prepared = prepare(model, space=space, split="80/20", settings=NETS[model], results=folder)
    open_folder(prepared)
    metric, emitted = prepared.spec.objectives[0].metric, prepared.config_class.emitted()
    best = min(range(len(values)), key=values.__getitem__)
    with Ledger(prepared.folder, kinds=prepared.space.kinds, metrics=emitted) as ledger:
        for number, value in enumerate(values):
            params = {**prepared.space.baseline(), **(changes if number == best else {})}
            row = {"params": params, "value": value, "metrics": {metric: value}, "epochs": 2, "best_epoch": 2}
            ledger.append_trial(TrialRow(trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, **row))
    return prepared.folder


def text_of(folder, width=120):
    console = Console(file=io.StringIO(), width=width)
    write_report(folder, console=console)
    return console.file.getvalue()


def row_of(text, name):
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}  ")]  # a column, no sentence
    return line[len(name) :].split()


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            0.2,
            "The best trial (0.2) loses to probabilistic PCA, 16 components (0.1721) and PCA, 16 components (0.1738).",
        ),
        (
            0.05,
            "The best trial (0.05) beats every yardstick; the closest is probabilistic PCA, 16 components (0.1721).",
        ),
    ],
)
def test_an_autoencoder_is_compared_with_components_as_many_as_the_winners_code_has(tmp_path, value, sentence):
    text = text_of(study(tmp_path, "mlp_aae", [0.9, value], latent_dim=16))
    assert row_of(text, "PCA, 16 components")[0] == "0.1738"
    assert row_of(text, "mean")[0] == "1.026"
    assert sentence in text


def test_another_winner_is_compared_with_components_of_its_own(tmp_path, monkeypatch):
    folder = study(tmp_path, "advvae", [0.9, 0.3], latent_dim=16)
    assert {each.name for each in read_report(folder).yardsticks} >= {"mean", "PCA, 16 components"}
    prepared = prepare("advvae", split="80/20", settings=NETS["advvae"], results=tmp_path)
    with Ledger(folder, kinds=prepared.space.kinds, metrics=prepared.config_class.emitted()) as ledger:
        row = {"value": 0.1, "metrics": {"val/balance": 0.1}, "epochs": 2, "best_epoch": 2}
        params = {**prepared.space.baseline(), "latent_dim": 8}
        ledger.append_trial(TrialRow(trial=2, attempt=1, seed=0, outcome=Outcome.COMPLETED, params=params, **row))
    assert {each.name for each in read_report(folder).yardsticks} >= {"PCA, 8 components"}
    # Kept from here on: nothing is opened again.
    monkeypatch.setattr("sparring.study.reopen", pytest.fail)
    assert {each.name for each in read_report(folder).yardsticks} >= {"PCA, 8 components"}


@pytest.mark.slow
def test_a_generator_meets_plain_generators_and_does_not_lose_to_the_floor(tmp_path):
    folder = study(tmp_path, "boost_vae", [0.9, 0.07])
    report, text = read_report(folder), text_of(folder)
    (floor,) = [each for each in report.yardsticks if each.is_floor]
    assert floor.figure("val/distance") < 0.05
    assert row_of(text, "floor: training rows, drawn again")
    assert {each.name for each in report.stronger} == {"Gaussian copula", "Gaussianization, 20 turns"}
    assert f"It is above the floor (training rows, drawn again: {floor.figure('val/distance'):.4g})" in report.verdict
    head = frozen(make_page(report))["head"]
    assert any(card["label"].startswith("best yardstick: Gauss") for card in head["cards"])
    names = [each["name"] for each in head["methods"]]
    assert names.index("floor: training rows, drawn again") < names.index("best trial")


@pytest.mark.slow
def test_an_objective_that_no_yardstick_answers_for_is_said(tmp_path):
    space = tmp_path / "recon.toml"
    space.write_text(find_space("boost_vae").read_text().replace("val/distance", "val/share_recon"))
    folder = study(tmp_path, "boost_vae", [0.9, 0.5], space=str(space))
    assert "note: no yardsticks: those of boost_vae say nothing about val/share_recon" in text_of(folder)


def test_other_figures_stand_beside_the_objective_as_far_as_the_screen_is_wide(tmp_path):
    folder = study(tmp_path, "mlp_aae", [0.9, 0.2], latent_dim=16)
    for width in (80, 100, 120, 200):
        table = text_of(folder, width).partition("yardsticks, same split")[2].partition("\n\n")[0]
        assert max(len(line.rstrip()) for line in table.splitlines()[1:]) <= width
        assert "…" not in table
        assert ("val/score" in table) is (width > 80)
