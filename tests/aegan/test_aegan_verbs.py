"""The AEGAN's validation and its verbs."""

from __future__ import annotations

import copy

import pytest
import torch
from support.aegan import PATHS, make, make_rows

from sparring.errors import DataError
from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN
from sparring.models.sums import add_up
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining


@pytest.mark.parametrize("scaling", ["none", "standard"])
def test_the_four_errors_are_in_raw_units_and_add_up_over_batches(scaling: str) -> None:
    rows = make_rows(30)
    model = make(rows=rows, target_scaling=scaling, input_scaling=scaling).eval()
    parts = [model.evaluate(**{name: x[piece] for name, x in rows.items()}) for piece in (slice(0, 7), slice(7, 30))]
    figures = model.figures(add_up({name: total.detach() for name, total in part.items()} for part in parts))
    answers = {"recon": model.reconstruct(rows), "predict": model.predict(rows)}
    for path in PATHS:
        verb, name = path.split("_")
        expected = ((answers[verb][name] - rows[name]) ** 2).mean().item()
        assert figures[f"val/mse_{path}"] == pytest.approx(expected, rel=1e-12)
    shares = [figures[f"val/mse_predict_{name}"] / rows[name].var(0, correction=0).mean().item() for name in rows]
    assert figures["val/score"] == pytest.approx(sum(shares) / 2, rel=1e-12)
    names = {name for name in AEGAN.Config.metrics if name.startswith("val/")}
    assert set(figures) == names - AEGAN.Config.optional.keys()


def test_the_mean_of_the_training_rows_scores_one() -> None:
    rows = make_rows(30)
    model = make(rows=rows).eval()
    with torch.no_grad():
        for name, x in rows.items():
            last = getattr(model, f"{name}_decoder")[-1]
            last.weight.zero_()
            last.bias.copy_(x.mean(0))
        figures = model.figures(model.evaluate(**rows))
    assert figures["val/score"] == pytest.approx(1.0, rel=1e-12)


def test_one_input_is_enough_and_both_give_the_same_answers() -> None:
    rows = make_rows()
    model = make(target_scaling="standard")
    both = {"reconstruct": model.reconstruct(rows), "predict": model.predict(rows)}
    assert all(set(answers) == {"structure", "spectrum"} for answers in both.values())
    assert model.predict({"structure": rows["structure"]}).keys() == {"spectrum"}
    assert model.predict({"structure": rows["structure"]})["spectrum"].equal(both["predict"]["spectrum"])
    assert model.predict({"spectrum": rows["spectrum"]})["structure"].equal(both["predict"]["structure"])
    assert model.reconstruct({"spectrum": rows["spectrum"]})["spectrum"].equal(both["reconstruct"]["spectrum"])


def test_the_verbs_answer_row_by_row_and_leave_the_model_in_training() -> None:
    rows = make_rows()
    model = make(dropout=0.5)
    before = copy.deepcopy(model.state_dict())
    whole = model.predict(rows)["spectrum"]
    torch.testing.assert_close(model.predict({"structure": rows["structure"][4:5]})["spectrum"], whole[4:5])
    assert model.training
    assert not whole.requires_grad
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    with pytest.raises(DataError, match="predict: needs a structure, a spectrum or both, but got neither"):
        model.predict({})


def test_training_beats_the_mean_predictor() -> None:
    rows = make_rows(256, dtype=torch.float32)
    train, valid = ({name: x[piece] for name, x in rows.items()} for piece in (slice(0, 200), slice(200, 256)))
    config = Config(epochs=12, batch_size=20, hidden_size=32, w_adv=0.01, input_scaling="standard", n_hl_shared=1)
    solo = TrialTraining(
        AEGAN, config, train, valid,
        trial=Trial(number=0, params={}, seed=4), objective=Objective(metric="val/score"),
    )  # fmt: skip
    scores = [solo.run_epoch().metrics["val/score"] for _ in range(config.epochs)]
    assert scores[0] > 0.9
    assert min(scores) < 0.5
