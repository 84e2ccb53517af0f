"""A model of the user's own, by name: ``my_module:MyModel``, a class in a Python file, or in an installed package.

To import a file is to run it. So no study, space, trained folder or bundle that names such a class brings it to run:
only who says the name, on the command line or in a program, does. ``allow`` is that word; ``find_own`` refuses every
other name in one sentence. Why so: docs/decisions/0024-a-model-of-ones-own.md.

A package that is installed may give its model a name like ``aegan``, by an entry point of the group ``GROUP``. Whoever
installed it has said that it may run: such a name needs no second word (docs/decisions/0027-installed-models.md).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownName, UsageError, names_hint
from ..metrics import METRICS, define, known_metric
from .own_sources import Source, digest_of, import_from, read_sources

if TYPE_CHECKING:
    from types import ModuleType

    from .base import Model

GROUP = "sparring.models"
"""The group of entry points by which an installed package names its models."""

NAME_OF_INSTALLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
NAME_RULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True)
class OwnModel:
    """A model of one's own as it was when it was named: plain values, which may go to another process."""

    name: str
    """MODULE:CLASS, or the name that an installed package gives it."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Its files by module. Those of an installed package stay where they are: every node has them."""
    installed: str = ""
    """The digest of an installed package's files; empty where ``sources`` are the model."""
    target: str = ""
    """MODULE:CLASS of a model that an installed package names; empty where ``name`` says it."""

    @property
    def module(self) -> str:
        return (self.target or self.name).partition(":")[0]

    @property
    def class_name(self) -> str:
        return (self.target or self.name).partition(":")[2]

    @property
    def folder(self) -> Path:
        """Where the module's file lies: its search space is looked for beside it."""
        if self.module in self.sources:
            return Path(self.sources[self.module].path).parent
        top, *rest = self.module.split(".")
        spec = importlib.util.find_spec(top)
        return Path(spec.origin).parent.joinpath(*rest[:-1]) if spec is not None and spec.origin else Path()

    @cached_property
    def digest(self) -> str:
        """Of its files, 12 digits."""
        return self.installed or digest_of(self.sources)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


_ALLOWED: dict[str, OwnModel] = {}
"""Models of one's own that this process may run, by name."""
_CLASSES: dict[str, type[Model]] = {}


def is_own(name: str) -> bool:
    """Does the name say a class of somebody's own, and no system in this folder?"""
    return ":" in name or name in installed_models()


def is_named_each_time(name: str) -> bool:
    """Does the model run only where its user names it? One of an installed package runs as those in this folder do."""
    return ":" in name


@cache
def installed_models() -> Mapping[str, EntryPoint]:
    """By name, the models of installed packages. Nothing is imported; a system of ours is hidden by none."""
    folder = Path(__file__).parent
    found = sorted(entry_points(group=GROUP), key=lambda each: each.value)
    return {
        each.name: each
        for each in reversed(found)
        if NAME_OF_INSTALLED.fullmatch(each.name) and not (folder / each.name / "model.py").is_file()
    }


def short_name(name: str) -> str:
    """What studies and folders of a model are called: the class alone, or the system's own name."""
    return name.rpartition(":")[2]


def allow(name: str, folder: Path | None = None) -> OwnModel:
    """Lets this process run the class ``name``, because its user said so; reads its files, as they are now.

    folder: where they lie, the working directory by default; a module that is not there has to be installed.
    Raises UsageError for a name of another form or a file that is no Python, UnknownName if there is no such module.
    """
    if name in installed_models():
        return allow_read(_read_installed(name))
    if not NAME_RULE.fullmatch(name):
        raise UsageError(f"a model of your own is MODULE:CLASS, such as my_module:MyModel, but got {name!r}")
    folder = (folder or Path.cwd()).resolve()
    module = name.partition(":")[0]
    sources = read_sources(module, folder)
    return allow_read(OwnModel(name, sources, "" if sources else _digest_installed(name, folder)))


def allow_read(own: OwnModel) -> OwnModel:
    """Lets this process run a model that another one has read."""
    before = _ALLOWED.get(own.name)
    if before != own:
        _ALLOWED[own.name] = own
        _CLASSES.pop(own.name, None)
    return own


def allow_json(text: str) -> OwnModel:
    """The same from what ``OwnModel.to_json`` wrote."""
    document = json.loads(text)
    sources = {name: Source(**source) for name, source in document["sources"].items()}
    return allow_read(OwnModel(document["name"], sources, document["installed"], document["target"]))


def allowed(name: str) -> OwnModel | None:
    """The model of one's own that was allowed by this name; None for a system of ours.

    Raises UsageError for one that was not allowed.
    """
    if not is_own(name):
        return None
    if name not in _ALLOWED and name in installed_models():
        return allow(name)
    if name not in _ALLOWED:
        raise UsageError(
            f"the model {name!r} is somebody's own Python, which runs only where you name it: if you trust it, add "
            f"--model {name} (in a program, model={name!r})"
        )
    return _ALLOWED[name]


def find_own(name: str) -> type[Model]:
    """The class of an allowed name, imported once.

    Raises UsageError if it was not allowed, its file cannot be imported, or it is no model as ``base.py`` has it.
    """
    own = allowed(name)
    assert own is not None
    if name not in _CLASSES:
        _CLASSES[name] = _check(own, _import(own))
    return _CLASSES[name]


def _import(own: OwnModel) -> ModuleType:
    try:
        return import_from(own.sources, own.module) if own.sources else importlib.import_module(own.module)
    except Exception as error:  # the user's own code: whatever it raises
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"{own.name}: {_line(own, error)}cannot be imported: {said}") from error


def _line(own: OwnModel, error: BaseException) -> str:
    """The last place in the user's own files that a traceback passes, with a colon; empty if there is none."""
    paths, found, trace = {source.path for source in own.sources.values()}, "", error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        found = f"{path}:{trace.tb_lineno}: " if path in paths else found
        trace = trace.tb_next
    return found


def _check(own: OwnModel, module: ModuleType) -> type[Model]:
    from .base import Model
    from .config import Config

    name = own.class_name
    classes = ((each, value) for each, value in vars(module).items() if isinstance(value, type))
    models = [each for each, value in classes if issubclass(value, Model) and value.__module__ == own.module]
    found = getattr(module, name, None)
    if found is None:
        raise UnknownName(f"{own.name}: no class {name!r} in {own.module}; {names_hint(name, models)}")
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise UsageError(f"{own.name}: wants a class made of sparring.models.base.Model, but {name} is {found!r}")
    config = getattr(found, "Config", None)
    if not (isinstance(config, type) and issubclass(config, Config)):
        raise UsageError(
            f"{own.name}: wants a class variable Config, made of sparring.models.config.Config, but it is {config!r}"
        )
    define(config.defines, own.name)
    if unknown := [each for each in config.emitted() if known_metric(each) is None]:
        close = get_close_matches(unknown[0], METRICS, n=1)
        raise UsageError(
            f"{own.name}: every figure has one definition, but Config.metrics names {unknown[0]}, which "
            f"sparring.metrics does not have; {f'did you mean {close[0]!r}? Or ' if close else ''}say what it is in "
            "Config.defines"
        )
    lacking = [phase.name for phase in config.phases if not callable(getattr(found, phase.name, None))]
    if lacking or not config.phases:
        said = f"{name} has no method for {', '.join(lacking)}" if lacking else "Config.phases is empty"
        raise UsageError(f"{own.name}: every phase that Config.phases names is a method of the model, but {said}")
    return found


def _read_installed(name: str) -> OwnModel:
    """A model that an installed package names. Raises UsageError if the package names no class so."""
    target = installed_models()[name].value.replace(" ", "")
    if not NAME_RULE.fullmatch(target):
        raise UsageError(f"{name}: the installed package must name MODULE:CLASS, but says {target!r}; tell its author")
    return OwnModel(name, installed=_digest_installed(target, Path.cwd()), target=target)


def _digest_installed(name: str, folder: Path) -> str:
    """Of an installed module with the rest of its package; raises UnknownName if there is none."""
    module = name.partition(":")[0]
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not Path(spec.origin).is_file():  # built in, or gone since it was imported
        here = sorted(path.stem for path in folder.glob("*.py"))
        raise UnknownName(
            f"{name}: no module {module!r} in {folder}, and none of that name is installed; {names_hint(module, here)}"
        )
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    sources = {str(path.relative_to(origin.parent)): path.read_bytes() for path in files}
    return digest_of({each: Source(each, data.decode(errors="replace")) for each, data in sources.items()})
