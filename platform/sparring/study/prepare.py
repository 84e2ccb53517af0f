"""The user's words made one checked study. Starts nothing and writes nothing; what is wrong is one UsageError."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import split_rows
from ..data.cards import is_card_path
from ..data.splits import SPLIT, SPLIT_SEED
from ..errors import UsageError
from ..models import find_config
from ..records import PRUNERS, RESULTS, StudySpec, safe_name
from ..resources import available_cpus
from ..space import apply_config, apply_settings, checked_space, find_space, read_space
from .budget import check_budget
from .checks import check_names, check_objectives, check_writable, smallest_batch
from .feasibility import AS_MANY_AS_FIT, check_batch, check_workers, place_slots
from .study import Study, check_resumable, load, load_ood

if TYPE_CHECKING:
    from ..models.config import Config


def prepare(
    model: str,
    *,
    space: str | None = None,
    dataset: str | None = None,
    data_path: Path | None = None,
    config: Path | None = None,
    settings: Sequence[str] = (),
    objectives: Sequence[str] = (),
    results: Path = RESULTS,
    name: str | None = None,
    address: str | None = None,
    **limits: Any,
) -> Study:
    """Checks everything a search needs. ``limits`` are StudySpec's trials, time_s, slots, seed, sampler, ….

    objectives: metrics to search by instead of the space's, the leading one first.
    address: the cluster it will run on, None for this machine, whose CPUs are then counted.

    Raises UsageError (or one of its kinds) at the first thing that cannot be.
    """
    config_class = find_config(model)
    raw = read_space(find_space(space or model))
    seed = limits.pop("seed", None)
    where = space or f"search_spaces/{model}.toml"
    if config is not None:
        raw, published_seed = _with_published(raw, config)
        seed = published_seed if seed is None else seed
    raw = apply_settings(raw, settings, config_class.model_fields)
    if objectives:
        raw["objectives"] = [{"metric": metric} for metric in objectives]
    if raw.get("model", model) != model:
        raise UsageError(f"{where}: model: the space is for {raw['model']!r}, but {model!r} is searched; use its own")
    if dataset is not None:
        raw["dataset"] = dataset
    raw = _with_full_paths(raw, config_class)
    checked = checked_space(raw, config_class, where)
    if not checked.dimensions:
        raise UsageError(f"{where}: nothing to search: [search] is empty; train a pinned file with `sparring train`")
    limits["pruner"] = limits.get("pruner") or ("none" if len(checked.objectives) > 1 else PRUNERS[0])
    check_names(limits)
    check_objectives(checked, config_class, limits["pruner"])
    spec = StudySpec(
        name=safe_name(name or f"{model}-{_name_of(checked.dataset)}", "--name"),
        model=model,
        dataset=checked.dataset,
        data_path=str(data_path.absolute()) if data_path else None,
        data_options=dict(checked.data),
        split=checked.split or SPLIT,
        space=raw,
        objectives=checked.objectives,
        seed=seed or 0,
        **limits,
    )
    spec = replace(spec, trials=check_budget(spec, checked))
    if spec.slots < 1 and spec.slots != AS_MANY_AS_FIT:
        raise UsageError(f"--slots: a search needs at least 1 slot, but got {spec.slots}")
    check_workers(spec)
    check_batch(smallest_batch(checked), spec)
    if address is None and spec.gpus_per_worker == 0:
        spec = place_slots(spec, [{"CPU": float(available_cpus())}], address)  # its GPUs are Ray's to count
    folder = (results / spec.name).absolute()
    check_writable(folder)
    data = load(spec, config_class)
    split = split_rows(len(data.ids), spec.split, SPLIT_SEED, data.parts)
    study = Study(
        folder=folder, spec=spec, space=checked, config_class=config_class, dataset=data, split=split,
        ood=load_ood(checked.config(checked.baseline()), where, data, f"--set {config_class.ood_path}=…"),
    )  # fmt: skip
    smallest = min(len(split.train), len(split.valid))
    if smallest < 2:
        raise UsageError(f"data set {spec.dataset}: a split needs at least 2 rows in each part, but got {smallest}")
    check_resumable(study)
    return study


def _with_full_paths(raw: Mapping[str, Any], config_class: type[Config]) -> dict[str, Any]:
    """A copy whose paths hold in any folder: those of cards, of the out-of-distribution set, and the Config's own."""
    changed = copy.deepcopy(dict(raw))
    tables = [table for table in (changed, changed.get("fixed")) if isinstance(table, dict)]
    paths = (config_class.ood_path, *config_class.paths)
    for table in tables:
        for key in ("dataset", config_class.ood, *paths):
            value = table.get(key)
            if isinstance(value, str) and (key in paths or is_card_path(value)):
                table[key] = os.path.abspath(os.path.expanduser(value))
    return changed


def _name_of(dataset: str) -> str:
    """Of a set, also where a path leads to its card."""
    return Path(dataset).stem if is_card_path(dataset) else dataset


def _with_published(raw: Mapping[str, Any], config: Path) -> tuple[dict[str, Any], int | None]:
    """The space with a published file's values as its baseline, and the file's seed; data paths are not followed."""
    from ..models.aegan.published import read_published

    published = read_published(config)
    changed = apply_config(raw, published.values)
    if published.split is not None:
        changed["split"] = published.split
    if published.data_options:
        changed["data"] = {**changed.get("data", {}), **published.data_options}
    return changed, published.seed
