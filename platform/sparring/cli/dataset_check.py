"""``sparring datasets check``: what a reader makes of a file, what is doubtful, and a picture, before any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console

from ..data import Card, Dataset, load_dataset, read_card, split_dataset
from ..data.doubts import doubts
from ..data.readers.folders import SUFFIXES
from ..data.readers.pair_files import resolved
from ..data.splits import SHARES
from ..errors import UnknownName, UsageError

CHECKED = Path("checked")
"""Where pictures go unless told otherwise, in a folder named after the set."""
SHOWN = 12
"""Samples in a picture, evenly spaced."""
MOST_FILES = 10_000
"""Files of a folder that are looked at to tell what it holds."""
CARDS = {
    ".csv": "table", ".tsv": "table", ".parquet": "table", ".h5": "table", ".hdf5": "table", ".npz": "arrays",
    ".npy": "images", ".root": "muon-files",
}  # fmt: skip
"""What a file is read by if only its path is given."""


def check_dataset(
    named: str,
    *,
    data_path: Path | None,
    settings: Sequence[str],
    model: str | None,
    output: Path | None,
    console: Console,
) -> None:
    """Prints rows, fields, grids and splits of a set, then what is doubtful; writes a picture per field.

    named: a set's name, its card's path, or a file or folder of data. settings: data.NAME=VALUE. model: a system that
    is to learn it. Raises UsageError or one of its kinds if the set cannot be read, or the model cannot learn it.
    """
    from ..display import nearby, print_listing
    from ..models import find_config
    from ..models.config import missing_fields
    from ..models.forms import check_forms
    from ..production.drawing.pictures import picture
    from ..production.drawing.style import write_picture
    from ..production.output import open_folder
    from ..space import apply_settings, table_of

    dataset, path = _card_of(named, data_path)
    card = read_card(dataset)
    data = load_dataset(dataset, path, table_of(apply_settings({}, settings, ()), "data"))
    wanted: tuple[str, ...] = tuple(data.fields)
    if model is not None:
        config_class = find_config(model)
        if missing := missing_fields(model, config_class.fields, data.fields, data.name):
            raise UsageError(f"--model: {missing}; set data.columns or data.arrays, or choose another")
        check_forms(config_class, data)
        wanted = config_class.fields
    console.print(f"{data.name}: {len(data):,} rows{f' from {path}' if path else ''}", soft_wrap=True, markup=False)
    head = ("field", "of a sample", "unit", "lowest", "highest", "mean", "std")
    print_listing(console, head, [_line(data, card, name) for name in wanted])
    for line in _facts(data):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    found = doubts(data, wanted)
    for sentence in found:
        console.print(f"Doubtful: {sentence}", style="yellow", soft_wrap=True, markup=False, highlight=False)
    if not found:
        console.print("Nothing doubtful.")
    if model is not None:
        console.print(f"{model} can learn it.")
    folder = output or CHECKED / data.name
    open_folder(folder)
    shown = np.linspace(0, len(data) - 1, min(len(data), SHOWN)).astype(int)
    for name in [name for name in wanted if data.shapes[name]]:  # single numbers make no picture
        values = np.asarray(data.fields[name][shown])
        values = values / np.float32(255) if values.dtype == np.uint8 else values
        ids = [data.ids[row] for row in shown]
        drawn = picture(name, values, ids=ids, axis=data.axes.get(name), card=card.fields.get(name))
        for legend in [*getattr(drawn, "legends", ())]:
            legend.remove()  # it tells answers from data, and these are data
        write_picture(folder / f"{name}.png", drawn)
    console.print(f"Pictures: {nearby(folder)}", soft_wrap=True, markup=False)


def _card_of(named: str, data_path: Path | None) -> tuple[str, Path | None]:
    """The card to read by, and where; raises UnknownName if a path alone does not tell."""
    path = Path(named).expanduser()
    if not path.exists() and path.suffix.lower() in CARDS:
        raise UnknownName(f"{named}: no such file; give a set's name, its card's path, or a file or folder of data")
    if named.endswith(".toml") or data_path is not None or not path.exists():
        return named, data_path
    if path.is_dir():
        if resolved(path).structures:
            return "fe-xanes", path
        endings = {file.suffix.lower() for file in islice(path.rglob("*"), MOST_FILES) if file.is_file()}
        if ".parquet" in endings:
            return "table", path
        if endings & SUFFIXES:
            return "image-folders", path
        raise UnknownName(
            f"{path}: a folder does not say how it is read; give a card, and the folder as --data-path {path}"
        )
    card = CARDS.get(path.suffix.lower())
    if card is None:
        raise UnknownName(f"{path}: no reader is known for it; give a card, and the file as --data-path {path}")
    return card, path


def _line(data: Dataset, card: Card, name: str) -> tuple[str, ...]:
    values = data.fields[name]
    known = card.fields.get(name)
    wide = values.astype(np.float64) if values.size < 1 << 24 else values
    shape = " × ".join(map(str, data.shapes[name])) or "a number"
    figures = (float(values.min()), float(values.max()), float(wide.mean()), float(wide.std()))
    return name, f"{shape} {values.dtype}", known.unit if known else "-", *(f"{figure:.4g}" for figure in figures)


def _facts(data: Dataset) -> Iterator[str]:
    """Columns, grids, and how many rows each split gives to each part."""
    for name, columns in data.columns.items():
        yield f"{name}: columns {', '.join(columns[:8])}{', …' if len(columns) > 8 else ''}"
    for name, axis in data.axes.items():
        steps = np.abs(np.diff(axis))
        even = f"every {steps[0]:g}" if np.allclose(steps, steps[0], rtol=1e-3) else "unevenly"
        yield f"{name}: {len(axis)} points from {axis[0]:g} to {axis[-1]:g}, {even}"
    if data.labels:
        counts = Counter(data.labels).most_common()
        shown = ", ".join(f"{label} {count:,}" for label, count in counts[:8])
        yield f"classes: {len(counts)}: {shown}{', …' if len(counts) > 8 else ''}"
    if data.parts:
        yield "published parts: " + ", ".join(f"{count:,} {part}" for part, count in data.parts.items())
    for kind in SHARES:
        split = split_dataset(data, kind)
        parts = {part: len(getattr(split, part)) for part in ("train", "valid", "test")}
        yield f"split {kind}: " + ", ".join(f"{count:,} {part}" for part, count in parts.items() if count)
