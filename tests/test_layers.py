"""The rooms of the house and what each may know, read from the syntax trees: nothing is imported to find out.

The table says it all; a room may also import whatever the rooms it names may. A new file is a new room: it gets a line
here, or a place in a room that stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "platform" / "sparring"

BELOW = {
    "errors": "",
    "resources": "errors",
    "records": "errors",
    "metrics": "errors",
    "reader": "errors",
    "untrusted": "",
    "space": "records metrics resources untrusted",
    "data": "resources untrusted",
    "ledger": "records untrusted",
    "models": "data metrics",
    "display": "ledger space",
    "referee": "ledger space",
    "training": "models ledger",
    "study": "models ledger space",
    "report": "study display",
    "production": "training study display",
    "cluster": "training study referee display",
    "cli": "cluster report production",
}

ROOM_OF: dict[str, str] = {}
"""Modules at the root that share a room with others: none. Any module or folder is the room of its own name."""

MOST_AT_THE_ROOT, MOST_IN_A_FOLDER, DEEPEST = 6, 20, 9
"""Files beside the rooms, files of one folder, rooms that stand on each other."""

ONLY_IN = {
    "ray": {"cluster"},
    "optuna": {"referee", "space"},
    "matplotlib": {"production"},
    "fastapi": {"production"},
    "uvicorn": {"production"},
}
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
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        said = {each.arg: ast.unparse(each.value) for each in node.keywords}
        if called in {"eval", "exec", "compile", "builtins.eval", "builtins.exec"}:
            yield f"line {node.lineno}: {called}() runs text"
        elif called.split(".")[-1] == "YAML" and said.get("typ") != "'safe'":
            yield f"line {node.lineno}: {called}() may build objects; use YAML(typ='safe')"
        elif called.startswith(("yaml.load", "yaml.unsafe_load", "yaml.full_load")):
            yield f"line {node.lineno}: {called}() may build objects; use ruamel.yaml's YAML(typ='safe')"
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
    module, is_package = name_of(path)
    assert broken_rules((SOURCE / path).read_text(encoding="utf-8"), module, is_package) == []


def test_the_rooms_stand_in_an_order():
    for room in BELOW:
        assert room not in names_below(room)
        assert names_below(room) <= BELOW.keys()
    assert names_below("cli") | {"cli", "reader"} == BELOW.keys()  # programs import the reader, no command does


def name_of(path: Path) -> tuple[tuple[str, ...], bool]:
    """A file's module below ``sparring``, and whether it is a folder's ``__init__``."""
    *folders, stem = path.with_suffix("").parts
    return (tuple(folders), True) if stem == "__init__" else ((*folders, stem), False)


def arrows(texts: dict[tuple[str, ...], tuple[str, bool]]) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Which module imports which, wherever the import stands; texts: by module its source, is it a package?"""
    found: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for module, (text, is_package) in texts.items():
        targets = found[module] = set()
        for _, name in imports(ast.parse(text), module, is_package):
            parts = tuple(name.split(".")[1:])
            # `from .records import Trial` names a module and what is in it, `from . import records` a module.
            target = parts if parts in texts else parts[:-1]
            if name.startswith("sparring.") and target in texts:
                targets.add(target)
    return found


def circle(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[str]:
    """Modules that import each other in a circle; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [".".join(each) for each in error.args[1]]
    return []


def depth(room: str) -> int:
    """How many rooms stand on each other, this one the highest."""
    return 1 + max((depth(each) for each in BELOW[room].split()), default=0)


def test_no_imports_run_in_a_circle():
    texts = {}
    for path in modules():
        module, is_package = name_of(path)
        texts[module] = ((SOURCE / path).read_text(encoding="utf-8"), is_package)
    assert len(texts) > 150
    assert circle(arrows(texts)) == []


@pytest.mark.parametrize(
    "late",
    ["from .b import g", "def f():\n    from . import b", "if TYPE_CHECKING:\n    from ..a.b import g"],
)
def test_a_circle_is_seen_wherever_the_import_stands(late):
    texts = {("a",): ("", True), ("a", "a"): (late, False), ("a", "b"): ("from .a import f", False)}
    assert set(circle(arrows(texts))) == {"a.a", "a.b"}


def test_the_house_has_few_floors_and_no_crowded_folder():
    assert max(map(depth, BELOW)) <= DEEPEST
    assert len(list(SOURCE.glob("*.py"))) <= MOST_AT_THE_ROOT
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert {
        str(folder.relative_to(SOURCE)) for folder in folders if len(list(folder.glob("*.py"))) > MOST_IN_A_FOLDER
    } == set()
    rooms = {folder.relative_to(SOURCE).parts[0] for folder in folders - {SOURCE}}
    assert rooms == {"space", "data", "ledger", "models", "display", "training", "study", "referee", "report",
                     "production", "cluster", "cli", "untrusted", "reader", "metrics"}  # fmt: skip


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
        ("cluster/slot", "import optuna", "optuna, which belongs to referee, space"),
        (
            "cluster/slot",
            "def f():\n    from matplotlib.figure import Figure",
            "matplotlib, which belongs to production",
        ),
        ("cluster/slot", "from platform.sparring import errors", "the package's name is sparring"),
        ("cluster/slot", "from cloudpickle import loads", "nothing unpickles"),
        ("utils", "", "a new room"),
        ("cli", "eval('1')", "eval() runs text"),
        ("cli", "yaml.load(file, Loader=yaml.SafeLoader)", "yaml.load() may build objects; use ruamel.yaml's"),
        ("cli", "yaml.unsafe_load_all(file)", "yaml.unsafe_load_all() may build objects"),
        ("cli", "YAML().load(file)", "line 1: YAML() may build objects; use YAML(typ='safe')"),
        ("cli", "ruamel.yaml.YAML(typ='unsafe')", "ruamel.yaml.YAML() may build objects"),
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
        ("models/aegan/input_file", "reader = YAML(typ='safe', pure=True)\nreader.load(text)"),
        ("cli", "model.eval()\nyaml.safe_load(f)\ntorch.load(f, weights_only=True)\nnp.load(f, allow_pickle=False)"),
    ],
)
def test_what_the_order_allows_passes(where, text):
    assert broken_rules(text, tuple(where.split("/"))) == []
