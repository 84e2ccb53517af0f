"""What a model says of itself, and whether it keeps to it: fields, phases, metrics, weights, rows, verbs."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch

from ...models.verbs import Encodes, Predicts, Reconstructs, Samples, Scores
from .broken import Broken
from .passes import run_phases, state_of, transform_rows
from .subject import Subject

VERBS: dict[type, str] = {
    Samples: "sample", Reconstructs: "reconstruct", Predicts: "predict", Scores: "score", Encodes: "encode",
}  # fmt: skip
ASKED = 10
"""Rows that a verb is asked about."""


def fields_are_explained(subject: Subject) -> None:
    """Each hyperparameter has a sentence under it."""
    bare = [name for name, field in subject.model_class.Config.model_fields.items() if not field.description]
    if bare:
        raise Broken(f"nothing explains {', '.join(bare)}", "write a docstring under the field: its unit, its range")


def phases_name_what_there_is(subject: Subject) -> None:
    """Nets and fields that phases name are there, and every weight that can be trained is in one of them."""
    config, model = subject.config(), subject.model()
    if not config.active_phases:
        raise Broken("no phase is active", "name the phases in Config.phases")
    for phase in type(config).phases:
        if lacking := [net for net in phase.nets if not hasattr(model, net)]:
            raise Broken(f"phase {phase.name} names the net {lacking[0]}, which is not there", "name its attribute")
        named = filter(None, (phase.lr, phase.optim_fn, phase.weight_decay, phase.beta1))
        if lost := [name for name in named if name not in type(config).model_fields]:
            raise Broken(f"phase {phase.name} names the field {lost[0]}, which is not there", "add it to Config")
    trained = {name for phase in config.active_phases for name in model.parameters_of(phase)}
    idle = {name for name, parameter in model.named_parameters() if parameter.requires_grad} - trained
    if idle:
        raise Broken(
            f"no phase trains {sorted(idle)[0]}" + (f" and {len(idle) - 1} more" if len(idle) > 1 else ""),
            "name its net in a phase, or say requires_grad_(False)",
        )


def figures_are_finite_and_as_promised(subject: Subject) -> None:
    """An epoch has the metrics that Config.metrics promises, all finite."""
    config_class = subject.model_class.Config
    seen = subject.training(epochs=1).run_epoch().metrics
    wanted = set(config_class.emitted()) - set(config_class.optional)
    for name, value in seen.items():
        if not math.isfinite(value):
            raise Broken(f"{name} is {value} after an epoch", "look for a logarithm or a division without a floor")
        if name not in config_class.emitted():
            raise Broken(f"{name} is emitted but not promised", "add it to Config.metrics")
    if lacking := sorted(wanted - set(seen)):
        raise Broken(f"promised but not emitted: {', '.join(lacking)}", "emit them, or take them from Config.metrics")


def a_phase_leaves_other_nets_alone(subject: Subject) -> None:
    """After a phase's step the nets that it names have moved, and nothing else has."""
    training = subject.training()
    known = transform_rows(training.model, {name: rows[:32] for name, rows in training.rows.train.items()})
    for arm in training.phase_steps:
        before = state_of(training)
        with arm.others_stilled():
            step, gradients = arm.run({name: known[name] for name in arm.wants})
        arm.update(gradients, 1.0)
        known.update((name, value.detach()) for name, value in step.carry.items())
        after = state_of(training)
        moved = {name.partition(".")[0] for name in before if not before[name].equal(after[name])}
        if foreign := sorted(moved - set(arm.phase.nets)):
            raise Broken(
                f"phase {arm.phase.name} changed {', '.join(foreign)}, which it does not name",
                "change nothing in place in a phase; name the net if it is to be trained",
            )
        if idle := sorted(set(arm.phase.nets) - moved):
            raise Broken(
                f"phase {arm.phase.name} did not change {', '.join(idle)}", "does its loss depend on that net?"
            )


def rows_are_seen_one_by_one(subject: Subject) -> None:
    """What ``transform_rows`` makes of a row is of that row alone: the engine asks for all at once, or by batches."""
    model, rows = subject.model(), subject.batch()
    whole = model.transform_rows(**rows)
    for piece in (slice(0, 1), slice(3, 10)):
        for name, tensor in model.transform_rows(**{name: field[piece] for name, field in rows.items()}).items():
            if not torch.allclose(tensor, whole[name][piece], rtol=1e-12, atol=1e-13):
                raise Broken(f"{name} of a row depends on the rows beside it", "take statistics in prepare instead")
    if carrying := [name for name, tensor in whole.items() if tensor.requires_grad]:
        raise Broken(f"{carrying[0]} carries gradients", "transform_rows is for what is frozen; do the rest in a phase")


def weights_of(subject: Subject) -> list[str]:
    """Knobs that may be 0: loss weights and deviations of noise."""
    model = subject.model()
    fields = subject.model_class.Config.model_fields
    knobs = {name for name, buffer in model.named_buffers() if buffer.dim() == 0 and name not in model.state_dict()}
    return sorted(
        name for name in knobs & set(fields) if any(getattr(each, "ge", None) == 0 for each in fields[name].metadata)
    )


def weight_zero_is_absence(subject: Subject) -> None:
    """A weight of zero gives the losses and gradients of a model without the term, bit for bit."""
    fields = subject.model_class.Config.model_fields
    for weight in weights_of(subject):
        # A draw that is absent moves those after it in its phase.
        after = ("dropout", *(("w_mmd", "w_swd") if weight == "input_noise" else ()))
        still: dict[str, Any] = {name: 0.0 for name in after if name in fields}
        absent, zeroed = subject.model(**{**still, weight: 0.0}), subject.model(**{**still, weight: 0.5})
        zeroed.get_buffer(weight).zero_()
        without, silent = (run_phases(model, subject.batch()) for model in (absent, zeroed))
        for (first, first_gradients), (second, second_gradients) in zip(without, silent, strict=True):
            if not first.loss.equal(second.loss):
                raise Broken(f"with {weight} = 0 a loss is not that of a model without the term", _ZERO)
            for name, gradient in first_gradients.items():
                if not _as_if_absent(gradient, second_gradients[name]):
                    raise Broken(f"with {weight} = 0 the gradient of {name} is not that without the term", _ZERO)


_ZERO = "multiply the term by its buffer and nothing else, and leave it out where config says 0"


def _as_if_absent(gradient: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if gradient is None:
        return other is None or not bool(other.any())
    return gradient.equal(torch.zeros_like(gradient) if other is None else other)


def verbs_answer(subject: Subject) -> None:
    """Each verb has its Protocol's signature, and answers with a finite float tensor per name, a row for each asked."""
    training = subject.training()
    model: Any = training.model
    rows = {name: values[:ASKED] for name, values in training.rows.train.items()}
    for protocol, verb in VERBS.items():
        method = getattr(subject.model_class, verb, None)
        if method is None:
            continue
        wanted, got = ([*inspect.signature(each).parameters] for each in (getattr(protocol, verb), method))
        if wanted != got:
            raise Broken(f"{verb} takes {', '.join(got[1:])}, not {', '.join(wanted[1:])}", "see models/verbs.py")
        if not isinstance(model, protocol):
            raise Broken(f"{verb} wants {protocol.__name__}'s class variables too", "see models/verbs.py")
        more = {"seed": 1} if protocol in (Samples, Encodes) else {}
        try:
            answer = getattr(model, verb)(ASKED if protocol is Samples else rows, **more)
        except NotImplementedError:  # a base class has it, for those that write what it calls
            continue
        for name, values in answer.items():
            if len(values) != ASKED or not values.is_floating_point() or values.requires_grad:
                raise Broken(f"{verb}: {name} is not {ASKED} rows of floats without gradients", "see models/verbs.py")
            if not values.isfinite().all():
                raise Broken(f"{verb}: {name} is not finite", "look for a logarithm or a division without a floor")
