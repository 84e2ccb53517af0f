"""The AEGAN: its layers and counts, its two phases against plain formulas, alone against fused, and its verbs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from sparring.errors import CheckpointError, DataError
from sparring.models import find_model, model_names
from sparring.models.aegan.config import DISCRIMINATORS, GENERATOR, Config, Freeze
from sparring.models.aegan.model import AEGAN
from sparring.models.base import Step
from sparring.models.blocks.losses import wcc, wcc_kernel
from sparring.models.blocks.mlp import Block, initialize_weights, make_activation
from sparring.models.blocks.scaling import Scaling
from sparring.records import Objective, Trial
from sparring.study import prepare
from sparring.training.loop import TrialTraining

A, B = 7, 11
SMALL: dict[str, Any] = {"hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1}
PATHS = ("recon_structure", "recon_spectrum", "predict_structure", "predict_spectrum")


def make_rows(n: int = 24, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    structure = torch.rand(n, A, dtype=dtype, generator=generator) * 5 - 1
    mix = torch.randn(A, B, dtype=dtype, generator=torch.Generator().manual_seed(99))
    return {"structure": structure, "spectrum": torch.tanh(structure @ mix) + 0.5}


def make(seed: int = 0, rows: Mapping[str, Tensor] | None = None, **fields: Any) -> AEGAN:
    """A small AEGAN in float64, initialised and prepared, in training mode."""
    torch.manual_seed(seed)
    model = AEGAN(Config(**{**SMALL, **fields}), {"structure": (A,), "spectrum": (B,)})
    model.initialize()
    model.double().prepare(rows or make_rows())
    return model


def run_dis(model: AEGAN, carry: Mapping[str, Tensor]) -> Step:
    return model("dis", {name: carry[name].detach() for name in model.wants("dis")})


def gradients(model: AEGAN, loss: Tensor) -> dict[str, Tensor | None]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True))


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


# -- architecture -----------------------------------------------------------------------------------------------------


def test_the_model_is_found_by_its_name() -> None:
    assert "aegan" in model_names()
    assert find_model("aegan") is AEGAN


def test_the_published_sizes_have_the_published_parameter_counts() -> None:
    model = AEGAN(Config(), {"structure": (49,), "spectrum": (226,)})
    assert count(model) == 1_275_941
    assert count(model.structure_encoder, model.structure_decoder) == 291_125
    assert count(model.spectrum_encoder, model.spectrum_decoder) == 381_926
    assert count(model.shared_encoder) == count(model.shared_decoder) == 198_914
    assert (count(model.structure_dis), count(model.spectrum_dis)) == (79_875, 125_187)


@pytest.mark.parametrize(("g", "s", "d", "h"), [(1, 1, 1, 8), (3, 1, 2, 16), (1, 4, 5, 5)])
def test_layer_counts_and_width_change_the_parameters_by_the_formula(g: int, s: int, d: int, h: int) -> None:
    def linear(i: int, o: int) -> int:
        return i * o + o

    def block(i: int, o: int) -> int:
        return linear(i, o) + 2 * o + 1  # batch norm's scale and shift, one PReLU slope

    code = linear(h, h) + 2 * h
    total = 2 * (s * block(h, h) + code)
    for n in (A, B):
        total += block(n, h) + (g - 1) * block(h, h) + code
        total += g * block(h, h) + linear(h, n)
        total += block(n, h) + (d - 1) * block(h, h) + linear(h, 1)
    config = Config(n_hl_gen=g, n_hl_shared=s, n_hl_dis=d, hidden_size=h)
    assert count(AEGAN(config, {"structure": (A,), "spectrum": (B,)})) == total


def test_layers_stand_in_the_published_order() -> None:
    model = make(n_hl_gen=2, dropout=0.3)
    layers = [type(module) for module in model.structure_encoder.modules() if not list(module.children())]
    hidden = [nn.Linear, nn.BatchNorm1d, nn.PReLU, nn.Dropout]
    assert layers == [*hidden, *hidden, nn.Linear, nn.BatchNorm1d]
    layers = [type(module) for module in model.structure_decoder.modules() if not list(module.children())]
    assert layers == [*hidden, *hidden, nn.Linear]
    order: list[nn.Module] = []
    for module in model.shared_encoder.modules():
        module.register_forward_hook(lambda module, *_: order.append(module))
    model("gen", make_rows())
    assert [type(module) for module in order[:4]] == hidden


def test_all_four_paths_run_through_one_shared_core() -> None:
    model = make().eval()
    rows = make_rows(4)
    enter = {name: getattr(model, f"{name}_encoder") for name in AEGAN.Config.fields}
    leave = {name: getattr(model, f"{name}_decoder") for name in AEGAN.Config.fields}
    for name, x in rows.items():
        code = model.shared_decoder(model.shared_encoder(enter[name](x)))
        other = "spectrum" if name == "structure" else "structure"
        torch.testing.assert_close(model.reconstruct(**{name: x})[name], leave[name](code), rtol=0, atol=0)
        torch.testing.assert_close(model.predict(**{name: x})[other], leave[other](code), rtol=0, atol=0)


@pytest.mark.parametrize("field", ["n_hl_gen", "n_hl_shared", "n_hl_dis", "hidden_size"])
def test_a_size_of_zero_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=rf"{field}\s+Input should be greater than or equal to 1"):
        Config(**{field: 0})


def test_a_sample_that_is_no_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"spectrum: a sample of the AEGAN is a row of numbers, but got shape \(2, 3\)"):
        AEGAN(Config(), {"structure": (A,), "spectrum": (2, 3)})


ACTIVATIONS = {
    "relu": lambda x: max(x, 0.0),
    "prelu": lambda x: x if x > 0 else 0.25 * x,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "leakyrelu": lambda x: x if x > 0 else 0.01 * x,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_is_the_function_it_names(name: str) -> None:
    x = torch.linspace(-2, 2, 9)
    assert make_activation(name)(x).tolist() == pytest.approx([ACTIVATIONS[name](v) for v in x.tolist()], abs=1e-6)
    assert sum(p.numel() for p in make_activation(name).parameters()) == (name == "prelu")
    assert type(make(activation=name).spectrum_dis[0].activation) is type(make_activation(name))


def test_no_two_blocks_share_an_activation() -> None:
    slopes = [module for _, module in make().named_modules(remove_duplicate=False) if isinstance(module, nn.PReLU)]
    assert len(slopes) == len({id(slope) for slope in slopes}) == 8


# -- weights ----------------------------------------------------------------------------------------------------------

OUT, IN = 300, 200
SPREADS = {  # deviation and largest magnitude (None: unbounded) of each draw
    "uniform": (math.sqrt(1 / 12), 1.0),
    "normal": (1.0, None),
    "xavier_uniform": (math.sqrt(2 / (IN + OUT)), math.sqrt(6 / (IN + OUT))),
    "xavier_normal": (math.sqrt(2 / (IN + OUT)), None),
    "kaiming_uniform": (math.sqrt(2 / IN), math.sqrt(6 / IN)),
    "kaiming_normal": (math.sqrt(2 / IN), None),
    "default": (math.sqrt(1 / 3 / IN), math.sqrt(1 / IN)),
}


@pytest.mark.parametrize("kernel", SPREADS)
def test_weights_are_spread_as_their_initialiser_says(kernel: str) -> None:
    block = Block(IN, OUT, "prelu")
    initialize_weights([block], kernel, "ones", seed=3)
    deviation, bound = SPREADS[kernel]
    weight = block.linear.weight.detach()
    assert float(weight.std()) == pytest.approx(deviation, rel=0.02)
    if bound is not None:
        assert 0.99 * bound < float(weight.abs().max()) <= bound
    assert block.linear.bias.eq(1).all()
    assert block.norm.bias.eq(0).all()
    assert block.norm.weight.eq(1).all()
    assert block.activation.weight.eq(0.25).all()


def test_the_same_seed_gives_the_same_weights() -> None:
    first, same, other = (make(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(first[name].equal(same[name]) for name in first)
    assert not first["structure_encoder.0.linear.weight"].equal(other["structure_encoder.0.linear.weight"])


def test_a_weight_seed_decides_the_weights_and_leaves_the_global_generator_alone() -> None:
    states, draws = [], []
    for seed, weight_seed in ((1, 5), (2, 5), (1, 6), (1, None)):
        states.append(make(seed=seed, weight_init_seed=weight_seed).structure_dis[0].linear.weight)
        draws.append(float(torch.rand(())))
    assert states[0].equal(states[1])
    assert not states[0].equal(states[2])
    assert draws[0] == draws[2] != draws[3]


def test_dropout_drops_its_share_in_training_and_none_in_evaluation() -> None:
    block = Block(4, 500, "sigmoid", dropout=0.3)
    x = torch.randn(64, 4)
    assert float((block(x) == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert not (block.eval()(x) == 0).any()


# -- scaling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["none", "standard", "centered", "minmax"])
def test_scaling_goes_there_and_back(kind: str) -> None:
    rows = make_rows(50)["structure"]
    rows[:, 3] = 1 / 3
    scaling = Scaling(A, kind).double()
    scaling.fit(rows)
    y = scaling(rows)
    torch.testing.assert_close(scaling.inverse(y), rows, rtol=1e-12, atol=1e-12)
    varied = [n for n in range(A) if n != 3]
    if kind == "none":
        assert y.equal(rows)
    elif kind == "minmax":
        assert y[:, varied].amin(0).eq(0).all()
        assert y[:, varied].amax(0).eq(1).all()
    else:
        torch.testing.assert_close(y.mean(0), torch.zeros(A, dtype=y.dtype), rtol=0, atol=1e-12)
        deviations = y.std(0, correction=0)
        if kind == "standard":
            torch.testing.assert_close(deviations[varied], torch.ones(A - 1, dtype=y.dtype))
        else:
            assert float(deviations.square().mean()) == pytest.approx(1)
            ratio = deviations / rows.std(0, correction=0)
            torch.testing.assert_close(ratio[varied], ratio[:1].expand(A - 1))


@pytest.mark.parametrize("kind", ["standard", "centered", "minmax"])
def test_a_constant_column_is_left_finite_and_unstretched(kind: str) -> None:
    rows = torch.full((1000, 2), 0.1)
    scaling = Scaling(2, kind)
    scaling.fit(rows)
    assert scaling.scale.eq(1).all()
    assert scaling(rows).abs().max() < 1e-6


# -- the generator's phase --------------------------------------------------------------------------------------------


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
    torch.testing.assert_close(model.reconstruct(**rows)["spectrum"], low + share * (high - low))
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
    assert noisy.eval().predict(**rows)["spectrum"].shape == quiet.predict(**rows)["spectrum"].shape
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


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_the_discriminators_loss_is_half_real_and_a_quarter_of_each_fake(loss: str) -> None:
    rows = make_rows()
    model = make(rows=rows, loss_dis=loss)
    carry = model("gen", rows).carry

    def criterion(domain: str, x: Tensor, label: float) -> Tensor:
        z = plain_net(getattr(model, f"{domain}_dis"), x.detach())
        labels = torch.full_like(z, label)
        return ((z - labels) ** 2).mean() if loss == "mse" else functional.binary_cross_entropy(z.sigmoid(), labels)

    expected = 0.5 * sum(criterion(name, rows[name], 1.0) for name in rows)
    expected = expected + 0.25 * sum(criterion(path.split("_")[1], carry[path], 0.0) for path in PATHS)
    torch.testing.assert_close(run_dis(model, carry).loss, expected, rtol=1e-10, atol=0)


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


# -- alone and fused --------------------------------------------------------------------------------------------------


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
    figures = model.figures({name: sum(float(part[name].detach()) for part in parts) for name in parts[0]})
    answers = {"recon": model.reconstruct(**rows), "predict": model.predict(**rows)}
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
        figures = model.figures({name: float(total) for name, total in model.evaluate(**rows).items()})
    assert figures["val/score"] == pytest.approx(1.0, rel=1e-12)


def test_one_input_is_enough_and_both_give_the_same_answers() -> None:
    rows = make_rows()
    model = make(target_scaling="standard")
    both = {"reconstruct": model.reconstruct(**rows), "predict": model.predict(**rows)}
    assert all(set(answers) == {"structure", "spectrum"} for answers in both.values())
    assert model.predict(structure=rows["structure"]).keys() == {"spectrum"}
    assert model.predict(structure=rows["structure"])["spectrum"].equal(both["predict"]["spectrum"])
    assert model.predict(spectrum=rows["spectrum"])["structure"].equal(both["predict"]["structure"])
    assert model.reconstruct(spectrum=rows["spectrum"])["spectrum"].equal(both["reconstruct"]["spectrum"])


def test_the_verbs_answer_row_by_row_and_leave_the_model_in_training() -> None:
    rows = make_rows()
    model = make(dropout=0.5)
    before = copy.deepcopy(model.state_dict())
    whole = model.predict(**rows)["spectrum"]
    torch.testing.assert_close(model.predict(structure=rows["structure"][4:5])["spectrum"], whole[4:5])
    assert model.training
    assert not whole.requires_grad
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    with pytest.raises(DataError, match="predict: needs a structure, a spectrum or both, but got neither"):
        model.predict()


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


# -- pretrained weights and freezing ----------------------------------------------------------------------------------

FREEZE = Freeze(
    n_encoder1=1, n_encoder2=2, n_decoder1=1, n_decoder2=2, n_shared_encoder=1, n_shared_decoder=2, n_discrim1=1
)


@pytest.fixture
def pretrained(tmp_path: Path) -> tuple[AEGAN, str]:
    """An AEGAN whose weights and statistics have moved, and its file."""
    model = make(seed=7, target_scaling="standard", n_hl_gen=1)
    with torch.no_grad():
        for _ in range(3):
            model(
                "dis",
                {name: x for name, x in model("gen", make_rows(seed=3)).carry.items() if name in AEGAN.wants("dis")},
            )
    path = tmp_path / "aegan.safetensors"
    save_file(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()},
        path,
    )
    return model, str(path)


def test_pretrained_weights_statistics_and_scaling_are_kept(pretrained: tuple[AEGAN, str]) -> None:
    source, path = pretrained
    other_rows = {name: 3 * x for name, x in make_rows(seed=8).items()}
    model = make(rows=other_rows, target_scaling="standard", pretrained=path, weight_init_seed=1)
    kept = {name for name in source.state_dict() if not name.endswith(("loss_scale", "variance"))}
    assert all(source.state_dict()[name].float().equal(model.state_dict()[name].float()) for name in kept)
    assert model.spectrum_variance.item() == pytest.approx(9 * source.spectrum_variance.item(), rel=0.5)


def test_frozen_layers_get_no_gradient_and_keep_weights_and_statistics(pretrained: tuple[AEGAN, str]) -> None:
    _, path = pretrained
    model = make(target_scaling="standard", pretrained=path, freeze=FREEZE, w_adv=0.1).train()
    before = copy.deepcopy(model.state_dict())
    phase_steps = [torch.optim.SGD(model.parameters_of(phase).values(), lr=0.1) for phase in model.config.phases]
    step = model("gen", make_rows())
    step.loss.backward()
    run_dis(model, step.carry).loss.backward()
    for arm in phase_steps:
        arm.step()
    frozen = {
        name
        for net, layers in (
            ("structure_encoder", 1), ("spectrum_encoder", 2), ("structure_decoder", 1), ("spectrum_decoder", 2),
            ("shared_encoder", 1), ("shared_decoder", 2), ("structure_dis", 1), ("spectrum_dis", 0),
        )
        for name in before
        if name.startswith(tuple(f"{net}.{layer}." for layer in range(layers)))
        or (net.endswith("decoder") and "shared" not in net and layers == 2 and name.startswith(f"{net}.1"))
    }  # fmt: skip
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (name in frozen), name
    after = model.state_dict()
    for name in before:
        if name.split(".")[0] in GENERATOR + DISCRIMINATORS:
            assert after[name].equal(before[name]) == (name in frozen), name


def test_a_file_of_another_shape_is_refused(pretrained: tuple[AEGAN, str], tmp_path: Path) -> None:
    _, path = pretrained
    words = (
        r"aegan.safetensors must hold the state.*structure_encoder.0.linear.weight is torch.float32 \(8, 7\) instead of"
    )
    with pytest.raises(CheckpointError, match=words):
        make(pretrained=path, hidden_size=9)
    with pytest.raises(CheckpointError, match=r"it lacks structure_encoder.2.*and \d+ more; configure the sizes"):
        make(pretrained=path, n_hl_gen=2)
    with pytest.raises(CheckpointError, match=r"nowhere.safetensors must be a readable .safetensors file"):
        make(pretrained=str(tmp_path / "nowhere.safetensors"))
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(Path(path).read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"torn.safetensors must be a readable .safetensors file"):
        make(pretrained=str(torn))


def test_freezing_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"freeze.n_discrim1: structure_dis has 3 linear layers, but got 4; freeze fewer"
    ):
        Config(freeze=Freeze(n_discrim1=4))
    with pytest.raises(ValidationError, match=r"of structure_dis, spectrum_dis one layer must be left to train"):
        Config(freeze=Freeze(n_discrim1=3, n_discrim2=3))


def test_every_field_of_the_config_is_explained() -> None:
    for kind in (Config, Freeze):
        assert [name for name, field in kind.model_fields.items() if not field.description] == []


def test_a_search_s_slots_find_pretrained_weights_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ["data.n=80", "pretrained=a/model.safetensors"]
    study = prepare("aegan", settings=settings, results=tmp_path, trials=2, slots=1)
    assert study.spec.space["fixed"]["pretrained"] == str(tmp_path / "a" / "model.safetensors")
