"""The AEGAN's nets: their layers, sizes, activations, first weights and scaling."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from support.aegan import A, B, make, make_rows
from torch import nn

from sparring.errors import DataError
from sparring.models import find_model, model_names
from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN
from sparring.models.blocks.mlp import Block, initialize_weights, make_activation
from sparring.models.blocks.scaling import Scaling


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


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
        torch.testing.assert_close(model.reconstruct({name: x})[name], leave[name](code), rtol=0, atol=0)
        torch.testing.assert_close(model.predict({name: x})[other], leave[other](code), rtol=0, atol=0)


@pytest.mark.parametrize("field", ["n_hl_gen", "n_hl_shared", "n_hl_dis", "hidden_size"])
def test_a_size_of_zero_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=rf"{field}\s+Input should be greater than or equal to 1"):
        Config(**{field: 0})


def test_a_sample_that_is_no_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"spectrum: a sample is a row of numbers, but got shape \(2, 3\)"):
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
