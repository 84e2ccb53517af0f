"""The user's words made one checked study. Starts nothing and writes nothing; what is wrong is one UsageError."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ..data import read_card, split_dataset
from ..data.cards import is_card_path
from ..data.dataset import PARTS
from ..data.doubts import doubts, in_one_line
from ..data.splits import SHARES, SPLIT
from ..errors import UsageError
from ..ledger import STUDY_FILE
from ..models import find_config, short_name
from ..records import PRUNERS, RESULTS, StudySpec, safe_name
from ..resources import available_cpus
from ..space import checked_space
from .asked_space import AskedSpace, read_asked_space
from .budget import budget_notes, check_budget
from .cautions import data_cautions
from .checks import (
    check_metrics,
    check_names,
    check_objectives,
    check_sampler,
    check_settings,
    check_slots,
    check_steps,
    check_writable,
    sampling_notes,
    smallest_batch,
)
from .earlier import with_earlier
from .feasibility import check_batch, check_workers, place_slots
from .fork import read_fork
from .fresh_seeds import AUTO, check_race
from .limits import DEFAULT_LIMITS, Limits
from .provenance import provenance_notes
from .searched_data import check_searched_data, comparison_note, source_of, try_source
from .study import Study, begun_pruner, begun_race, check_labels, check_resumable, load, load_ood

if TYPE_CHECKING:
    from ..models.config import Config
    from ..space import Space


def prepare(
    model: str,
    *,
    space: str | None = None,
    dataset: str | None = None,
    data_path: Path | None = None,
    split: str | None = None,
    config: Path | None = None,
    settings: Sequence[str] = (),
    tries: Sequence[Path] = (),
    objectives: Sequence[str] = (),
    results: Path = RESULTS,
    name: str | None = None,
    earlier: Sequence[Path] = (),
    fork: str | None = None,
    address: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Study:
    """Checks everything a search needs, and loads its rows.

    space: a file or a shipped space's name, the model's own by default; dataset, config (a published file), settings
    (``key=value``), tries (files of points to try first), objectives (metrics, the leading one first) and split change
    it in this order: config, settings, tries, objectives, dataset, split.
    data_path: where the user's own data lie. name: the study's, MODEL-DATASET by default. earlier: folders of studies
    whose trials the sampler is shown. fork: begins a study of this name from the one called ``name``.
    address: the cluster it will run on, None for this machine, whose CPUs are then counted.

    Raises UsageError (or one of its kinds) at the first thing that cannot be.
    """
    config_class = find_config(model)
    if tries and limits.sampler == "grid":
        raise UsageError("--try: a grid tries every point of its space anyway; leave out --try or --sampler grid")
    forked = None if fork is None else read_fork(results, name, fork, model)
    if forked is not None:
        name, earlier = fork, [forked.folder, *earlier]
        data_path = data_path or (Path(forked.spec.data_path) if forked.spec.data_path else None)
    asked = read_asked_space(
        model, config_class, space=space, forked=forked, dataset=dataset, split=split, config=config,
        settings=settings, tries=tries, objectives=objectives,
    )  # fmt: skip
    if limits.sampler == "grid":  # which tries every point once, and a trial's number says which
        asked = replace(asked, raw={key: table for key, table in asked.raw.items() if key != "try"})
    searched = check_asked_space(asked, model, config_class)
    spec = check_spec(make_spec(asked, searched, limits, name=name, data_path=data_path), searched)
    if address is None and spec.gpus_per_worker == 0:
        spec = place_slots(spec, [{"CPU": float(available_cpus())}], address)  # its GPUs are Ray's to count
    folder = (results / spec.name).absolute()
    check_writable(folder)
    if limits.pruner is None:
        spec = replace(spec, pruner=begun_pruner(folder) or spec.pruner)
    if limits.race is None:
        spec = replace(spec, race=begun_race(folder) or spec.race)
    notes = (*asked.notes, *_beyond_budget(spec, searched, tries), *budget_notes(spec, searched))
    if (incomparable := comparison_note(searched)) is not None:
        notes = (*notes, incomparable)
    notes = (*notes, *provenance_notes(folder, model))
    study = load_study(folder, spec, searched)
    cautions = (*data_cautions(study), *_doubts(study))
    study = replace(study, notes=(*notes, *sampling_notes(spec, searched), *cautions))
    check_resumable(study)
    if study.source is not None and not (folder / STUDY_FILE).exists():
        try_source(study.source, searched)
    return with_earlier(study, [each.absolute() for each in earlier])


def _doubts(study: Study) -> list[str]:
    """What is doubtful about data of the user's own; published sets are what they are."""
    path = study.spec.data_path
    found = doubts(study.dataset, study.config_class.fields) if path else []
    command = f"sparring datasets check {quote(study.spec.dataset)} --data-path {quote(str(path))}"
    return [in_one_line(found, command)] if found else []


def _beyond_budget(spec: StudySpec, searched: Space[Config], tries: Sequence[Path]) -> list[str]:
    """That points of the user's own are not run, where there are fewer trials than points."""
    if not tries or spec.trials is None or spec.trials >= searched.first:
        return []
    names = ", ".join(repr(each.name) for each in searched.tries[spec.trials - 1 :])
    return [f"--trials {spec.trials}: too few for every point to try first; not run: {names}"]


def check_asked_space(asked: AskedSpace, model: str, config_class: type[Config]) -> Space[Config]:
    """The space, known to be this model's and to leave something to search. Raises UsageError or SpaceError."""
    written = asked.raw.get("model", model)
    if written != model:
        raise UsageError(
            f"--space {asked.where}: it is for {written!r}, but {model!r} is searched; leave it out, or give one of "
            f"{model}"
        )
    check_metrics(asked, config_class)
    searched = checked_space(asked.raw, config_class, asked.where, asked.said)
    if not searched.dimensions:
        raise UsageError(
            f"{asked.where}: nothing to search: [search] is empty; train a pinned file with `sparring train`"
        )
    check_searched_data(searched)
    check_settings(searched)
    return searched


def make_spec(
    asked: AskedSpace, searched: Space[Config], limits: Limits, *, name: str | None, data_path: Path | None
) -> StudySpec:
    """Everything that defines the study; what the user left open is filled in. Nothing is checked."""
    dataset = searched.dataset
    set_name = Path(dataset).stem if is_card_path(dataset) else dataset
    seed = asked.seed if limits.seed is None else limits.seed
    filled = replace(limits, seed=seed or 0, pruner=limits.pruner or PRUNERS[0], race=limits.race or AUTO)
    return StudySpec(
        name=name or f"{short_name(searched.model)}-{set_name}",
        model=searched.model,
        dataset=dataset,
        data_path=str(data_path.absolute()) if data_path else None,
        data_options=searched.data_options(searched.baseline()),
        split=searched.split or SPLIT,
        space=asked.raw,
        objectives=searched.objectives,
        **vars(filled),
    )


def check_spec(spec: StudySpec, searched: Space[Config]) -> StudySpec:
    """The spec with a grid's trials counted, once it holds nothing that no cluster could run. Raises UsageError."""
    check_names(spec)
    check_objectives(searched, spec.pruner)
    check_sampler(spec, searched)
    safe_name(spec.name, "--name")
    spec = replace(spec, trials=check_budget(spec, searched))
    check_race(spec)
    check_slots(spec)
    check_workers(spec)
    check_batch(smallest_batch(searched), spec)
    return spec


def load_study(folder: Path, spec: StudySpec, searched: Space[Config]) -> Study:
    """The study with its rows and, where the space names some, its out-of-distribution samples.

    Raises DataError or UsageError if they cannot be had, or are too few to be split.
    """
    config_class = searched.config_class
    data = load(spec, config_class)
    split = split_dataset(data, spec.split)
    source = source_of(spec, searched, data)
    searched.default_config().check_files()
    check_labels(searched.default_config(), searched.where, data, is_searched=source is not None)
    check_steps(searched.default_config(), searched.where, data, read_card(spec.dataset))
    study = Study(
        folder=folder, spec=spec, space=searched, config_class=config_class, dataset=data, split=split,
        ood=load_ood(searched.default_config(), searched.where, data, f"--set {config_class.ood_path}=…"),
        source=source,
    )  # fmt: skip
    rows = {part: len(getattr(split, part)) for part in PARTS}
    # Without a share for them, and none published, there are no test rows: that is a split too.
    if any(count < 2 for part, count in rows.items() if count or part != "test"):
        counts = ", ".join(f"{part} {count}" for part, count in rows.items())
        raise UsageError(
            f"--split {spec.split}: each part needs at least 2 rows, but the {len(data)} of {spec.dataset} give "
            f"{counts}; add samples, or choose another of {', '.join(SHARES)}"
        )
    return study
