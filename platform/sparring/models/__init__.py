"""The systems: one file each, found by its name. Nothing here lists them; a file that defines a Model is one."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownName

if TYPE_CHECKING:
    from .base import Model
    from .config import Config


def model_names() -> list[str]:
    """The systems in this folder, read from the syntax trees, so that nothing heavy is imported."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if _defines_model(path))


def find_config(name: str) -> type[Config]:
    """The Config of the system called ``name``, without torch; raises UnknownName with the list of those there are."""
    known = model_names()
    if name not in known:
        raise UnknownName(f"no model {name!r}; there are: {', '.join(known)}")
    found: type[Config] = importlib.import_module(f"{__name__}.{name}_config").Config
    return found


def find_model(name: str) -> type[Model]:
    """The model class of the system called ``name``; raises UnknownName with the list of those there are."""
    find_config(name)
    module = importlib.import_module(f"{__name__}.{name}")
    (found,) = (
        item for item in vars(module).values() if isinstance(item, type) and item.__module__ == module.__name__
        and hasattr(item, "Config")
    )  # fmt: skip
    return found


def describe_model(name: str) -> str:
    """The first line of a system's docstring, read without importing it."""
    document = ast.get_docstring(ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return document.partition("\n")[0]


def _defines_model(path: Path) -> bool:
    return any(
        isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Model" for base in node.bases)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )
