"""A checked study: its rows, its identity, its folder.

``open_folder`` writes ``study.json`` once and refuses to mix two different searches under one name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data import Dataset, Split, load_dataset, split_dataset
from ..data.dataset import LABEL
from ..data.memory_map import Mapped, select
from ..data.out_of_distribution import read_ood
from ..data.variants import Source, check_same
from ..errors import UsageError
from ..ledger import STUDY_FILE, attempt_rows, read_study, spec_from_json, spec_to_json, trial_rows, write_study
from ..ledger.effort import read_effort, suffices
from ..ledger.inbox import Inbox
from ..ledger.study_json import identity_of, move_data
from ..models import find_config
from ..models.config import missing_fields
from ..models.forms import check_forms
from ..records import QUEUED, StudySpec, Value
from ..space import Space, changes, search_of, try_names
from .provenance import versions_here

if TYPE_CHECKING:
    from ..models.config import Config

HOW_FIGURES_ARISE = ("workers_per_trial", "sync_batchnorm", "precision")
"""What else of a spec its figures depend on: batch norm over shares of a batch is not batch norm over the whole."""

FOLLOWING = {"model": ("dataset", "data_sha256", "space", "split"), "dataset": ("data_sha256",)}
"""Parts of the identity that are others wherever the first is: naming that is enough."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A checked study: what to search, on which rows, where its folder is."""

    folder: Path
    spec: StudySpec
    space: Space[Config]
    config_class: type[Config]
    dataset: Dataset
    split: Split
    ood: Dataset | None = None
    """Samples of the out-of-distribution set that the space names; the same for all trials."""
    notes: tuple[str, ...] = ()
    """What the user should hear before it begins."""
    source: Source | None = None
    """Where options of the data are searched, how the other trials' data are made; ``dataset`` is trial 0's."""

    @property
    def epochs(self) -> int:
        """A trial's budget."""
        return self.space.default_config().epochs

    def rows(self, part: str) -> dict[str, np.ndarray | Mapped]:
        """The model's fields on the rows of ``train``, ``valid`` or ``test``; of a map too large to copy, the map.

        Part ``ood`` is empty if there are no out-of-distribution samples.
        """
        if part == "ood":
            return {} if self.ood is None else dict(self.ood.fields)
        index = getattr(self.split, part)
        return {name: select(self.dataset.fields[name], index) for name in self.config_class.taken(self.dataset.fields)}

    def identity(self) -> dict[str, object]:
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
            **({} if self.ood is None else {f"{self.config_class.ood}_sha256": self.ood.sha256}),
        }


def load(spec: StudySpec, config_class: type[Config], *, may_fetch: bool = True) -> Dataset:
    """The study's data set, with the fields its model needs. Raises DataError or UsageError."""
    path = Path(spec.data_path) if spec.data_path else None
    data = load_dataset(spec.dataset, path, spec.data_options, may_fetch=may_fetch)
    missing = missing_fields(spec.model, config_class.fields, data.fields)
    if missing:
        raise UsageError(f"data set {spec.dataset}: model {missing}; choose another --dataset")
    check_forms(config_class, data)
    return data.with_label() if config_class.labelled else data


def check_labels(config: Config, where: str, data: Dataset, *, is_searched: bool = False) -> None:
    """Raises UsageError if a figure is to look at classes that the set does not say.

    where: what messages call the file. is_searched: are options of the data searched? Each trial then reads its own
    data, and classes do not come along.
    """
    asked = next((name for name in config.labelled if getattr(config, name) is not None), None)
    if asked is None:
        return
    if is_searched:
        raise UsageError(
            f"{where}: {asked} looks at classes where all trials have the same data, but options of the data "
            f"are searched; leave {asked} out, or give them one value each"
        )
    if LABEL not in data.fields:
        raise UsageError(
            f"{where}: {asked} needs the class of each row, but data set {data.name} says none; leave it "
            "out, or choose a set with classes, as digits"
        )
    told, found = getattr(config, "classes", None), int(data.fields[LABEL].max()) + 1
    if told is not None and told != found:
        raise UsageError(f"{where}: classes: data set {data.name} has {found}, but got {told}; set classes to {found}")


def load_ood(config: Config, where: str, own: Dataset | None = None, flag: str | None = None) -> Dataset | None:
    """Samples of the out-of-distribution set that ``config`` names; None if it names none.

    where: what messages call the file. own: the set the model learns, which is refused. flag: how the user says where
    the out-of-distribution set lies; by default its field in the file. Raises UsageError if the samples cannot be had.
    """
    name = getattr(config, config.ood) if config.ood else None
    if not name:
        return None
    path = getattr(config, config.ood_path) if config.ood_path else None
    foreign = read_ood(
        name, config.fields, f"{where}: {config.ood}", path, flag=flag or config.ood_path,
        own=None if own is None else own.sha256,
    )  # fmt: skip
    check_forms(type(config), foreign)
    return foreign


def open_folder(study: Study) -> bool:
    """Makes the study's folder and its ``study.json``; True if the study was begun before. Hold its lock."""
    if (study.folder / STUDY_FILE).exists():
        check_resumable(study)  # again, under the lock: another may have begun it since
        if study.spec.data_path != read_study(study.folder)["spec"].get("data_path"):
            move_data(study.folder, study.spec.data_path)  # the same data, by their checksum
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
            "columns": {name: list(columns) for name, columns in study.dataset.columns.items()},
            **({} if study.source is None else {"common": dict(study.source.common)}),
            "rows": {part: len(getattr(study.split, part)) for part in ("train", "valid", "test")},
            "versions": versions_here(study.spec.model),
        },
    )
    return False


def reopen(folder: Path, params: Mapping[str, Value] | None = None) -> Study:
    """A study from its folder, to be read: the spec it was begun with, its data loaded again, without ``ood``.

    params: a trial's, whose data are loaded where options of the data are searched; by default trial 0's.
    Raises UnknownName or LedgerError if there is no sound study.json, DataError or UsageError if the data have gone or
    are others now.
    """
    document = read_study(folder)
    spec = spec_from_json(document["spec"])
    config_class = find_config(spec.model)
    space = Space(spec.space, config_class, f"{folder.name}/{STUDY_FILE}")
    options = spec.data_options if params is None or not space.searches_data else space.data_options(params)
    spec = replace(spec, data_options=options)
    data = load(spec, config_class, may_fetch=False)  # a stranger's study may name a card of his
    if common := document.get("common"):
        check_same(data, common, options)
    split = split_dataset(data, spec.split)
    return Study(folder=folder, spec=spec, space=space, config_class=config_class, dataset=data, split=split)


def is_complete(study: Study) -> bool:
    """Has every trial of the budget ended, or everything that was begun without seconds left for another?"""
    return (study.folder / STUDY_FILE).exists() and is_spent(study.folder, study.spec, study.epochs)


def is_spent(folder: Path, spec: StudySpec, epochs: int) -> bool:
    """``is_complete`` of a folder with a study. epochs: a trial's budget.

    What somebody has put in line by hand is run whatever the budget, once the points to try first have begun.
    """
    ended = {row.trial for row in trial_rows(folder)}
    begun = {row.trial: row for row in attempt_rows(folder)}
    if any(row.source == QUEUED and number not in ended for number, row in begun.items()):
        return False
    if len(begun) > len(try_names(spec.space)) and any(each.params is not None for each in Inbox(folder).waiting()):
        return False
    if spec.trials is not None and len(ended) >= spec.trials:
        return True
    return len(ended) == len(begun) > 0 and not suffices(spec, read_effort(folder, spec), epochs)


def check_resumable(study: Study) -> None:
    """Raises UsageError if the folder holds another search under the same name."""
    if not (study.folder / STUDY_FILE).exists():
        return
    # What an older version did not write was so; studies of that time resume.
    unsaid = {name: getattr(StudySpec, name) for name in HOW_FIGURES_ARISE} | {"grid": False, "device": "cpu"}
    before, now = unsaid | identity_of(read_study(study.folder)), study.identity()
    keys = [key for key in now if before.get(key) != now[key]]
    for cause, effects in FOLLOWING.items():
        keys = [key for key in keys if cause not in keys or key not in effects]
    changed = [_change(study, key, before.get(key), now[key]) for key in keys]
    if changed:
        raise UsageError(
            f"study {study.spec.name}: the same name resumes the same search, but {'; '.join(changed)}; "
            "give this search its own --name"
        )


def _change(study: Study, key: str, before: object, now: object) -> str:
    """What differs in a part of the identity, in words; a reader can compare values, but not checksums."""
    if key == "space":
        old = spec_from_json(read_study(study.folder)["spec"])
        told = changes(search_of(old.space), search_of(study.spec.space))
        return told or "its fields have other defaults in this version of Sparring"
    if key == "data_sha256":
        return f"the data of {study.spec.dataset} are others than they were"
    if key.endswith("_sha256"):
        return f"the samples of {key.removesuffix('_sha256')} are others than they were"
    return f"{key} was {before!r} and is {now!r}"


def begun_pruner(folder: Path) -> str | None:
    """The pruner that the folder's study was begun with, which goes on unless another is asked for; None if there is no
    study. Until November 2026 several objectives were not pruned, so a default that has changed would not resume."""
    if not (folder / STUDY_FILE).exists():
        return None
    pruner: str | None = identity_of(read_study(folder)).get("pruner")
    return pruner


def begun_race(folder: Path) -> str | None:
    """The race that the folder's study was begun with; None if there is no study. Until it was known there was none."""
    if not (folder / STUDY_FILE).exists():
        return None
    return str(read_study(folder).get("spec", {}).get("race", StudySpec.race))


def with_slots(study: Study, slots: int) -> Study:
    """The same study on so many slots, which its identity does not depend on."""
    return replace(study, spec=replace(study.spec, slots=slots))
