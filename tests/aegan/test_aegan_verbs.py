"""The AEGAN among others in one program, its validation and its verbs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from support.aegan import PATHS, make, make_rows, run_dis
from torch import Tensor, nn

from sparring.errors import DataError
from sparring.models.aegan.config import DISCRIMINATORS, Config, Freeze
from sparring.models.aegan.model import AEGAN
from sparring.models.base import Step
from sparring.models.blocks.mlp import Block
from sparring.models.sums import add_up
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining


class Still:
    """Discriminators' batch norms record nothing inside, as the engine has it while the generator trains."""

    def __init__(self, model: AEGAN) -> None:
        nets = (getattr(model, name) for name in DISCRIMINATORS)
        self.norms = [module for net in nets for module in net.modules() if isinstance(module, nn.BatchNorm1d)]

    def __enter__(self) -> None:
        for norm in self.norms:
            norm.track_running_stats = False

    def __exit__(self, *_: object) -> None:
        for norm in self.norms:
            norm.track_running_stats = True


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"loss_gen": "wcc", "loss_dis": "mse", "loss_scale": "output_max", "activation": "gelu"},
        {"loss_gen": "cosine", "target_scaling": "standard", "loss_gen_reg_type": "L2", "loss_dis_reg_type": "L1"},
        {"loss_gen": "bce", "target_scaling": "minmax", "freeze": Freeze(n_encoder1=1, n_discrim2=1)},
    ],
)
def test_a_lane_among_three_equals_the_same_trial_alone(fields: dict[str, Any]) -> None:
    lanes = 3
    knobs = ({"w_adv": 0.1}, {"w_adv": 0.7, "w_predict_spectrum": 0.2}, {"w_adv": 1.5, "wcc_width": 5.0})
    models = [make(seed=seed, **fields, **register_weights) for seed, register_weights in enumerate(knobs)]
    batches = [make_rows(12, seed=10 + lane) for lane in range(lanes)]

    base = copy.deepcopy(models[0]).to("meta")
    parameters, buffers = torch.func.stack_module_state(models)
    buffers = {name: buffer.clone() for name, buffer in buffers.items()}

    def fused(phase: int, inputs: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor, Step]:
        own = models[0].parameters_of(models[0].config.phases[phase])
        mine = {name: parameters[name].detach() for name in own}
        rest = {name: parameter.detach() for name, parameter in parameters.items() if name not in own}

        def measure(mine: Any, rest: Any, buffers: Any, inputs: Any) -> tuple[Tensor, Any]:
            step = torch.func.functional_call(
                base, ({**rest, **mine}, buffers), (models[0].config.phases[phase].name, inputs)
            )
            return step.loss, (step.metrics, step.carry)

        gradients, (loss, (metrics, carry)) = torch.func.vmap(torch.func.grad_and_value(measure, has_aux=True))(
            mine, rest, buffers, inputs
        )
        return gradients, loss, Step(loss, metrics, carry)

    with Still(base):
        gen_gradients, gen_loss, gen_step = fused(
            0, {name: torch.stack([b[name] for b in batches]) for name in batches[0]}
        )
    dis_gradients, dis_loss, _ = fused(1, {name: gen_step.carry[name] for name in AEGAN.wants("dis")})

    for lane, (model, batch) in enumerate(zip(models, batches, strict=True)):
        with Still(model):
            gen = model("gen", batch)
        dis = run_dis(model, gen.carry)
        for (found, losses), step, phase in (
            ((gen_gradients, gen_loss), gen, model.config.phases[0]),
            ((dis_gradients, dis_loss), dis, model.config.phases[1]),
        ):
            own = model.parameters_of(phase)
            alone = torch.autograd.grad(step.loss, list(own.values()))
            assert found.keys() == own.keys()
            torch.testing.assert_close(losses[lane], step.loss.detach(), rtol=1e-12, atol=1e-12)
            for name, gradient in zip(own, alone, strict=True):
                torch.testing.assert_close(found[name][lane], gradient, rtol=1e-12, atol=1e-12)
        for name, buffer in model.named_buffers():
            torch.testing.assert_close(buffers[name][lane], buffer, rtol=1e-12, atol=1e-12)
        calls = [layer.norm.num_batches_tracked.item() for layer in model.structure_dis if isinstance(layer, Block)]
        assert set(calls) == {3}  # real and two fakes in its own phase, nothing in the generator's


# -- validation and verbs ---------------------------------------------------------------------------------------------


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
    assert set(figures) == {name for name in AEGAN.Config.metrics if name.startswith("val/")}


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
