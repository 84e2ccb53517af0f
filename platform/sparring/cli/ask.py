"""The commands that ask a trained model: sample, reconstruct, predict, outliers. ``app.py`` registers them.

Heavy imports stay inside the commands, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..errors import UsageError
from ..untrusted.screen import Screen
from .own_model import UNNAMED, Own
from .screen import Quiet, screen_of

console = Screen()

FOLDER = typer.Argument(
    metavar="FOLDER|STUDY",
    help="What `sparring train` wrote; a study, for its best trial; or production/MODEL. Names are looked for in "
    "trained/, results/.",
)
Folder = Annotated[Path, FOLDER]
OfStudy = Annotated[
    int | None,
    typer.Option("--trial", metavar="N", help="Another trial whose weights are kept.", show_default="the best"),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for numbers and pictures.", show_default="in FOLDER")
]
Part = Annotated[str | None, typer.Option(help="train, valid or test.", show_default="valid; of another set all")]
Number = Annotated[int | None, typer.Option("--rows", help="At most so many samples.", show_default="10000")]
OtherData = Annotated[str | None, typer.Option("--dataset", help="Another data set than the model's own.")]
DataPath = Annotated[Path | None, typer.Option("--data-path", help="Where the data lie, if not where they were.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Passes = Annotated[
    int | None,
    typer.Option("--mc-dropout", metavar="N", help="Mean and deviation of N answers with dropout.", show_default="off"),
]
Text = Annotated[bool, typer.Option("--text", help="Also one .txt per sample.")]
Panels = Annotated[
    bool, typer.Option("--panels", help="Also one picture per sample: each field beside the truth, in a frame.")
]

PUBLISHED_PAIRS = 3
"""Originals and reconstructions beside the published AAE's sample."""


def sample(
    folder: Annotated[Path | None, FOLDER] = None,
    n: Annotated[
        int | None, typer.Option("-n", "--samples", help="How many.", show_default="16; as many as --against has")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    boost: Annotated[
        float | None, typer.Option(help="Muons: factor on how rare they are; published 1.2.", show_default="1")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS", help="All of one class of its data, by name, of a model with classes.", show_default="any"
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help="Muons: how well boosted trees tell them from the real ones of valid or test (AUC), and plots.",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(help="The most real rows to compare with; half train the trees.", show_default="100000"),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Also N test rows beside what comes back.",
            show_default="none; 3 with --model_path",
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Muons: also the published program's 12 columns, in its box.")
    ] = False,
    root: Annotated[bool, typer.Option("--root", help="Muons: also a .root, read back as muon-files.")] = False,
    model_path: Annotated[
        Path | None, typer.Option("--model_path", metavar="FOLDER", help="As the published AAE says it.")
    ] = None,
    data_path: DataPath = None,
    output: Output = None,
    trial: OfStudy = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    model: Own = UNNAMED,
) -> None:
    """Draw new samples: the numbers and a picture; of muons also as a plain .npy, charge, x, y, z, px, py, pz."""
    from ..production import read_trained
    from ..production.inference.commands import SampleRequest, run_pairs, run_sample

    folders = [path for path in (folder, model_path) if path is not None]
    if len(folders) != 1:
        raise UsageError(f"sample: wants one FOLDER, but got {' and '.join(map(str, folders)) or 'none'}")
    screen, loaded = screen_of(quiet, console), read_trained(folders[0], device, trial)
    pairs = pairs if pairs is not None or model_path is None else PUBLISHED_PAIRS
    if pairs is not None:
        run_pairs(loaded, pairs, data_path=data_path, output=output, console=screen)
    request = SampleRequest(
        n=n,
        seed=seed,
        boost=boost,
        label=label,
        against=against,
        rows=rows,
        data_path=data_path,
        published=published,
        root=root,
    )
    run_sample(loaded, request, output=output, console=screen)


def reconstruct(
    folder: Folder,
    part: Part = None,
    rows: Number = None,
    dataset: OtherData = None,
    data_path: DataPath = None,
    passes: Passes = None,
    text: Text = False,
    panels: Panels = False,
    output: Output = None,
    trial: OfStudy = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    model: Own = UNNAMED,
) -> None:
    """Samples as they come back through the model, each one's error, and pictures side by side."""
    from ..production.inference.commands import run_reconstruct
    from ..production.inference.ensemble import read_ensemble
    from ..production.inference.samples import read_rows

    screen, ensemble = screen_of(quiet, console), read_ensemble(folder, device, passes, trial)
    ensemble.front.able("reconstruct")
    samples = read_rows(ensemble.front, part=part, n=rows, dataset=dataset, data_path=data_path)
    run_reconstruct(ensemble, samples, output=output, console=screen, text=text, panels=panels)


def predict(
    folder: Folder,
    given: Annotated[str, typer.Option("--from", help="structure, spectrum or both.", show_default="both")] = "both",
    structures: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="A structure (.xyz, .cif, POSCAR) or a folder of them, instead of a data set."
        ),
    ] = None,
    spectra: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="A spectrum (.txt, .nor, .prj, …) or a folder of them, instead of a data set."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE.parquet", help="Rows of any number for production/MODEL; with -o OUT.parquet."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="COLUMN", help="A column of --input to copy; repeatable."),
    ] = None,
    text: Text = False,
    panels: Panels = False,
    controls: Annotated[
        bool, typer.Option("--controls", help="Also test that eight answers without the right input are worse.")
    ] = False,
    part: Part = None,
    rows: Number = None,
    dataset: OtherData = None,
    data_path: DataPath = None,
    passes: Passes = None,
    output: Output = None,
    trial: OfStudy = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    model: Own = UNNAMED,
) -> None:
    """Structure to spectrum and back: the AEGAN's predictions, their errors where the truth is known, and curves."""
    from ..production.inference.commands import Question, run_controls, run_predict
    from ..production.inference.ensemble import read_ensemble
    from ..production.inference.samples import read_rows, read_spectra, read_structures

    screen = screen_of(quiet, console)
    if table is not None:
        others = {
            "--structures": structures, "--spectra": spectra, "--text": text, "--panels": panels,
            "--controls": controls, "--part": part,
            "--rows": rows, "--dataset": dataset, "--mc-dropout": passes, "--trial": trial,
        }  # fmt: skip
        if said := [name for name, value in others.items() if value]:
            raise UsageError(f"--input: takes all rows of one file, so leave out {', '.join(said)}")
        _predict_file(folder, table, output, keep or [], screen)
        return
    if keep:
        raise UsageError("--keep: copies a column of --input; name that too")
    ensemble = read_ensemble(folder, device, passes, trial)
    loaded = ensemble.front
    loaded.able("predict")
    into = output or loaded.folder / "predictions"
    sources = {"both": loaded.fields, "all": loaded.fields} | {name: (name,) for name in loaded.fields}
    if given not in sources:
        raise UsageError(f"--from: there are {', '.join(sources)}, but got {given!r}")
    if controls and (structures or spectra):
        raise UsageError("--controls: wants samples whose structure and spectrum are both known; leave out the files")
    if controls and not ensemble.is_single:
        way_out = "leave out --mc-dropout" if passes else f"name a member, such as {ensemble.members[0].folder}"
        raise UsageError(f"--controls: tests what one model answers, not a mean of answers; {way_out}")
    questions = []
    if structures is not None:
        samples = read_structures(loaded, structures)
        questions.append(Question(folder=into / "from_structure", given=("structure",), rows=samples))
    if spectra is not None:
        samples = read_spectra(loaded, spectra)
        questions.append(Question(folder=into / "from_spectrum", given=("spectrum",), rows=samples))
    if not questions:
        samples = read_rows(loaded, part=part, n=rows, dataset=dataset, data_path=data_path)
        questions.append(Question(folder=into, given=sources[given], rows=samples))
    run_predict(ensemble, questions, text=text, console=screen, panels=panels)
    if controls:
        train = read_rows(loaded, part="train", data_path=data_path)
        run_controls(loaded, questions[0].rows, train=train, output=output, console=screen)


def _predict_file(folder: Path, table: Path, output: Path | None, keep: list[str], screen: Console) -> None:
    from ..production.handover.streaming import predict_file
    from ..production.loading.place import find_place
    from ..production.registry.opening import load

    place = find_place(folder)
    if place.holds != "production":
        raise UsageError(
            f"--input: wants a model in production, whose schema names the columns, but {folder} is none; put it there "
            "with sparring promote"
        )
    if output is None or output.suffix != ".parquet":
        raise UsageError(f"--input: wants -o OUT.parquet, a file for the answers, but got {output or 'none'}")
    model = load(place.folder)
    count = predict_file(model, table, output, keep=keep, console=screen)
    screen.print(
        f"Predictions of {count:,} rows by {model.name} version {model.version}: {output}", soft_wrap=True, markup=False
    )


def encode(
    folder: Folder,
    part: Part = None,
    rows: Number = None,
    dataset: OtherData = None,
    data_path: DataPath = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="ID ID", help="Also what lies on the way from one sample's code to another's."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Samples on that way, both ends among them.")] = 10,
    output: Output = None,
    trial: OfStudy = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    model: Own = UNNAMED,
) -> None:
    """Samples as codes: a Parquet with each one's name and class, and a map of them."""
    from ..production import read_trained
    from ..production.inference.codes import run_encode
    from ..production.inference.samples import read_rows

    screen, loaded = screen_of(quiet, console), read_trained(folder, device, trial)
    samples = read_rows(loaded, part=part, n=rows, dataset=dataset, data_path=data_path)
    run_encode(loaded, samples, between=between or (), steps=steps, output=output, console=screen)


def outliers(
    folder: Folder,
    out_dataset: Annotated[
        str, typer.Option("--out-dataset", help="The out-of-distribution set; any size, grey or colour.")
    ],
    out_path: Annotated[Path | None, typer.Option("--out-path", help="Where the out-of-distribution set lies.")] = None,
    out_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--out-set", metavar="KEY=VALUE", help="An option of the out-of-distribution set's reader; repeatable."
        ),
    ] = None,
    part: Annotated[str | None, typer.Option(help="train, valid or test.", show_default="valid")] = None,
    rows: Number = None,
    data_path: DataPath = None,
    output: Output = None,
    trial: OfStudy = None,
    device: Device = "cpu",
    quiet: Quiet = False,
    model: Own = UNNAMED,
) -> None:
    """How well the model tells an out-of-distribution set from its own: AUROC and FPR at 95 % TPR of each score."""
    from ..production import read_trained
    from ..production.inference.commands import OutlierRequest, run_outliers

    screen, loaded = screen_of(quiet, console), read_trained(folder, device, trial)
    request = OutlierRequest(
        out_dataset=out_dataset,
        out_path=out_path,
        out_settings=out_settings or (),
        part=part,
        rows=rows,
        data_path=data_path,
    )
    run_outliers(loaded, request, output=output, console=screen)
