"""What both phases of the AEGAN pay: the losses by hand, their weights and their gradients."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from support.aegan import PATHS, gradients, make, make_rows, run_dis
from torch import Tensor, nn
from torch.nn import functional

from sparring.models.aegan.config import DISCRIMINATORS, GENERATOR, Config
from sparring.models.aegan.model import AEGAN
from sparring.models.blocks.losses import wcc, wcc_kernel
from sparring.models.blocks.mlp import Block


def plain_net(net: nn.Sequential, x: Tensor) -> Tensor:
    """A stack in training mode, from its tensors alone."""
    for layer in net:
        block = isinstance(layer, Block)
        linear = layer.linear if block else layer
        x = x @ linear.weight.T + linear.bias
        if block:
            x = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt() * layer.norm.weight + layer.norm.bias
            if layer.activation is not None:
                x = torch.where(x > 0, x, layer.activation.weight * x)
    return x


def plain_paths(model: AEGAN, a: Tensor, b: Tensor) -> dict[str, Tensor]:
    code_a = plain_net(model.shared_decoder, plain_net(model.shared_encoder, plain_net(model.structure_encoder, a)))
    code_b = plain_net(model.shared_decoder, plain_net(model.shared_encoder, plain_net(model.spectrum_encoder, b)))
    return {
        "recon_structure": plain_net(model.structure_decoder, code_a),
        "predict_spectrum": plain_net(model.spectrum_decoder, code_a),
        "recon_spectrum": plain_net(model.spectrum_decoder, code_b),
        "predict_structure": plain_net(model.structure_decoder, code_b),
    }


def test_without_an_adversarial_weight_the_loss_is_the_published_one() -> None:
    rows = make_rows()
    model = make(rows=rows, n_hl_gen=2)
    a, b = rows["structure"], rows["spectrum"]
    out = plain_paths(model, a, b)
    expected = ((out["recon_structure"] - a) ** 2).mean() / a.max() + (
        (out["predict_structure"] - a) ** 2
    ).mean() / a.max()
    expected += (((out["recon_spectrum"] - b) ** 2).mean() + ((out["predict_spectrum"] - b) ** 2).mean()) / b.max()
    step = model("gen", rows)
    torch.testing.assert_close(step.loss, expected, rtol=1e-12, atol=0)
    for path in PATHS:
        torch.testing.assert_close(step.carry[path], out[path], rtol=1e-10, atol=1e-12)


def test_the_generators_loss_is_the_weighted_sum_of_its_terms() -> None:
    rows = make_rows()
    # Powers of two: knobs are float32, and these are exact in it.
    weights = {
        "w_recon_structure": 0.25,
        "w_recon_spectrum": 2.0,
        "w_predict_structure": 0.5,
        "w_predict_spectrum": 4.0,
    }
    model = make(
        rows=rows, w_adv=0.125, **weights, target_scaling="standard", input_scaling="minmax", loss_scale="none"
    )
    low, high = ({name: getattr(x, bound)(0) for name, x in rows.items()} for bound in ("amin", "amax"))
    inputs = {name: (x - low[name]) / (high[name] - low[name]) for name, x in rows.items()}
    targets = {name: (x - x.mean(0)) / x.std(0, correction=0) for name, x in rows.items()}
    out = plain_paths(model, **dict(zip("ab", inputs.values(), strict=True)))
    expected, adversarial = torch.zeros(()), torch.zeros(())
    for path, output in out.items():
        domain = path.split("_")[1]
        expected = expected + weights[f"w_{path}"] * ((output - targets[domain]) ** 2).mean()
        probability = plain_net(getattr(model, f"{domain}_dis"), output).sigmoid()
        adversarial = adversarial - probability.log().mean()
    step = model("gen", rows)
    torch.testing.assert_close(step.metrics["train/loss_adv"], adversarial, rtol=1e-10, atol=0)
    torch.testing.assert_close(step.loss, expected + 0.125 * adversarial, rtol=1e-10, atol=0)


def test_an_adversarial_weight_of_zero_equals_the_terms_absence_bit_for_bit() -> None:
    rows = make_rows()
    absent, zeroed, present = make(w_adv=0.0), make(w_adv=0.5), make(w_adv=0.5)
    zeroed.w_adv.zero_()
    for net in DISCRIMINATORS:
        getattr(absent, net).register_forward_pre_hook(lambda *_: pytest.fail("a discriminator ran"))
    without, silent, told = (model("gen", rows) for model in (absent, zeroed, present))
    assert "train/loss_adv" not in without.metrics
    assert without.loss.equal(silent.loss)
    first, second, third = (
        gradients(model, step.loss) for model, step in ((absent, without), (zeroed, silent), (present, told))
    )
    own = absent.parameters_of(absent.config.phases[0])
    assert all(first[name].equal(second[name]) for name in own)
    assert not any(
        first[name].equal(third[name]) for name in own if name.startswith("structure_encoder.0.linear.weight")
    )


@pytest.mark.parametrize("loss", ["mse", "l1", "emd", "cosine", "wcc", "bce"])
def test_every_loss_trains_the_encoders(loss: str) -> None:
    model = make(loss_gen=loss, target_scaling="minmax", loss_scale="none")
    step = model("gen", make_rows())
    assert step.loss.isfinite()
    assert gradients(model, step.loss)["structure_encoder.0.linear.weight"].abs().sum() > 0


def test_wcc_takes_its_width_from_the_configuration() -> None:
    rows = make_rows()
    step = make(rows=rows, loss_gen="wcc", wcc_width=3.0, loss_scale="none")("gen", rows)
    kernels = {name: wcc_kernel(x.shape[1], 3.0).double() for name, x in rows.items()}
    expected = sum(wcc(step.carry[path], rows[path.split("_")[1]], kernels[path.split("_")[1]]) for path in PATHS)
    torch.testing.assert_close(step.loss, expected, rtol=1e-12, atol=0)


def test_bce_reads_outputs_as_logits_of_scaled_targets() -> None:
    rows = make_rows()
    model = make(rows=rows, loss_gen="bce", target_scaling="minmax", loss_scale="none")
    with torch.no_grad():
        step = model("gen", rows)
        assert all(step.carry[path].min() > 0 and step.carry[path].max() < 1 for path in PATHS)
    expected = sum(
        functional.binary_cross_entropy(step.carry[path], step.carry[f"real_{path.split('_')[1]}"]) for path in PATHS
    )
    torch.testing.assert_close(step.loss, expected, rtol=1e-10, atol=0)
    model.eval()
    low, high = (getattr(rows["spectrum"], bound)(0) for bound in ("amin", "amax"))
    share = model("gen", rows).carry["recon_spectrum"].detach()
    torch.testing.assert_close(model.reconstruct(rows)["spectrum"], low + share * (high - low))
    with pytest.raises(
        ValidationError, match=r"loss_gen 'bce' needs targets in \[0, 1\], but got target_scaling='none'"
    ):
        Config(loss_gen="bce")


@pytest.mark.parametrize(
    ("kind", "scale"),
    [
        ("target_max", lambda x, _: x.max()),
        ("target_var", lambda x, _: ((x - x.mean(0)) ** 2).mean()),
        ("output_max", lambda _, outputs: max(output.max() for output in outputs)),
        ("none", lambda *_: 1.0),
    ],
)
def test_the_loss_is_divided_by_a_constant_of_its_domain(kind: str, scale: Any) -> None:
    rows = make_rows()
    model = make(rows=rows, loss_scale=kind)
    batch = {name: x[:9] for name, x in rows.items()}
    step = model("gen", batch)
    errors = {path: ((step.carry[path] - batch[path.split("_")[1]]) ** 2).mean() for path in PATHS}
    scales = {
        name: scale(rows[name], [step.carry[path].detach() for path in PATHS if path.endswith(name)]) for name in rows
    }
    expected = sum(error / scales[path.split("_")[1]] for path, error in errors.items())
    torch.testing.assert_close(step.loss, expected, rtol=1e-12, atol=0)


def test_no_gradient_flows_through_the_largest_output() -> None:
    model = make(loss_scale="output_max")
    rows = make_rows()
    step = model("gen", rows)
    largest = {name: max(step.carry[path].max().item() for path in PATHS if path.endswith(name)) for name in rows}
    frozen = sum(
        ((step.carry[path] - rows[path.split("_")[1]]) ** 2).mean() / largest[path.split("_")[1]] for path in PATHS
    )
    expected = torch.autograd.grad(frozen, model.spectrum_decoder[-1].bias, retain_graph=True)
    found = torch.autograd.grad(step.loss, model.spectrum_decoder[-1].bias)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_a_domain_whose_largest_target_is_negative_is_not_turned_round() -> None:
    rows = make_rows()
    rows["structure"] = rows["structure"] - 100
    assert make(rows=rows).structure_loss_scale.item() == 1.0


def test_input_noise_reaches_the_encoders_but_not_the_targets() -> None:
    rows = make_rows()
    quiet, noisy = make(rows=rows), make(rows=rows, input_noise=0.1)
    seen: list[Tensor] = []
    noisy.spectrum_encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    step = noisy("gen", rows)
    assert (seen[0] - rows["spectrum"]).std().item() == pytest.approx(0.1, rel=0.2)
    assert step.carry["real_spectrum"].equal(rows["spectrum"])
    assert noisy.eval().predict(rows)["spectrum"].shape == quiet.predict(rows)["spectrum"].shape
    assert seen[-1].equal(rows["spectrum"])


@pytest.mark.parametrize("kind", ["L1", "L2"])
@pytest.mark.parametrize("phase", ["gen", "dis"])
def test_a_regulariser_changes_the_gradients_of_its_own_nets(kind: str, phase: str) -> None:
    rows = make_rows()
    plain, held = make(), make(**{f"loss_{phase}_reg_type": kind, f"loss_{phase}_reg_param": 1 / 64})
    found = []
    for model in (plain, held):
        step = model("gen", rows)
        if phase == "dis":
            step = run_dis(model, step.carry)
        found.append((step.loss, gradients(model, step.loss)))
    nets = {"gen": [net for net in GENERATOR if "shared" not in net], "dis": DISCRIMINATORS}[phase]
    norms = [
        (name, p, p.detach().abs().sum() if kind == "L1" else p.detach().square().sum().sqrt())
        for name, p in held.named_parameters()
        if name.split(".")[0] in nets
    ]
    torch.testing.assert_close(found[1][0] - found[0][0], 1 / 64 * sum(norm for _, _, norm in norms), rtol=1e-9, atol=0)
    for name, parameter, norm in norms:
        pull = 1 / 64 * (parameter.sign() if kind == "L1" else parameter / norm.clamp_min(1e-300))
        torch.testing.assert_close(found[1][1][name], found[0][1][name] + pull.detach(), rtol=1e-8, atol=1e-12)
    if phase == "gen":
        name = "shared_encoder.0.linear.weight"
        assert found[0][1][name].equal(found[1][1][name])


# -- the discriminators' phase ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["bce", "mse", "hinge"])
def test_the_discriminators_loss_is_half_real_and_a_quarter_of_each_fake(loss: str) -> None:
    rows = make_rows()
    model = make(rows=rows, loss_dis=loss)
    carry = model("gen", rows).carry
    norms = [
        module
        for net in DISCRIMINATORS
        for module in getattr(model, net).modules()
        if isinstance(module, nn.BatchNorm1d)
    ]
    before = [norm.num_batches_tracked.item() for norm in norms]

    def criterion(domain: str, x: Tensor, label: float) -> Tensor:
        z = plain_net(getattr(model, f"{domain}_dis"), x.detach())
        if loss == "hinge":
            return torch.clamp(1 - (2 * label - 1) * z, min=0).mean()
        labels = torch.full_like(z, label)
        return ((z - labels) ** 2).mean() if loss == "mse" else functional.binary_cross_entropy(z.sigmoid(), labels)

    expected = 0.5 * sum(criterion(name, rows[name], 1.0) for name in rows)
    expected = expected + 0.25 * sum(criterion(path.split("_")[1], carry[path], 0.0) for path in PATHS)
    torch.testing.assert_close(run_dis(model, carry).loss, expected, rtol=1e-10, atol=0)
    seen = {norm.num_batches_tracked.item() - first for norm, first in zip(norms, before, strict=True)}
    assert seen == {3}, "the real rows and two fakes"


def test_discriminators_that_guess_pay_two_ln_two() -> None:
    model = make()
    for net in DISCRIMINATORS:
        nn.init.zeros_(getattr(model, net)[-1].weight)
    assert run_dis(model, model("gen", make_rows()).carry).loss.item() == pytest.approx(2 * math.log(2), rel=1e-12)


def test_discriminators_of_separable_data_fall_below_the_published_floor() -> None:
    model = make(hidden_size=16)
    generator = torch.Generator().manual_seed(1)
    # Of one mean and deviation per feature: batch norm, over reals and fakes apart, hides a difference in those.
    carry = {
        name: torch.randn(x.shape, dtype=x.dtype, generator=generator).sign()
        if name.startswith("real")
        else torch.randn(x.shape, dtype=x.dtype, generator=generator)
        for name, x in model("gen", make_rows(64)).carry.items()
    }
    optimizer = torch.optim.Adam(model.parameters_of(model.config.phases[1]).values(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        run_dis(model, carry).loss.backward()
        optimizer.step()
    # With probabilities read as logits: ½·2·softplus(-1) + ¼·4·softplus(0) = 1.0064.
    floor = functional.softplus(torch.tensor(-1.0)).item() + math.log(2)
    assert floor == pytest.approx(1.0064, abs=1e-4)
    assert run_dis(model, carry).loss.item() < math.log(2) < floor


def test_the_two_optimizers_share_no_parameter_and_leave_none_out() -> None:
    model = make()
    gen, dis = (set(model.parameters_of(phase)) for phase in model.config.phases)
    assert not gen & dis
    assert gen | dis == {name for name, _ in model.named_parameters()}
    assert all(name.split(".")[0].endswith("_dis") for name in dis)
    assert [(phase.lr, phase.optim_fn) for phase in model.config.phases] == [
        ("lr_gen", "optim_fn_gen"),
        ("lr_dis", "optim_fn_dis"),
    ]
