"""The search space that a user asks for: a file, changed by the flags of the command line. Nothing is checked yet."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.cards import is_card_path
from ..errors import SpaceError
from ..models import is_own
from ..models.own import allowed
from ..space import INHERITED, apply_config, apply_settings, find_space, inherit, read_space, settle_tries, table_of
from ..space.dimension import OPTION
from .added_tries import add_tries
from .fork import Fork
from .searched_data import with_data_defaults

if TYPE_CHECKING:
    from ..models.config import Config


@dataclass(frozen=True, kw_only=True)
class AskedSpace:
    """A raw space, with what messages call it and the seed of the published configuration in it."""

    raw: Mapping[str, object]
    """As TOML has it; paths are absolute."""
    where: str
    seed: int | None
    said: Mapping[str, str] = field(default_factory=dict)
    """Flags by what they set, as ``Space`` has them."""
    notes: tuple[str, ...] = ()
    """What the user should hear: of the points to try first, and of what is left out."""


def read_asked_space(
    model: str,
    config_class: type[Config],
    *,
    space: str | None = None,
    forked: Fork | None = None,
    dataset: str | None = None,
    split: str | None = None,
    config: Path | None = None,
    settings: Sequence[str] = (),
    tries: Sequence[Path] = (),
    objectives: Sequence[str] = (),
) -> AskedSpace:
    """The space's file, by default the model's own, changed by the flags in turn: --config, --set, --try, --objective,
    --dataset, --split.

    forked: the study whose space is the default instead, and whose seed. Raises SpaceError, UnknownName or ConfigError
    if a file cannot be read or a setting names no field.
    """
    seed: int | None = None
    notes: list[str] = []
    where = space or (str(_own_space(model)) if is_own(model) else f"search_spaces/{model}.toml")
    if forked is None or space is not None:
        raw = read_space(find_space(space) if space else _space_of(model))
        if "model" not in raw and is_own(model):
            raw["model"] = model
        elif "model" not in raw:
            raw, notes = inherit(raw, read_space(find_space(model))), [_inherited(raw, where, model)]
    else:
        where, raw = forked.where, dict(forked.spec.space)
    if dataset is not None:
        raw, left_out = _of_its_own_data(raw, dataset, where)
        notes += left_out
    if forked is not None:
        seed = forked.spec.seed
    raw = with_data_defaults(raw, dataset or str(raw.get("dataset", "")), where)
    published: Collection[str] = ()
    if config is not None:
        raw, published_seed, published = _with_published(raw, config)
        seed = seed if published_seed is None else published_seed
    raw = apply_settings(raw, settings, config_class.model_fields)
    said = _said(config, published, settings, objectives)
    if settings:  # which may search an option of the data
        raw = with_data_defaults(raw, dataset or str(raw.get("dataset", "")), where)
    if config is not None or settings:
        raw = settle_tries(raw, config_class, where, said)
    if tries:
        raw, heard = add_tries(raw, tries, settings, config_class, where)
        notes += heard
    if objectives:
        raw["objectives"] = [{"metric": metric} for metric in objectives]
    if dataset is not None:
        raw["dataset"] = dataset
    if split is not None:
        raw["split"] = split
    return AskedSpace(raw=_with_full_paths(raw, config_class), where=where, seed=seed, said=said, notes=tuple(notes))


def _space_of(model: str) -> Path:
    """The model's own space. Raises SpaceError or UnknownName if there is none."""
    if not is_own(model):
        return find_space(model)
    path = _own_space(model)
    if not path.is_file():
        raise SpaceError(f"{model}: its search space is looked for beside it, but there is no {path}; say --space")
    return path


def _own_space(model: str) -> Path:
    """Where the space of a model of one's own lies unless told: beside its module, under the same name."""
    own = allowed(model)
    assert own is not None
    return own.folder / f"{own.module.rpartition('.')[2]}.toml"


def _inherited(raw: Mapping[str, object], where: str, model: str) -> str:
    """The note that a file says only a part."""
    missing = ", ".join(key for key in INHERITED if key not in raw)
    return f"--space {where}: names no model, so what it does not say is as in search_spaces/{model}.toml: {missing}"


def _said(
    config: Path | None, published: Collection[str], settings: Sequence[str], objectives: Sequence[str]
) -> dict[str, str]:
    """What the user's words set, so that a refusal names them and not the file, which they may never have opened."""
    said: dict[str, str] = {"objectives": "--objective"} if objectives else {}
    if config is not None:
        said |= {f"fixed.{name}": f"--config {config}: {name}" for name in published}
    for setting in settings:
        key = setting.partition("=")[0].strip()
        for place in (key if key.startswith(OPTION) else f"fixed.{key}", f"search.{key}"):
            said[place] = f"--set {setting}"
    return said


def _of_its_own_data(raw: Mapping[str, object], dataset: str, where: str) -> tuple[dict[str, object], list[str]]:
    """The space without [data], which is of its own data set, where another is searched; and what is left out."""
    options, own = table_of(raw, "data"), raw.get("dataset")
    if not options or own is None or dataset == own:
        return dict(raw), []
    named = ", ".join(f"{name} = {value!r}" for name, value in options.items())
    changed = {key: table for key, table in raw.items() if key != "data"}
    return changed, [f"--dataset {dataset}: [data] of {where} is for {own}, so it is left out: {named}"]


def _with_published(raw: Mapping[str, object], config: Path) -> tuple[dict[str, object], int | None, Collection[str]]:
    """The space with a published file's values as its baseline, the file's seed and the names of the fields that it
    gives; data paths are not followed."""
    from ..models.aegan.input_file import read_published

    published = read_published(config)
    search = table_of(raw, "search")
    options = {f"{OPTION}{name}": value for name, value in published.data_options.items()}
    searched = {name: value for name, value in options.items() if name in search}
    changed = apply_config(raw, {**published.values, **searched})
    if published.split is not None:
        changed["split"] = published.split
    if unsearched := {name.removeprefix(OPTION): options[name] for name in options if name not in searched}:
        changed["data"] = {**table_of(changed, "data"), **unsearched}
    return changed, published.seed, published.values.keys()


def _with_full_paths(raw: Mapping[str, object], config_class: type[Config]) -> dict[str, object]:
    """A copy whose paths hold in any folder: those of cards, of the out-of-distribution set, and the Config's own."""
    changed = copy.deepcopy(dict(raw))
    paths = {config_class.ood_path, *config_class.paths}
    for table in (changed, changed.get("fixed")):
        if not isinstance(table, dict):
            continue
        for key in ("dataset", config_class.ood, *paths):
            value = table.get(key)
            if isinstance(value, str) and (key in paths or is_card_path(value)):
                table[key] = os.path.abspath(os.path.expanduser(value))
    return changed
