"""The Python files of a model of the user's own, read as text and imported from that text.

What a search runs is so of one moment: a file that is edited meanwhile changes no trial, and a worker on another node
needs no copy of it. Reading runs nothing. Of what the files import, those below the same folder belong to them, as far
as an import statement names them; everything else must be installed wherever a trial is trained.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ..errors import UsageError

SHOWN = 12
"""Hexadecimal digits of a digest."""


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: str
    """Where it lay when it was read."""
    text: str
    is_package: bool = False
    """Whether it is a folder's ``__init__.py``."""


def read_sources(module: str, folder: Path) -> dict[str, Source]:
    """The file of ``module`` below ``folder`` and those it imports from there, by module; empty if it is not there.

    Raises UsageError, with the line, if one of them is no Python.
    """
    found: dict[str, Source] = {}
    waiting = [module]
    while waiting:
        for name in _with_parents(waiting.pop()):
            path = _file_of(name, folder)
            if name in found or path is None or _is_taken(name, folder):
                continue
            is_package = path.name == "__init__.py"
            found[name] = Source(str(path), _read(path), is_package)
            waiting += _imported(found[name], name)
    return found if module in found else {}


def digest_of(sources: Mapping[str, Source]) -> str:
    """The first digits of the SHA-256 of the files, whose folder does not count."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\n{sources[name].text}\n".encode())
    return digest.hexdigest()[:SHOWN]


def import_from(sources: Mapping[str, Source], module: str) -> ModuleType:
    """Runs ``module`` from its text, and what it imports of ``sources``; earlier modules of these names are forgotten.

    Whatever the text raises is raised.
    """
    finder = _FromText(sources)
    sys.meta_path[:] = [finder, *(each for each in sys.meta_path if not _is_replaced(each, sources))]
    for name, source in sources.items():
        sys.modules.pop(name, None)
        # pydantic reads what stands under a field, and a traceback its lines, from the file as it is now: not ours.
        linecache.cache[source.path] = (len(source.text), None, source.text.splitlines(keepends=True), source.path)
    return importlib.import_module(module)


class _FromText(MetaPathFinder):
    """Finds the modules of ``sources`` before any of the same name that lies on ``sys.path``."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = dict(sources)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = self.sources.get(fullname)
        if source is None:
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            source.path,
            loader=_Loader(source),
            submodule_search_locations=[str(Path(source.path).parent)] if source.is_package else None,
        )


class _Loader(SourceLoader):
    """Gives the text that was read; a traceback shows its lines, also where there is no such file."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def get_filename(self, fullname: str) -> str:
        return self.source.path

    def get_data(self, path: str | bytes) -> bytes:
        return self.source.text.encode()


def _is_replaced(finder: object, sources: Mapping[str, Source]) -> bool:
    """Is it one of ours whose modules are all among ``sources``?"""
    return isinstance(finder, _FromText) and finder.sources.keys() <= sources.keys()


def _with_parents(module: str) -> Iterator[str]:
    """``a.b.c`` as a, a.b and a.b.c: a package's ``__init__`` runs before what is in it."""
    parts = module.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


def _file_of(module: str, folder: Path) -> Path | None:
    place = folder.joinpath(*module.split("."))
    return next((path for path in (place / "__init__.py", place.with_name(f"{place.name}.py")) if path.is_file()), None)


def _is_taken(module: str, folder: Path) -> bool:
    """Does the name belong to Python, or to a module from elsewhere that this process has already imported?"""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    if top not in sys.modules or isinstance(getattr(sys.modules[top], "__loader__", None), _Loader):
        return False
    file = getattr(sys.modules[top], "__file__", None)
    return not (file and Path(file).is_relative_to(folder))


def _read(path: Path) -> str:
    try:
        return importlib.util.decode_source(path.read_bytes())
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: wants Python that can be read, but: {error}") from error


def _imported(source: Source, module: str) -> Iterator[str]:
    """Modules that a file's import statements may name, wherever they stand."""
    package = module if source.is_package else module.rpartition(".")[0]
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{source.path}{line}: is no Python: {getattr(error, 'msg', error)}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, above), *([node.module] if node.module else [])])
            yield from filter(None, [base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)])
