"""Declared constraints: what must hold between the values of a configuration, or no trial takes it.

    constraints = ["image_size % 2**len(hidden_dims) == 0", "lr_dis <= lr_gen or w_adv == 0"]

A line is an expression of its own small language, read from Python's syntax tree and computed here, never run. It knows
numbers, texts, true and false, fields of the Config, options of the data as ``data.NAME``; ``and or not``, comparisons
(``in`` too), ``+ - * / // % **``, lists, ``len min max sum abs``, and an index. Sizes are bounded, so that no line
takes long. A field that is not drawn, or does not apply, has the value that the Config has.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import SpaceError

LONGEST = 500
"""Characters of one constraint."""

LARGEST = 2**64
"""What every number stays below on the way."""

STEEPEST = 64
"""The largest exponent."""

_WORDS = {"true": True, "false": False}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS = ("len", "min", "max", "sum", "abs")

Values = Mapping[str, object]
"""By name what a constraint may speak of."""


class _Untold(Exception):
    """An expression that these values give no result; the message says why."""


@dataclass(frozen=True)
class Constraint:
    """One line of ``constraints``."""

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    """Fields and ``data.`` options that it speaks of, sorted."""

    @property
    def plain(self) -> str:
        """The line in one spelling, whatever its spaces and brackets."""
        return ast.unparse(self.tree)

    def compute(self, values: Values) -> object:
        """What the line comes to. Raises SpaceError, saying why, if these values give no result."""
        try:
            return _value(self.tree, values)
        except (_Untold, ArithmeticError) as error:
            raise SpaceError(f"{self.text!r} cannot be computed with {self.spoken(values)}: {error}") from error

    def holds(self, values: Values) -> bool:
        """Whether these values keep it; those that give no result do not."""
        try:
            return self.compute(values) is True
        except SpaceError:
            return False

    def spoken(self, values: Values) -> str:
        """The values that it speaks of, as a message shows them."""
        return ", ".join(f"{name} = {values[name]!r}" for name in self.names) or "no values"


def read_constraints(lines: object, where: str) -> tuple[Constraint, ...]:
    """The constraints of a file, before anything is known of its fields. Raises SpaceError at the first mistake."""
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise SpaceError(f'{where}: wants a list of texts such as ["width % 8 == 0"], but got {lines!r}')
    return tuple(_read(line, f"{where}[{index}]") for index, line in enumerate(lines))


def _read(line: str, where: str) -> Constraint:
    if len(line) > LONGEST:
        raise SpaceError(f"{where}: has at most {LONGEST} characters, but got {len(line)}; split it at `and`")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # Python's doubts about `1 is 2`, which is refused below
            tree = ast.parse(line.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or error
        raise SpaceError(f'{where}: no expression such as "width % 8 == 0": {line!r} ({reason})') from error
    names: set[str] = set()
    _check(tree, f"{where}: {line!r}", names)
    return Constraint(line, tree, tuple(sorted(names)))


def _check(node: ast.expr, where: str, names: set[str]) -> None:
    """Raises SpaceError at the first thing that the language has not; collects the names."""
    if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        name = ast.unparse(node)
        if isinstance(node, ast.Attribute) and not name.startswith("data."):
            raise SpaceError(f"{where}: {name}: only options of the data have a dot, as data.NAME")
        if name not in _WORDS:
            names.add(name)
        return
    inside: Sequence[ast.expr]
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            inside = []
        case ast.BoolOp(values=inside) | ast.List(elts=inside) | ast.Tuple(elts=inside):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=operand):
            inside = [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            inside = [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(map(_is_known, ops)):
            inside = [left, *others]
        case ast.Subscript(value=of, slice=index) if not isinstance(index, ast.Slice):
            inside = [of, index]
        case ast.Call(func=ast.Name(id=name), args=inside, keywords=[]) if name in _FUNCTIONS:
            pass
        case _:
            raise SpaceError(
                f"{where}: {ast.unparse(node)!r} is not of its language: numbers, texts, fields, data.NAME, lists, "
                f"and or not, comparisons, + - * / // % **, {' '.join(_FUNCTIONS)}, [index]"
            )
    for each in inside:
        _check(each, where, names)


def _is_known(op: ast.cmpop) -> bool:
    return type(op) in _ORDER or isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn)


def _value(node: ast.expr, values: Values) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            name = ast.unparse(node)
            return _WORDS[name] if name in _WORDS else values[name]
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(each, values) for each in elements]
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(each, values) for each in parts)
        case ast.BoolOp(values=parts):
            return any(_truth(each, values) for each in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand, values)
        case ast.UnaryOp(op=op, operand=operand):
            number = _number(_value(operand, values), operand)
            return -number if isinstance(op, ast.USub) else number
        case ast.BinOp(left=left, op=op, right=right):
            return _calculate(op, _number(_value(left, values), left), _number(_value(right, values), right))
        case ast.Compare(left=left, ops=ops, comparators=others):
            operands = [left, *others]
            return all(_compare(op, operands[n], operands[n + 1], values) for n, op in enumerate(ops))
        case ast.Subscript(value=of, slice=index):
            place = _number(_value(index, values), index)
            if not isinstance(place, int):
                raise _Untold(f"an index is an integer, but {ast.unparse(index)} is {place!r}")
            found = _list(_value(of, values), of)
            if not -len(found) <= place < len(found):
                raise _Untold(f"{ast.unparse(of)} has {len(found)} values, so none at [{place}]")
            return found[place]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise AssertionError(f"{ast.unparse(node)} was let through")


def _truth(node: ast.expr, values: Values) -> bool:
    value = _value(node, values)
    if not isinstance(value, bool):
        raise _Untold(f"{ast.unparse(node)} is {value!r}, but wants to be true or false")
    return value


def _number(value: object, node: ast.expr) -> float:
    if not isinstance(value, int | float):
        raise _Untold(f"{ast.unparse(node)} is {value!r}, but wants to be a number")
    return value


def _list(value: object, node: ast.expr) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise _Untold(f"{ast.unparse(node)} is {value!r}, but wants to be a list")
    return value


def _calculate(op: ast.operator, left: float, right: float) -> float:
    if isinstance(op, ast.Pow) and abs(right) > STEEPEST:
        raise _Untold(f"an exponent lies within ±{STEEPEST}, but got {right}")
    result = _ARITHMETIC[type(op)](left, right)
    if isinstance(result, complex) or not abs(result) < LARGEST:  # written so that NaN is refused as well
        raise _Untold(f"numbers stay within ±2^64, but got {result}")
    return result


def _compare(op: ast.cmpop, left: ast.expr, right: ast.expr, values: Values) -> bool:
    one, other = _value(left, values), _value(right, values)
    if isinstance(op, ast.In | ast.NotIn):
        return (_plain(one) in map(_plain, _list(other, right))) == isinstance(op, ast.In)
    if isinstance(op, ast.Eq | ast.NotEq):
        return (_plain(one) == _plain(other)) == isinstance(op, ast.Eq)
    return _ORDER[type(op)](_number(one, left), _number(other, right))


def _plain(value: object) -> object:
    """A tuple, as a Config has it, as the list that TOML has."""
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _call(name: str, arguments: Sequence[ast.expr], values: Values) -> float:
    found = [_value(each, values) for each in arguments]
    if name == "abs" and len(found) == 1:
        return abs(_number(found[0], arguments[0]))
    if name == "len" and len(found) == 1:
        return len(_list(found[0], arguments[0]))
    if (name == "sum" and len(found) == 1) or (name in ("min", "max") and len(found) == 1):
        numbers = [_number(each, arguments[0]) for each in _list(found[0], arguments[0])]
    elif name in ("min", "max") and len(found) > 1:
        numbers = [_number(each, node) for each, node in zip(found, arguments, strict=True)]
    else:
        raise _Untold(f"{name} does not take {len(found)} values")
    if name == "sum":
        return math.fsum(numbers) if any(isinstance(each, float) for each in numbers) else sum(numbers)
    if not numbers:
        raise _Untold(f"{name} of an empty list")
    return min(numbers) if name == "min" else max(numbers)
