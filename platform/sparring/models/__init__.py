"""The systems, a folder each: ``NAME/config.py``, which needs no torch, and ``NAME/model.py``. Being there is enough.

base.py, config.py   the contract: what a system is
own.py               a model of the user's own, MODULE:CLASS, which runs only where its user named it
autoencoder.py       what every autoencoder here has in common
classes.py           what those do that are told the class of each row
verbs.py             what a trained model can be asked: one Protocol per verb
muons.py             what the systems of muon tables have in common
published.py         published command lines, read; ``NAME/published.py`` has each one's arguments
blocks/              nets, losses and transforms that systems share
metrics/             figures that compare samples, codes and scores
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SparringError, UnknownName, names_hint
from .own import allowed, find_own, installed_models, is_named_each_time, is_own, short_name

if TYPE_CHECKING:
    from .base import Model
    from .config import Config

__all__ = [
    "describe_model",
    "find_config",
    "find_model",
    "installed_models",
    "is_named_each_time",
    "is_own",
    "model_names",
    "short_name",
]

_FOLDER = Path(__file__).parent


def model_names() -> list[str]:
    """The systems: folders here with a ``model.py``. Nothing is imported."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/model.py"))


def find_config(name: str) -> type[Config]:
    """The Config of the system called ``name``, without torch; raises UnknownName with the list of those there are.

    Of a model of the user's own, which is imported for it, UsageError unless the user has named it (``own.allow``).
    """
    if is_own(name):
        return find_own(name).Config
    if name not in model_names():
        known = [*model_names(), *installed_models()]
        raise UnknownName(f"no model {name!r}; {names_hint(name, known)}")
    config_class: type[Config] = importlib.import_module(f"{__name__}.{name}.config").Config
    return config_class


def find_model(name: str) -> type[Model]:
    """The model class of the system called ``name``; raises as ``find_config``."""
    if is_own(name):
        return find_own(name)
    find_config(name)
    module = importlib.import_module(f"{__name__}.{name}.model")
    (model_class,) = (
        item for item in vars(module).values() if isinstance(item, type) and item.__module__ == module.__name__
        and hasattr(item, "Config")
    )  # fmt: skip
    return model_class


def describe_model(name: str) -> str:
    """The first line of a system's docstring, read without importing it; of an installed package its name too."""
    if (entry := installed_models().get(name)) is None:
        return _first_line(_FOLDER / name / "model.py")
    package = f"from {entry.dist.name} {entry.dist.version}" if entry.dist is not None else "from an installed package"
    try:
        own = allowed(name)
    except SparringError as error:
        return f"cannot be used: {error} ({package})"
    assert own is not None
    words = _first_line(own.folder / f"{own.module.rpartition('.')[2]}.py") if own.module else ""
    return f"{words} ({package})" if words else package


def _first_line(path: Path) -> str:
    try:
        document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except (OSError, SyntaxError, ValueError):
        return ""
    return document.partition("\n")[0].replace("``", "")
