"""The rooms of the house and what each may know, read from the syntax trees: nothing is imported to find out.

The table says it all; a room may also import whatever the rooms it names may. A new file is a new room: it gets a line
here, or a place in a room that stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "platform" / "sparring"

BELOW = {
    "errors": "",
    "records": "errors",
    "resources": "errors",
    "metrics": "records",
    "space": "metrics resources",
    "data": "records resources",
    "models": "data",
    "training": "models ledger",
    "ledger": "metrics",
    "referee": "ledger space",
    "yardsticks": "models",
    "display": "ledger space",
    "study": "referee models",
    "report": "study yardsticks display",
    "production": "training study display",
    "retrain": "production",
    "cluster": "training study display",
    "cli": "cluster report retrain",
}

ROOM_OF = {
    "resampling": "retrain",
}
"""Modules that share a room; any other module or folder is the room of its own name."""

ONLY_IN = {"ray": {"cluster"}, "optuna": {"referee", "space", "report"}, "matplotlib": {"production"}}
"""Libraries that would spread if they could."""

UNPICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def names_below(room: str) -> set[str]:
    """Every room that `room` may import, through others too."""
    named = set(BELOW[room].split())
    return named.union(*(names_below(each) for each in named))


def imports(tree: ast.AST, module: tuple[str, ...], is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, absolute name) of every import in a module, those inside functions and TYPE_CHECKING too."""
    package = ("sparring", *(module if is_package else module[:-1]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *([node.module] if node.module else [])))
            # `from . import records` names its module last, `from .records import Trial` does not.
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


def broken_rules(source: str, module: tuple[str, ...], is_package: bool = False) -> list[str]:
    """What a module's text says against the table above, one sentence each."""
    tree = ast.parse(source)
    room = ROOM_OF.get(module[0], module[0]) if module else "sparring/__init__"
    entrance = room == "__main__"
    if not entrance and module and room not in BELOW:
        return [f"{room}: a new room; give it a line in BELOW or a place in ROOM_OF"]
    allowed = {"cli"} if entrance else (names_below(room) | {room} if module else set())
    found = []
    for line, name in imports(tree, module, is_package):
        first, *rest = name.split(".")
        if first == "sparring":
            target = ROOM_OF.get(rest[0], rest[0]) if rest else "sparring/__init__"
            if target != "__version__" and target not in allowed:
                found.append(f"line {line}: {room} imports {target}")
        elif first == "platform" and rest and rest[0] == "sparring":
            found.append(f"line {line}: {room} imports {name}; the package's name is sparring")
        elif first in ONLY_IN and room not in ONLY_IN[first]:
            found.append(f"line {line}: {room} imports {first}, which belongs to {', '.join(sorted(ONLY_IN[first]))}")
        elif first in UNPICKLERS:
            found.append(f"line {line}: {room} imports {first}; nothing unpickles here")
    return found + list(unsafe_calls(tree))


def unsafe_calls(tree: ast.AST) -> Iterator[str]:
    """Calls that run what they read: eval, exec, unpickling, YAML's full loader."""
    safe = {"yaml.SafeLoader", "yaml.CSafeLoader"}
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    safe |= {each.name for each in classes if each.bases and {ast.unparse(base) for base in each.bases} <= safe}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        said = {each.arg: ast.unparse(each.value) for each in node.keywords}
        if called in {"eval", "exec", "compile", "builtins.eval", "builtins.exec"}:
            yield f"line {node.lineno}: {called}() runs text"
        elif called in {"yaml.load", "yaml.load_all"} and said.get("Loader") not in safe:
            yield f"line {node.lineno}: {called}() builds objects; use yaml.safe_load, or Loader= a kind of SafeLoader"
        elif called.startswith(("yaml.unsafe_load", "yaml.full_load")):
            yield f"line {node.lineno}: {called}() builds objects; use yaml.safe_load"
        elif called == "torch.load" and said.get("weights_only") != "True":
            yield f"line {node.lineno}: torch.load() without weights_only=True unpickles"
        elif said.get("allow_pickle", "False") != "False":
            yield f"line {node.lineno}: {called}(allow_pickle=…) unpickles"
        elif called.endswith(".read_pickle"):
            yield f"line {node.lineno}: {called}() unpickles"


def modules() -> list[Path]:
    return sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_rooms_below_its_own(path):
    *folders, stem = path.with_suffix("").parts
    is_package = stem == "__init__"
    module = tuple(folders) if is_package else (*folders, stem)
    assert broken_rules((SOURCE / path).read_text(encoding="utf-8"), module, is_package) == []


def test_the_rooms_stand_in_an_order():
    for room in BELOW:
        assert room not in names_below(room)
        assert names_below(room) <= BELOW.keys()
    assert names_below("cli") | {"cli"} == BELOW.keys()


@pytest.mark.parametrize("folder", ["search_spaces", "datasets", "dashboards"])
def test_folders_of_data_hold_no_python(checkout, folder):
    assert list((checkout / folder).rglob("*.py*")) == []


@pytest.mark.parametrize(
    ("where", "text", "complaint"),
    [
        ("records", "from .space import Space", "records imports space"),
        ("records", "from . import ledger", "records imports ledger"),
        ("records", "import sparring.cli", "records imports cli"),
        ("space/toml_file", "def f():\n    from ..data import cards", "line 2: space imports data"),
        ("data/cards", "from ..models import base", "data imports models"),
        ("models/aegan/model", "from ...training.gang import Gang", "models imports training"),
        ("report", "if TYPE_CHECKING:\n    from .cluster import search", "line 2: report imports cluster"),
        ("cluster/slot", "from ..cli import main", "cluster imports cli"),
        ("ledger", "import ray", "ledger imports ray, which belongs to cluster"),
        ("cli", "from ray.tune import Tuner", "cli imports ray"),
        ("cluster/slot", "import optuna", "optuna, which belongs to referee, report, space"),
        (
            "cluster/slot",
            "def f():\n    from matplotlib.figure import Figure",
            "matplotlib, which belongs to production",
        ),
        ("cluster/slot", "from platform.sparring import errors", "the package's name is sparring"),
        ("cluster/slot", "from cloudpickle import loads", "nothing unpickles"),
        ("utils", "", "a new room"),
        ("cli", "eval('1')", "eval() runs text"),
        ("cli", "yaml.load(file)", "use yaml.safe_load"),
        ("cli", "class Mine(yaml.Loader): ...\nyaml.load(file, Loader=Mine)", "line 2: yaml.load() builds objects"),
        ("cli", "yaml.unsafe_load_all(file)", "use yaml.safe_load"),
        ("cli", "torch.load(file)", "without weights_only=True"),
        ("cli", "torch.load(file, weights_only=False)", "without weights_only=True"),
        ("cli", "np.load(file, allow_pickle=True)", "np.load(allow_pickle=…) unpickles"),
        ("cli", "pandas.read_pickle(file)", "unpickles"),
    ],
)
def test_a_broken_rule_is_named(where, text, complaint):
    (found,) = broken_rules(text, tuple(where.split("/")))
    assert complaint in found


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("cluster/search", "import ray\nfrom ..referee.study import Study\nfrom .slot import Slot"),
        ("space/grid", "import optuna\nfrom .toml_file import read_space"),
        ("__main__", "from .cli import main"),
        ("ledger", "import platform\nfrom . import __version__\nfrom .records import Trial"),
        ("models/aegan/published", "class Mine(yaml.SafeLoader): ...\nyaml.load(file, Loader=Mine)"),
        ("cli", "model.eval()\nyaml.safe_load(f)\ntorch.load(f, weights_only=True)\nnp.load(f, allow_pickle=False)"),
    ],
)
def test_what_the_order_allows_passes(where, text):
    assert broken_rules(text, tuple(where.split("/"))) == []
