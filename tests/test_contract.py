"""What every system promises the engine, asked of each one that is found in the folder: a newcomer is tested by being
there, on the data set and from the baseline of the search space that has its name.

What `sparring models check` asks too is in `sparring.training.contract`; here stands what needs several systems.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from support.systems import Setting, variants
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sparring.data.embedded.shapes import KINDS
from sparring.metrics import METRICS
from sparring.models import model_names
from sparring.models.aegan.config import Freeze
from sparring.models.config import Config
from sparring.report.yardsticks.generation import independent
from sparring.training.contract.passes import Drawn, run_phases, transform_rows
from sparring.training.contract.promises import (
    a_phase_leaves_other_nets_alone,
    fields_are_explained,
    phases_name_what_there_is,
    rows_are_seen_one_by_one,
    weight_zero_is_absence,
    weights_of,
)
from sparring.training.contract.training import a_checkpoint_resumes, same_seed_gives_the_same_bits
from sparring.training.loop import TrialTraining
from sparring.training.norms import outside, stilled

QUICK: dict[str, dict[str, Any]] = {
    "auxgan": {
        "epochs": 8, "steps_per_epoch": 100, "batch_size": 200, "hidden_gen": (64, 64), "hidden_dis": (64, 64),
        "lr_gen": 2e-3, "lr_dis": 2e-3, "frame": "normal", "scale_dis": "unit", "norm_gen": "none", "w_r1": 1.0,
        "beta1": 0.0, "optim_fn_dis": "Adam", "w_aux": 0.0,
    },
    "boost_vae": {
        "epochs": 8, "steps_per_epoch": 100, "batch_size": 512, "hidden": (128, 128), "latent_dim": 6, "w_kld": 3e-4,
    },
}  # fmt: skip
"""What generators of muons need beside ``quick`` to beat columns that know nothing of each other."""

CLASSES: list[dict[str, Any]] = [{"classes": len(KINDS)}, {"classes": len(KINDS), "labelled_rows": 20}]

MORE: dict[str, list[dict[str, Any]]] = {
    "aegan": [{"freeze": Freeze(n_encoder1=1, n_discrim2=1)}], "mlp_aae": CLASSES, "aae": CLASSES,
}  # fmt: skip
"""Settings for the lanes that follow from no choice of the Config."""

TRIVIAL = {"val/score": 1.0, "val/share_recon": 1.0}
"""What the mean of the training rows reaches, by metrics that are shares of the variance."""


def quick(setting: Setting) -> dict[str, Any]:
    """Settings in which a system learns within seconds: high rates, no noise, nothing that holds a net back."""
    fields = setting.model_class.Config.model_fields
    rates = {phase.lr: 3e-3 for phase in setting.model_class.Config.phases}
    still = {name: 0.0 for name in ("dropout", "input_noise", "w_r1", "w_gp", "w_mmd", "w_swd") if name in fields}
    return {"epochs": 6, "lr_schedule": "none", **rates, **still, **QUICK.get(setting.name, {})}


@pytest.fixture(scope="module", params=model_names())
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.param)


class Fetched(TorchFunctionMode):
    """Counts what brings numbers from the device to Python: on a GPU each waits until all before it is done."""

    NAMES = ("__float__", "__int__", "__bool__", "item", "tolist", "cpu", "numpy", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += getattr(func, "__name__", "") in self.NAMES
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def trivial(training: TrialTraining, metrics: dict[str, float]) -> dict[str, float]:
    """By metric of an epoch what needs no net reaches; of a generator on its own rows, with the columns shuffled."""
    known = {metric: value for metric, value in TRIVIAL.items() if metric in metrics}
    if training.config.yardsticks != "generation":
        return known
    model: Any = training.model
    rows, real = (model.judged(each[training.config.fields[0]]) for each in (training.rows.train, training.rows.valid))
    draw, rng, found = independent(rows.numpy()), np.random.default_rng(0), []
    for _ in range(20):
        sums = model.closeness.sums(real, torch.from_numpy(draw(rng, len(real))))
        found.append(model.closeness.distance(sums, len(real)))
    return known | {"val/distance": float(np.mean(found))}


# -- what it says of itself -------------------------------------------------------------------------------------------


def measures(config_class: type[Config]) -> dict[str, Any]:
    """Fields that switch its optional metrics on; those of classes (tests/test_probe.py) need a set that says some."""
    fields = set(config_class.optional.values()) - {config_class.ood, *config_class.labelled}
    return dict.fromkeys(fields, 40) | ({config_class.ood: "patches"} if config_class.ood else {})


@pytest.mark.slow
def test_every_metric_is_defined_and_its_settings_together_emit_what_was_promised(setting: Setting) -> None:
    config_class = setting.model_class.Config
    emitted = config_class.emitted()
    assert [name for name in emitted if name not in METRICS] == []
    seen: set[str] = set()
    for changes in [{}, measures(config_class), *variants(setting.name)]:
        metrics = setting.training(**changes).run_epoch().metrics
        assert setting.objective.metric in metrics
        assert all(np.isfinite(value) for value in metrics.values()), changes
        seen |= set(metrics)
    of_classes = {name for name, field in config_class.optional.items() if field in config_class.labelled}
    assert seen == set(emitted) - of_classes


def test_a_validation_brings_a_handful_of_tensors_to_the_host(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = setting.training(epochs=1)
    monkeypatch.setattr(training.model, "figures", lambda sums: {})  # what is done on the host is free
    with Fetched() as fetched:
        training.evaluate()
    assert 1 <= fetched.count <= 12  # boosted trees, which learn on the host, are 8 of them


def test_every_field_of_the_config_is_explained(setting: Setting) -> None:
    fields_are_explained(setting)


def test_phases_name_nets_and_config_fields_that_there_are(setting: Setting) -> None:
    phases_name_what_there_is(setting)


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_learns_on_its_embedded_set(setting: Setting) -> None:
    setting = Setting(setting.name, n=2500)
    training = setting.training(rows=2000, **quick(setting))
    before = training.evaluate()
    epochs = [training.run_epoch().metrics for _ in range(training.config.epochs)]
    known = trivial(training, epochs[0])
    for metric, value in known.items():
        assert min(metrics[metric] for metrics in epochs) < 0.7 * value, metric
    if not known:  # no trivial predictor: then at least better than it began
        sign = 1 if setting.objective.goal == "minimize" else -1
        assert min(sign * each[setting.objective.metric] for each in epochs) < sign * before[setting.objective.metric]


@pytest.mark.slow
def test_each_phase_learns_its_own_task(setting: Setting) -> None:
    """On one batch, under the same noise, with all else as it is; an adversary learns too, against whom it should."""
    training = setting.training(**quick(setting))
    known = transform_rows(training.model, {name: rows[:32] for name, rows in training.rows.train.items()})
    for arm in training.phase_steps:
        losses = []
        for _ in range(60):
            with arm.others_stilled(), Drawn():
                step, gradients = arm.run({name: known[name] for name in arm.wants})
            arm.update(gradients, 1.0)
            losses.append(float(step.loss.detach()))
        assert losses[-1] < losses[0] - 0.1 * abs(losses[0]), arm.phase.name
        known.update((name, value.detach()) for name, value in step.carry.items())


def test_the_same_seed_gives_the_same_bits_and_another_does_not(setting: Setting) -> None:
    same_seed_gives_the_same_bits(setting)


def test_a_checkpoint_resumes_bit_for_bit(setting: Setting) -> None:
    a_checkpoint_resumes(setting)


def test_a_phase_leaves_other_nets_untouched(setting: Setting) -> None:
    a_phase_leaves_other_nets_alone(setting)


def test_what_it_sees_of_a_row_is_of_that_row_alone(setting: Setting) -> None:
    rows_are_seen_one_by_one(setting)


# -- weights and lanes ------------------------------------------------------------------------------------------------


def test_a_weight_of_zero_equals_its_terms_absence_bit_for_bit(setting: Setting) -> None:
    weight_zero_is_absence(setting)


LANES = [
    pytest.param(name, changes, id=f"{name}-{index}", marks=[pytest.mark.slow] * (index > 0))
    for name in model_names()
    for index, changes in enumerate([{}, *variants(name), *MORE.get(name, [])])
]


@pytest.mark.parametrize(("name", "changes"), LANES)
def test_a_lane_among_three_equals_the_same_trial_alone(name: str, changes: dict[str, Any]) -> None:
    """Each with first weights, loss weights and rows of its own; in every setting that its Config's choices make."""
    setting = Setting(name, **changes)
    weights = {weight: getattr(setting.config(), weight) for weight in weights_of(setting)}
    models = [
        setting.model(seed=lane, **{weight: value / (lane + 1) for weight, value in weights.items()})
        for lane in range(3)
    ]
    batches = [setting.batch(12 * lane) for lane in range(3)]
    each_alone = [copy.deepcopy(model) for model in models]
    alone = [run_phases(model, batch) for model, batch in zip(each_alone, batches, strict=True)]

    base = copy.deepcopy(models[0]).to("meta")  # so that nothing of its own can enter
    parameters, buffers = torch.func.stack_module_state(models)
    buffers = {name: buffer.clone() for name, buffer in buffers.items()}
    seen = [transform_rows(model, batch) for model, batch in zip(models, batches, strict=True)]
    known = {name: torch.stack([batch[name] for batch in seen]) for name in seen[0]}
    for index, phase in enumerate(models[0].config.active_phases):
        own = models[0].parameters_of(phase)
        mine = {name: parameters[name].detach() for name in own}
        rest = {name: parameter.detach() for name, parameter in parameters.items() if name not in own}

        def measure(mine: Any, rest: Any, buffers: Any, inputs: Any, name: str = phase.name) -> tuple[Tensor, Any]:
            with Drawn():
                step = torch.func.functional_call(base, ({**rest, **mine}, buffers), (name, inputs))
            return step.loss, (step.metrics, step.carry)

        inputs = {name: known[name] for name in models[0].wants(phase.name)}
        fused = torch.func.vmap(torch.func.grad_and_value(measure, has_aux=True))
        with stilled(outside(base, phase.nets)):
            gradients, (loss, (metrics, carry)) = fused(mine, rest, buffers, inputs)
        known.update(carry)
        for lane in range(3):
            step, expected = alone[lane][index]
            torch.testing.assert_close(loss[lane], step.loss.detach(), rtol=1e-9, atol=1e-12)
            for metric, value in step.metrics.items():
                torch.testing.assert_close(metrics[metric][lane], value.detach(), rtol=1e-9, atol=1e-12)
            for name, gradient in expected.items():
                found = gradients[name][lane]
                wanted = torch.zeros_like(found) if gradient is None else gradient
                torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)
    for lane, model in enumerate(each_alone):
        for name, buffer in model.named_buffers():
            torch.testing.assert_close(buffers[name][lane], buffer, rtol=1e-9, atol=1e-12)
