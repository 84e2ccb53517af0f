"""A study from the user's words: read, checked against each other, and only then begun or resumed.

``prepare`` starts nothing and writes nothing; whatever is wrong raises a UsageError of one sentence. ``open_folder``
writes ``study.json`` once and refuses to mix two different searches under one name.
"""

from __future__ import annotations

import copy
import os
import platform as machine
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import __version__
from .budget import check_budget
from .data import Dataset, Split, load_dataset, split_rows
from .data.cards import is_card_path
from .data.foreign import read_foreign
from .data.mapping import Mapped, select
from .errors import UsageError
from .feasibility import AS_MANY_AS_FIT, check_batch, check_workers, place_slots
from .ledger import read_study, spec_from_json, spec_to_json, trial_rows, write_study
from .models import find_config
from .records import PRUNERS, StudySpec, safe_name
from .space import Space, apply_config, apply_settings, checked_space, find_space, read_space
from .study_checks import check_names, check_objectives, check_writable, smallest_batch

if TYPE_CHECKING:
    from .models.config import Config

HOW_FIGURES_ARISE = ("workers_per_trial", "sync_batchnorm", "precision")
"""What else of a spec its figures depend on: batch norm over shares of a batch is not batch norm over the whole."""

SPLIT = "80/20"
SPLIT_SEED = 42
"""The published split is 80/20 under this seed; a study's own seed must not change who is compared on what."""

VERSIONS = ("torch", "ray", "optuna", "numpy", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Study:
    """A checked study: what to search, on which rows, where its folder is."""

    folder: Path
    spec: StudySpec
    space: Space
    config_class: type[Config]
    dataset: Dataset
    split: Split
    foreign: Dataset | None = None
    """Samples of the set that the space names for trials to be told from; the same for all."""

    @property
    def epochs(self) -> int:
        """A trial's budget."""
        epochs: int = self.space.config(self.space.baseline()).epochs
        return epochs

    def rows(self, part: str) -> dict[str, np.ndarray | Mapped]:
        """The model's fields on the rows of ``train``, ``valid`` or ``test``; of a map too large to copy, the map.

        Of ``foreign`` nothing, if there are no foreign samples.
        """
        if part == "foreign":
            return {} if self.foreign is None else dict(self.foreign.fields)
        index = getattr(self.split, part)
        return {name: select(self.dataset.fields[name], index) for name in self.config_class.fields}

    def identity(self) -> dict[str, Any]:
        """What must not change between two searches under one name."""
        return {
            "model": self.spec.model,
            "dataset": self.dataset.name,
            "data_sha256": self.dataset.sha256,
            "split": self.spec.split,
            "seed": self.spec.seed,
            "space": self.space.fingerprint(),
            "pruner": self.spec.pruner,
            **{name: getattr(self.spec, name) for name in HOW_FIGURES_ARISE},
            "device": "gpu" if self.spec.gpus_per_worker > 0 else "cpu",  # their generators draw other noise
            "grid": self.spec.sampler == "grid",  # a trial's number says which point it is
            **({} if self.foreign is None else {f"{self.config_class.foreign}_sha256": self.foreign.sha256}),
        }


def prepare(
    model: str,
    *,
    space: str | None = None,
    dataset: str | None = None,
    data_path: Path | None = None,
    config: Path | None = None,
    settings: Sequence[str] = (),
    objectives: Sequence[str] = (),
    results: Path = Path("results"),
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
        foreign=load_foreign(checked.config(checked.baseline()), where, data, f"--set {config_class.foreign_path}=…"),
    )  # fmt: skip
    smallest = min(len(split.train), len(split.valid))
    if smallest < 2:
        raise UsageError(f"data set {spec.dataset}: a split needs at least 2 rows in each part, but got {smallest}")
    _check_resumable(study)
    return study


def load(spec: StudySpec, config_class: type[Config]) -> Dataset:
    """The study's data set, with the fields its model needs. Raises DataError or UsageError."""
    data = load_dataset(spec.dataset, Path(spec.data_path) if spec.data_path else None, spec.data_options)
    missing = [field for field in config_class.fields if field not in data.fields]
    if missing:
        raise UsageError(
            f"data set {spec.dataset}: model {spec.model} needs the fields {', '.join(config_class.fields)}, but it "
            f"holds {', '.join(data.fields)}; choose another --dataset"
        )
    return data


def load_foreign(config: Config, where: str, own: Dataset | None = None, flag: str | None = None) -> Dataset | None:
    """Samples of the set that ``config`` names for a model to be told from; None if it names none.

    where: what messages call the file. own: the set the model learns, which is refused. flag: how the user says where
    the foreign set lies, by default in the field. Raises UsageError if the samples cannot be had.
    """
    name = getattr(config, config.foreign) if config.foreign else None
    if not name:
        return None
    path = getattr(config, config.foreign_path) if config.foreign_path else None
    return read_foreign(
        name, config.fields, f"{where}: {config.foreign}", path, flag=flag or config.foreign_path,
        own=None if own is None else own.sha256,
    )  # fmt: skip


def open_folder(study: Study) -> bool:
    """Makes the study's folder and its ``study.json``; True if the study was begun before. Hold its lock."""
    if (study.folder / "study.json").exists():
        _check_resumable(study)  # again, under the lock: another may have begun it since
        return True
    write_study(
        study.folder,
        {
            "spec": spec_to_json(study.spec),
            "identity": study.identity(),
            "kinds": study.space.kinds,
            "metrics": list(study.config_class.emitted()),
            "epochs": study.epochs,
            "shapes": {name: list(study.dataset.shapes[name]) for name in study.config_class.fields},
            "axes": {name: axis.tolist() for name, axis in study.dataset.axes.items()},
            "rows": {part: len(getattr(study.split, part)) for part in ("train", "valid", "test")},
            "versions": {
                "sparring": __version__,
                "python": machine.python_version(),
                **{name: version(name) for name in VERSIONS},
            },
        },
    )
    return False


def reopen(folder: Path) -> Study:
    """A study from its folder, to be read: the spec it was begun with, its data loaded again, no foreign samples."""
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    config_class = find_config(spec.model)
    space = Space(spec.space, config_class, f"{folder.name}/study.json")
    data = load(spec, config_class)
    split = split_rows(len(data.ids), spec.split, SPLIT_SEED, data.parts)
    return Study(folder=folder, spec=spec, space=space, config_class=config_class, dataset=data, split=split)


def is_complete(study: Study) -> bool:
    """Has every trial of the budget ended?"""
    return (study.folder / "study.json").exists() and len(trial_rows(study.folder)) >= study.spec.trials


def available_cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with_full_paths(raw: Mapping[str, Any], config_class: type[Config]) -> dict[str, Any]:
    """A copy in which paths hold in any folder: those of cards, of the foreign set's files, and the Config's own."""
    changed = copy.deepcopy(dict(raw))
    tables = [table for table in (changed, changed.get("fixed")) if isinstance(table, dict)]
    paths = (config_class.foreign_path, *config_class.paths)
    for table in tables:
        for key in ("dataset", config_class.foreign, *paths):
            value = table.get(key)
            if isinstance(value, str) and (key in paths or is_card_path(value)):
                table[key] = os.path.abspath(os.path.expanduser(value))
    return changed


def _name_of(dataset: str) -> str:
    """Of a set, also where a path leads to its card."""
    return Path(dataset).stem if is_card_path(dataset) else dataset


def _with_published(raw: Mapping[str, Any], config: Path) -> tuple[dict[str, Any], int | None]:
    """The space with a published file's values as its baseline, and the file's seed; data paths are not followed."""
    from .models.published import read_published

    published = read_published(config)
    changed = apply_config(raw, published.values)
    if published.split is not None:
        changed["split"] = published.split
    if published.data_options:
        changed["data"] = {**changed.get("data", {}), **published.data_options}
    return changed, published.seed


def _check_resumable(study: Study) -> None:
    if not (study.folder / "study.json").exists():
        return
    of_older = {"grid": False, "device": "cpu"}
    defaults = {name: getattr(StudySpec, name) for name in HOW_FIGURES_ARISE} | of_older
    before, now = defaults | read_study(study.folder)["identity"], study.identity()
    changed = [f"{key} was {before.get(key)!r} and is {now[key]!r}" for key in now if before.get(key) != now[key]]
    if changed:
        raise UsageError(
            f"study {study.spec.name}: the same name resumes the same search, but {'; '.join(changed)}; "
            "give this search its own --name"
        )


def with_limits(study: Study, **limits: Any) -> Study:
    """The same study under other limits (trials, time_s, slots)."""
    return replace(study, spec=replace(study.spec, **limits))
