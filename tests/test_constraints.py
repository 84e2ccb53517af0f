"""Declared constraints: what their language says, what it refuses, and that no trial ever breaks one."""

from __future__ import annotations

import ast
import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sampling import SEARCH, search, study_of
from support.sampling import Config as Sampled
from support.toy_space import SPACE, Config

from sparring.errors import SpaceError
from sparring.models import find_config
from sparring.records import SAMPLERS
from sparring.space import Space, checked_space, find_space, pin, read_space, settle_tries
from sparring.space.constraints import LARGEST, LONGEST, read_constraints
from sparring.space.grid import points

VALUES = {"a": 7, "b": 2.5, "dims": (8, 16, 32), "loss": "mse", "bias": True, "none": None, "data.n": 100}


def compute(line: str, values: Any = VALUES) -> object:
    (constraint,) = read_constraints([line], "here")
    return constraint.compute(values)


@pytest.mark.parametrize(
    "line",
    [
        "a % 2**len(dims) == 7", "a // 2 == 3 and a / 2 == 3.5", "-a + 10 - +b == 0.5 or false", "not bias or a > 3",
        "1 < b <= 2.5 < a", "loss == 'mse'", "loss in ['mse', 'l1'] and loss not in ('wcc',)", "dims == [8, 16, 32]",
        "dims[0] == 8 and dims[-1] == 32", "sum(dims) == 56",
        "min(dims) == 8 and max(a, b) == 7", "abs(b - a) == 4.5", "data.n >= 100", "true", "a * b == 17.5", "a != b",
        "[8] in [[8], [16]]", "a > 100 or dims[0] < 9", "2 ** -1 == 0.5",
    ],
)  # fmt: skip
def test_it_is_computed_as_python_would(line):
    """Python itself is the other opinion; its names are spelt otherwise."""
    names = {"true": True, "false": False, "data": type("Data", (), {"n": 100}), **VALUES, "dims": [8, 16, 32]}
    code = compile(ast.parse(line, mode="eval"), "line", "eval")
    assert compute(line) == eval(code, {}, names) is True


@given(st.integers(-50, 50), st.integers(-50, 50), st.sampled_from(["+", "-", "*", "//", "%", "<", "<=", "==", "!="]))
def test_arithmetic_and_comparisons_are_those_of_integers(left, right, op):
    line = f"x {op} y"
    if op in ("//", "%") and right == 0:
        with pytest.raises(SpaceError, match=r"cannot be computed with x = .*, y = 0"):
            compute(line, {"x": left, "y": right})
        return
    assert compute(line, {"x": left, "y": right}) == eval(line, {}, {"x": left, "y": right})


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').system('x')", "a.__class__", "dims.__class__.__base__", "(lambda: 1)()", "[x for x in dims]",
        "open('x')", "len(*[dims])", "len(dims, key=1)", "a if b else a", "f'{a}'", "a := 3", "dims[0:2]", "a is b",
        "a @ b", "a | b", "~a", "None", "{a: 1}", "1j", "b'x'", "data.n.real", "...", "await a", "max(x for x in dims)",
    ],
)  # fmt: skip
def test_whatever_is_not_of_the_language_is_refused(line):
    with pytest.raises(SpaceError) as caught:
        read_constraints([line], "here")
    assert str(caught.value).startswith("here[0]: ")
    assert "\n" not in str(caught.value)


def test_a_function_alone_is_a_name_that_no_field_has():
    assert read_constraints(["len"], "here")[0].names == ("len",)


@pytest.mark.parametrize("line", ["9**9**9**9 > 0", "2**(10**9) > 1", "2**64 * 2**64 > 1", "10**30 > 1",
                                  "(-2)**0.5 > 0", "2.0**64 > 1", "0**-1 > 0", "1e308 * 10 > 1"])  # fmt: skip
def test_no_line_takes_long_or_grows(line):
    began = time.perf_counter()
    with pytest.raises(SpaceError, match="cannot be computed"):
        compute(line)
    assert time.perf_counter() - began < 0.5


def test_sums_are_exact_and_every_number_of_a_config_fits():
    assert compute("sum([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]) == 1.0") is True
    assert compute("x + 0 == x", {"x": 2**53}) is True
    assert LARGEST > 2**53


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a +", r"here\[0\]: no expression such as \"width % 8 == 0\": 'a \+' \(invalid syntax\)"),
        ("(" * 400 + "a", r"here\[0\]: no expression"),
        ("a\x00b", r"here\[0\]: no expression"),
        ("a" * (LONGEST + 1), rf"has at most {LONGEST} characters, but got {LONGEST + 1}; split it at `and`"),
        ("a; b", r"no expression"),
        ("", r"no expression"),
    ],
)
def test_what_is_no_expression_is_refused(line, words):
    with pytest.raises(SpaceError, match=words):
        read_constraints([line], "here")


@pytest.mark.parametrize("lines", ["a == 1", [1], {"a": 1}, None, [["a"]]])
def test_constraints_are_a_list_of_texts(lines):
    with pytest.raises(SpaceError, match=r"here: wants a list of texts such as"):
        read_constraints(lines, "here")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("loss < 3", "loss is 'mse', but wants to be a number"),
        ("none > 1", "none is None, but wants to be a number"),
        ("dims[3] > 1", "dims has 3 values, so none at"),
        ("dims[0.5] > 1", "an index is an integer"),
        ("a and bias", "a is 7, but wants to be true or false"),
        ("len(a) > 1", "a is 7, but wants to be a list"),
        ("min([]) > 1", "min of an empty list"),
        ("abs(a, b) > 1", "abs does not take 2 values"),
        ("a % 0 == 0", "integer modulo by zero|division by zero|modulo by zero"),
    ],
)
def test_values_that_give_no_result_do_not_keep_it(line, reason):
    (constraint,) = read_constraints([line], "here")
    with pytest.raises(SpaceError, match=rf"cannot be computed with .*: .*({reason})"):
        constraint.compute(VALUES)
    assert not constraint.holds(VALUES)


# -- in a space --------------------------------------------------------------------------------------------------------


def space_with(*lines: str, config_class: Any = Config, **changes: Any) -> Space[Any]:
    return checked_space({**copy.deepcopy(SPACE), "constraints": list(lines), **changes}, config_class, "toy.toml")


def test_it_speaks_of_what_is_searched_fixed_or_left_at_its_default():
    space = space_with("width * depth < 500", "epochs == 27", "len(milestones) == 2", "data.n == 5", data={"n": 5})
    assert (
        space.broken({**space.baseline(), "width": 512})
        == "'width * depth < 500' does not hold for depth = 2, width = 512"
    )
    assert space.broken(space.baseline()) is None


def test_a_field_that_does_not_apply_has_the_configs_own_value():
    space = space_with("loss != 'wcc' or wcc_width > 7", "wcc_width <= 10")
    baseline = space.baseline()
    assert space.broken(baseline) is None
    assert space.broken({**baseline, "loss": "wcc", "wcc_width": 6}) is not None
    assert space.broken({**baseline, "loss": "wcc", "wcc_width": 9}) is None


def test_the_referees_space_without_a_model_knows_the_same():
    lines = ["width * depth < 500", "len(milestones) == 2", "wcc_width <= 10", "early_stop == 3 or true"]
    space = space_with(*lines)
    bare = space.without_model()
    for width in (32, 512):
        params = {**space.baseline(), "width": width}
        assert bare.broken(params) == space.broken(params)
    assert bare.fingerprint() == space.fingerprint()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["widht > 3"], r"toy\.toml: constraints\[0\]: no field of toy's Config 'widht'; did you mean 'width'\?"),
        (["data.n > 3"], r"constraints\[0\]: data\.n is not said in this space; set it under \[data\]"),
        (["true", "width % 7 == 0"], r"constraints\[1\]: 'width % 7 == 0' does not hold for the default, width = 64"),
        (["width % 8"], r"constraints\[0\]: 'width % 8' is 0; compare it with something, as in `… == 0`"),
        (["early_stop > 3"], r"constraints\[0\]: 'early_stop > 3' cannot be computed with early_stop = None: "),
        (["len(width) > 3"], r"constraints\[0\]: .* width is 64, but wants to be a list"),
        ("width > 3", r"toy\.toml: constraints: wants a list of texts"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_anything_starts(lines, words):
    with pytest.raises(SpaceError, match=words):
        checked_space({**SPACE, "constraints": lines}, Config, "toy.toml")


def test_a_try_that_breaks_one_is_refused_and_left_out_where_a_setting_made_it_so():
    tried = {"try": [{"name": "wide", "source": "a test", "values": {"width": 512, "depth": 1}}]}
    with pytest.raises(
        SpaceError, match=r"try 'wide': values: constraints: 'width < 100' does not hold for width = 512; gi"
    ):
        space_with("width < 100", **tried)
    raw = {**copy.deepcopy(SPACE), "constraints": ["width < 100"], **tried}
    assert settle_tries(raw, Config)["try"] == []


def test_a_fingerprint_sees_constraints_only_where_there_are_any():
    bare = checked_space(SPACE, Config)
    assert space_with().fingerprint() == bare.fingerprint()
    one = space_with("width<500", "depth < 9")
    assert one.fingerprint() == space_with("depth  < 9", "(width < 500)").fingerprint() != bare.fingerprint()


def test_a_pinned_configuration_has_none():
    space = space_with("width < 500")
    assert "constraints" not in pin(space, space.baseline(), seed=0, found={})


def test_a_grid_leaves_out_what_breaks_one():
    fields = {"width": {"choice": [32, 64]}, "depth": {"int": [1, 5]}}
    space = space_with("width * depth <= 128", search=fields)
    found = points(space, seed=0)
    assert sorted((each["width"], each["depth"]) for each in found) == [
        (width, depth) for width in (32, 64) for depth in range(1, 6) if width * depth <= 128
    ]


def test_a_grid_may_be_what_constraints_leave_of_more():
    fields = {"width": {"int": [1, 200]}, "wcc_width": {"int": [1, 200]}, "depth": {"choice": [1, 2]}}
    defaults = {"width": 5, "wcc_width": 5, "depth": 1}
    kept = space_with("width == wcc_width", search=fields, defaults=defaults)
    assert len(points(kept, seed=0)) == 400
    with pytest.raises(SpaceError, match=r"a grid has at most 10,000 points"):
        points(space_with("width > 0", search=fields, defaults=defaults), seed=0)


# -- in a search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ("gp", "grid")])
def test_no_trial_ever_breaks_one(name):
    """About one random draw in nine keeps these."""
    lines = ["width >= 10 or loss == 'mse'", "depth * len(dims) <= 3", "lr < 0.1"]
    raw = {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}], "search": SEARCH}
    space = checked_space({**raw, "constraints": lines}, Sampled)
    rows = search(study_of(name, space=space.without_model()), 20)
    rows = search(study_of(name, rows, space=space.without_model()), 20, rows)
    assert len(rows) == 40
    for each in rows.values():
        assert space.broken(each.params) is None
        space.config(each.params)


def test_constraints_that_hardly_leave_anything_are_kept_too():
    """One random draw in 10,000; the nearest to the default are found by changing little of it."""
    raw = {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}], "search": SEARCH}
    space = checked_space({**raw, "constraints": ["0.0099 <= lr <= 0.0101", "depth == 2", "loss == 'mse'"]}, Sampled)
    rows = search(study_of("tpe", space=space.without_model()), 12)
    assert len({frozenset(each.params.items()) for each in rows.values()}) == 12
    assert all(space.broken(each.params) is None for each in rows.values())


def test_the_shipped_spaces_keep_their_own():
    for name in ("advvae",):
        space = checked_space(read_space(find_space(name)), find_config(name), name)
        assert space.constraints
        assert space.broken(space.baseline()) is None
