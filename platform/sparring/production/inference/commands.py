"""What each verb does with a loaded model: the files it writes, and what it says of them on the console.

Every command takes ``output``, the folder for its files (None: one in the model's own folder), and the console.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from ...data import FieldCard, read_card
from ...data.physics.rareness import REFERENCE
from ...display import print_listing
from ...errors import DataError, UnknownName, UsageError
from ...models.metrics.two_sample import MOST_ROWS
from ...space import apply_settings, table_of
from ...study.checks import check_writable
from ..drawing.muon_variables import TABLES
from ..drawing.panels import Panel, can_be_drawn
from ..loading.loaded import Loaded
from .answer_files import write_answers, write_panels, write_texts
from .answers import Answered, sample
from .column_errors import column_errors, print_errors, write_columns
from .controls import Control, compare, write_controls
from .ensemble import Ensemble
from .likeness import check_against
from .likeness_files import write_likeness
from .muon_export import check_root, published_columns, write_root
from .novelty import MOST, far_rows, far_sentence, marked
from .outliers import scores, write_outliers
from .samples import HELD_OUT, NamedRows, number_of_class, read_rows

DRAWS = 16
"""Samples drawn if nobody says how many."""
CALLED = {"train": "training", "valid": "validation", "test": "test"}
"""Parts of a split, as the console calls their rows."""


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """What to draw, and which real rows to compare it with."""

    n: int | None = None
    """Samples to draw; None draws 16, or as many as there are real rows to compare with."""
    seed: int = 0
    boost: float | None = None
    """Factor on how rare muons are; None draws them as rare as they are."""
    label: str | None = None
    """The class that all samples are to be of, by its name in the model's data set; None leaves it to the model."""
    against: str | None = None
    """The held-out part, valid or test, whose rows the samples are compared with; None compares nothing."""
    rows: int | None = None
    """The most real rows to compare with; None allows 100,000."""
    data_path: Path | None = None
    """Where the real rows lie, if not where they were."""
    published: bool = False
    """Muons: also the 12 columns of the published program."""
    root: bool = False
    """Muons: also a .root."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Samples to predict from, and where the answers go."""

    folder: Path
    given: Sequence[str]
    """The fields to predict from."""
    rows: NamedRows


@dataclass(frozen=True, kw_only=True)
class OutlierRequest:
    """Which out-of-distribution set to score, beside which of the model's own rows."""

    out_dataset: str
    out_path: Path | None = None
    """Where the out-of-distribution set lies."""
    out_settings: Sequence[str] = ()
    """Options of its reader, KEY=VALUE."""
    out_flag: str = "--out-path"
    """The flag by which the user says ``out_path``."""
    part: str | tuple[str, ...] | None = None
    """The part of the model's own data set, or several of which the first with rows is taken; None: what validated."""
    rows: int | None = None
    """The most samples of either set; None allows 10,000."""
    data_path: Path | None = None
    """Where the model's own data set lies, if not where it was."""


def run_sample(loaded: Loaded, request: SampleRequest, *, output: Path | None, console: Console) -> None:
    """Draws into ``samples``; with ``against``, also how well trees tell them from real rows."""
    loaded.able("sample")
    _check_export(loaded, request)
    check_against(loaded, request.against, request.rows)
    real = _real_rows(loaded, request)
    n = request.n if request.n is not None else DRAWS if real is None else len(real)
    label = None if request.label is None else number_of_class(loaded, request.label, request.data_path)
    answers = sample(loaded, n, seed=request.seed, boost=request.boost, label=label)
    axes = {name: _axis(loaded, name) for name in answers if name in loaded.about.axes}
    folder = output or loaded.folder / "samples"
    write_answers(folder, "samples", Answered(answers=answers), axes=axes, cards=cards_of(loaded))
    for name in answers.keys() & TABLES.keys():
        np.save(folder / f"{name}.npy", answers[name])
        if request.published:
            known = read_rows(loaded, part="train", n=REFERENCE, data_path=request.data_path)
            columns = published_columns(answers[name], known.fields[name].cpu().numpy())
            np.save(folder / f"{name}-12-columns.npy", columns)
        if request.root:
            write_root(folder / f"{name}.root", answers[name])
    if real is not None:
        write_likeness(loaded, answers, real, folder=folder, seed=request.seed, console=console)
    console.print(f"{n:,} samples: {folder}", soft_wrap=True, markup=False)


def run_pairs(loaded: Loaded, n: int, *, data_path: Path | None, output: Path | None, console: Console) -> None:
    """``n`` held-out samples beside what comes back, into ``reconstructions`` of ``run_sample``'s folder."""
    loaded.able("reconstruct")
    rows = read_rows(loaded, part=HELD_OUT, n=n, data_path=data_path)
    folder = (output or loaded.folder / "samples") / "reconstructions"
    run_reconstruct(Ensemble(front=loaded, members=(loaded,)), rows, output=folder, console=console)


def run_reconstruct(
    ensemble: Ensemble,
    rows: NamedRows,
    *,
    output: Path | None,
    console: Console,
    text: bool = False,
    panels: bool = False,
) -> None:
    """The samples as they come back, into ``reconstructions``. text, panels: also a .txt, a picture per sample."""
    front = ensemble.front
    folder = output or front.folder / "reconstructions"
    check_writable(folder, "-o")  # before the work; made when there is something to write
    answered = ensemble.reconstruct(rows)
    _check_extras(answered, text=text, panels=panels)
    axes = axes_of(front, rows)
    write_answers(folder, "reconstructions", answered, ids=rows.ids, axes=axes, cards=cards_of(front))
    if text:
        _write_texts(folder, answered, rows, axes)
    if panels:
        write_panels(folder, _panels(front, answered, "reconstructed", axes), rows.ids)
    _tell_errors(ensemble, rows, answered, folder=folder, axes=axes, console=console)
    console.print(f"Reconstructions of {_samples(rows)}: {folder}", soft_wrap=True, markup=False)


def run_predict(
    ensemble: Ensemble, questions: Sequence[Question], *, text: bool, console: Console, panels: bool = False
) -> None:
    """The answers to each question in a folder of its own.

    text: also one .txt per sample. panels: also a picture per sample, of what was predicted and of what was given as it
    comes back, from both fields four frames.
    """
    cards, front = cards_of(ensemble.front), ensemble.front
    for question in questions:
        folder, rows = question.folder, question.rows
        check_writable(folder, "-o")
        answered, axes = ensemble.predict(rows, question.given), axes_of(front, rows)
        _check_extras(answered, text=text, panels=panels)
        far, sentences = _far(front, question)
        titles = marked(rows.ids, far)
        write_answers(folder, "predictions", answered, ids=rows.ids, axes=axes, cards=cards, titles=titles, far=far)
        if text:
            _write_texts(folder, answered, rows, axes)
        if panels:
            given = replace(rows, fields={name: rows.fields[name] for name in question.given})
            back: list[Panel] = []
            with suppress(DataError):  # a model that learned one way alone gives nothing back
                back = _panels(front, ensemble.reconstruct(given), "reconstructed", axes)
            write_panels(folder, [*back, *_panels(front, answered, "predicted", axes)], rows.ids)
        _tell_errors(ensemble, rows, answered, folder=folder, axes=axes, console=console)
        for sentence in sentences:
            console.print(sentence, style="yellow", soft_wrap=True, markup=False, highlight=False)
        console.print(f"Predictions of {_samples(rows)}: {folder}", soft_wrap=True, markup=False)


def run_controls(loaded: Loaded, rows: NamedRows, *, train: NamedRows, output: Path | None, console: Console) -> None:
    """Each of the model's outputs on ``rows`` against eight answers that must be worse, into ``predictions``."""
    controls = compare(loaded, rows, train)
    path = write_controls(output or loaded.folder / "predictions", controls)
    outputs = dict.fromkeys(control.output for control in controls)
    table = [_control_line([control for control in controls if control.output == name]) for name in outputs]
    print_listing(console, ("output", "MSE", "best control's", "which is", "not worse"), table)
    passed = sum(control.is_passed for control in controls)
    judged = "as they must be" if passed == len(controls) else f"but all must be; {len(controls) - passed} are not"
    console.print(
        f"{passed} of {len(controls)} controls are worse than the model, {judged}: {path}",
        style="" if passed == len(controls) else "red",
        soft_wrap=True,
        markup=False,
    )


def run_outliers(loaded: Loaded, request: OutlierRequest, *, output: Path | None, console: Console) -> None:
    """The scores of the model's own rows and of an out-of-distribution set, into ``outliers``.

    Raises UsageError if that set is what the model was trained on.
    """
    loaded.able("outliers")
    own = read_rows(loaded, part=request.part, n=request.rows, data_path=request.data_path)
    settings = [f"data.{setting}" for setting in request.out_settings]
    ood = read_rows(
        loaded,
        n=request.rows,
        dataset=request.out_dataset,
        data_path=request.out_path,
        options=table_of(apply_settings({}, settings, ()), "data"),
        flag=request.out_flag,
    )
    if ood.is_own:
        raise UsageError(
            f"--out-dataset: {request.out_dataset} is what the model was trained on; name an out-of-distribution set"
        )
    folder = output or loaded.folder / "outliers"
    figures = write_outliers(folder, (own, scores(loaded, own)), (ood, scores(loaded, ood)))
    head = ("score", "AUROC", "FPR at 95 % TPR", "mean, own", "mean, out-of-distribution")
    table = [
        (name, f"{score.auroc:.4f}", f"{score.fpr_at_95_tpr:.4f}", f"{score.mean_own:.4g}", f"{score.mean_foreign:.4g}")
        for name, score in figures.items()
    ]
    print_listing(console, head, table)
    console.print(
        f"{_samples(own, 'own')} and {_samples(ood)} of {request.out_dataset}: {folder}", soft_wrap=True, markup=False
    )


def _check_export(loaded: Loaded, request: SampleRequest) -> None:
    """Raises UsageError, before anything is drawn, where the model draws no muons or a file could not be written."""
    asked = [flag for flag, is_asked in (("--published", request.published), ("--root", request.root)) if is_asked]
    if asked and "muons" not in loaded.fields:
        raise UsageError(f"{asked[0]}: writes muons, but the model {loaded.about.model} draws none; leave it out")
    if request.root:
        check_root()


def _real_rows(loaded: Loaded, request: SampleRequest) -> NamedRows | None:
    """The held-out rows to compare samples with; None if none were asked for."""
    if request.against is None:
        return None
    n = MOST_ROWS if request.rows is None else request.rows
    return read_rows(loaded, part=request.against, n=n, data_path=request.data_path, part_flag="--against")


def _far(loaded: Loaded, question: Question) -> tuple[dict[str, np.ndarray], list[str]]:
    """By field that is asked from, which samples lie far from the training rows; and that in sentences.

    Rows of the model's own data are not asked about. Where the training rows are gone, that is said.
    """
    rows = question.rows
    if rows.is_own:
        return {}, []
    try:
        train = read_rows(loaded, part="train", n=MOST)
    except (DataError, UsageError) as error:
        return {}, [f"Whether these samples lie far from the training data is not known: {error}"]
    far = {name: far_rows(train.fields[name], rows.fields[name]) for name in question.given}
    told = (far_sentence(name, values, rows.ids, len(train)) for name, values in far.items())
    return far, [sentence for sentence in told if sentence]


def _control_line(controls: Sequence[Control]) -> tuple[str, ...]:
    """One output's line of the table: its error, the control that comes nearest, and those that are not worse."""
    nearest = min(controls, key=lambda control: control.mse_control)
    not_worse = ", ".join(control.control for control in controls if not control.is_passed) or "-"
    return nearest.output, f"{nearest.mse:.4g}", f"{nearest.mse_control:.4g}", nearest.control, not_worse


def _samples(rows: NamedRows, whose: str = "") -> str:
    """How many, and of which part of their split: ``360 own validation samples``."""
    return " ".join(filter(None, (f"{len(rows):,}", whose, CALLED.get(rows.part or ""), "samples")))


def _axis(loaded: Loaded, name: str) -> np.ndarray:
    return np.array(loaded.about.axes[name])


def axes_of(loaded: Loaded, rows: NamedRows) -> dict[str, np.ndarray]:
    """By field, where columns lie: as in training, for so the model answers; else as the rows say."""
    return dict(rows.axes) | {name: _axis(loaded, name) for name in loaded.about.axes}


def cards_of(loaded: Loaded) -> Mapping[str, FieldCard]:
    """What the values are, by field; nothing where the data set's card is not at hand, as nothing else needs it."""
    try:
        return read_card(loaded.about.dataset).fields
    except UnknownName:
        return {}


def _check_extras(answered: Answered, *, text: bool, panels: bool) -> None:
    """Raises UsageError, before anything is written, for what a file or picture per sample cannot show."""
    for name, values in answered.answers.items():
        if text and values.ndim != 2:
            raise UsageError(f"--text: writes a row of numbers per sample, but {name} has more axes; see the .npz")
    if panels and not any(map(can_be_drawn, answered.answers.values())):
        raise UsageError("--panels: draws curves, such as spectra, but here are none; leave it out")


def _write_texts(folder: Path, answered: Answered, rows: NamedRows, axes: Mapping[str, np.ndarray]) -> None:
    for name, values in answered.answers.items():
        deviations = answered.deviations.get(name)
        write_texts(folder, name, values, ids=rows.ids, axis=axes.get(name), deviations=deviations)


def _panels(loaded: Loaded, answered: Answered, verb: str, axes: Mapping[str, np.ndarray]) -> list[Panel]:
    cards = cards_of(loaded)
    return [
        Panel(
            title=f"{name}, {verb}",
            name=name,
            answers=values,
            truths=answered.truths.get(name),
            spread=answered.deviations.get(name),
            axis=axes.get(name),
            card=cards.get(name),
        )
        for name, values in answered.answers.items()
    ]


def _tell_errors(
    ensemble: Ensemble,
    rows: NamedRows,
    answered: Answered,
    *,
    folder: Path,
    axes: Mapping[str, np.ndarray],
    console: Console,
) -> None:
    """The errors by column into the folder, and onto the console; nothing where no truth is known."""
    names = ensemble.front.about.columns
    errors = column_errors(answered, names=names, axes=axes, cards=cards_of(ensemble.front))
    write_columns(folder, errors)
    print_errors(console, answered, errors, names)
    if answered.truths and (caution := ensemble.caution(rows)):
        console.print(caution, soft_wrap=True)
