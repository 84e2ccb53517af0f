"""A model in production as a program of another kind: torch.export, ONNX, AOTInductor. Never what serves by default.

Each verb becomes a program for each field, or set of fields, that it answers to; that of ``sample`` takes the numbers
that the model would draw. The number of rows is free. A program is kept only if it answers 1,000 inputs, at four batch
sizes, as the model itself does: exporters have been wrong in silence. The inputs are drawn between the deciles of the
training rows that the bundle carries, those of ``sample`` as the model draws them.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError, SparringError, UsageError
from ...models.autoencoder import Autoencoder
from ...models.verbs import SamplesOf
from . import drift
from .asking import ProductionModel
from .bundle import TRAINING
from .fresh import BATCHES
from .operators import stand_ins
from .schema import Verb, choices

KINDS = ("torch", "onnx", "aoti")
SUFFIX = {"torch": ".pt2", "onnx": ".onnx", "aoti": ".aoti.pt2"}
UNWRITTEN: tuple[Verb, ...] = ("encode",)
"""Draws within; its codes are there to be looked at, not for production."""
ROWS = 1000
"""Inputs on which answers are compared, in calls of 1, 2, 64 and all of them."""
TOLERANCE = 1e-5
"""Of the largest value: float32, whose sums another kernel adds up in another order."""

Program = Callable[..., tuple[np.ndarray, ...]]
"""Arrays in, arrays out, in the order of the fields and of the outputs."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One program that was written."""

    path: Path
    verb: Verb
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    worst: float
    """Largest difference from the model, as a share of the largest value."""


class Asked(nn.Module):
    """One verb of one set of fields as a function of tensors."""

    def __init__(self, model: nn.Module, verb: Verb, fields: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.verb, self.fields = model, verb, fields

    def forward(self, *rows: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.answer(dict(zip(self.fields, rows, strict=True))).values())

    def answer(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The verb's answer, without its loop over chunks, which would fix the number of rows."""
        model: Any = self.model
        if self.verb == "sample":
            made: dict[str, Tensor] = model.made_of(rows)
            return made
        if not isinstance(model, Autoencoder):
            found: dict[str, Tensor] = getattr(model, self.verb)(rows)
            return found
        x = model.view(rows[self.fields[0]])
        if self.verb == "score":
            return model.outlier_scores(x)
        return {self.fields[0]: model.unview(model.decode(model.whole_code(x)[2]))}


def export(model: ProductionModel, files: Mapping[str, bytes], kind: str, folder: Path) -> Iterator[Exported]:
    """Writes a program per verb and fields into ``folder``, each when its turn comes.

    files: of the bundle. Raises UsageError, one sentence, if this kind or this model cannot be exported; DataError if a
    program's answers are not the model's: then it is not written.
    """
    check_kind(kind)
    folder.mkdir(parents=True, exist_ok=True)
    for verb, asked in model.schema.verbs.items():
        if verb == "sample":
            sampler = model.loaded.model
            if isinstance(sampler, SamplesOf):
                yield _export(model, kind, verb, sampler.drawn(ROWS, generator=_seeded()), folder)
        elif verb not in UNWRITTEN:
            for fields in choices(asked):
                yield _export(model, kind, verb, _inputs(model, files[TRAINING], fields), folder)


def check_kind(kind: str) -> None:
    """Raises UsageError unless programs of the kind can be made here."""
    if kind not in KINDS:
        raise UsageError(f"--export: there are {', '.join(KINDS)}, but got {kind!r}")
    if kind == "onnx" and (missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if not find_spec(name)]):
        raise UsageError(f"--export: onnx needs {', '.join(missing)}; pip install {' '.join(missing)}")
    if kind == "aoti" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise UsageError("--export: aoti compiles, and finds no C++ compiler here; install one, or export torch")


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _inputs(model: ProductionModel, deciles: bytes, fields: Sequence[str]) -> dict[str, Tensor]:
    known = {name: model.schema.field(name) for name in fields}
    return {
        name: torch.from_numpy(drift.draw(deciles, name, ROWS, field.shape, field.dtype))
        for name, field in known.items()
    }


def _export(model: ProductionModel, kind: str, verb: Verb, inputs: Mapping[str, Tensor], folder: Path) -> Exported:
    fields, tensors = tuple(inputs), list(inputs.values())
    asked = Asked(model.loaded.model, verb, fields).eval()
    with torch.no_grad():
        outputs = tuple(asked.answer({name: each[:2] for name, each in zip(fields, tensors, strict=True)}))
    named = verb if verb == "sample" else f"{verb}-{'-'.join(fields)}"
    target = folder / f"{named}{SUFFIX[kind]}"
    with tempfile.TemporaryDirectory(prefix="sparring-export-", dir=folder) as place:
        written = Path(place) / target.name
        try:
            with warnings.catch_warnings():  # of torch 2.13 about names that its own exporters use
                for kinds in (DeprecationWarning, FutureWarning):
                    warnings.simplefilter("ignore", kinds)
                program = MAKERS[kind](asked, tensors, fields, outputs, written)
        except SparringError:
            raise
        except Exception as error:  # whatever the exporter says, of whatever kind, in a sentence
            reason = " ".join(str(error).split())[:300]
            raise UsageError(f"--export: {named} of {model.name} cannot be exported as {kind}: {reason}") from error
        worst = _compare(asked, program, tensors, f"{named} as {kind}")
        written.replace(target)
    return Exported(path=target, verb=verb, inputs=fields, outputs=outputs, worst=worst)


def _compare(asked: Asked, program: Program, tensors: list[Tensor], named: str) -> float:
    """The largest difference at any batch size. Raises DataError if it is beyond the tolerance."""
    worst = 0.0
    for batch in (*BATCHES, ROWS):
        for at in range(0, ROWS, batch):
            given = [each[at : at + batch] for each in tensors]
            with torch.no_grad():
                truth = [each.numpy() for each in asked(*given)]
            for found, true in zip(program(*(each.numpy() for each in given)), truth, strict=True):
                if found.shape != true.shape or not np.isfinite(found).all():
                    raise DataError(
                        f"{named}: at batch size {batch} its answer has shape {found.shape} or is not finite"
                    )
                worst = max(worst, float(np.abs(found - true).max()) / (float(np.abs(true).max()) or 1.0))
        if not worst <= TOLERANCE:
            raise DataError(
                f"{named}: at batch size {batch} it differs from the model by {worst:.2g} of the largest value, where "
                f"{TOLERANCE:g} is allowed; it is not written"
            )
    return worst


def _traced(asked: Asked, tensors: list[Tensor]) -> torch.export.ExportedProgram:
    rows = torch.export.Dim("rows", min=1, max=1 << 20)
    with torch.no_grad():
        return torch.export.export(
            asked,
            tuple(each[:3] for each in tensors),
            dynamic_shapes=(tuple({0: rows} for _ in tensors),),
            strict=False,
        )


def _as_tensors(call: Callable[..., Any]) -> Program:
    def program(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.no_grad():
            answers = call(*(torch.from_numpy(array) for array in arrays))
        return tuple(answer.numpy() for answer in answers)

    return program


def _torch(
    asked: Asked, tensors: list[Tensor], fields: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> Program:
    torch.export.save(_traced(asked, tensors), path)
    return _as_tensors(torch.export.load(path).module())


def _onnx(
    asked: Asked, tensors: list[Tensor], fields: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> Program:
    import onnxruntime

    traced = _traced(asked, tensors).run_decompositions(stand_ins())
    torch.onnx.export(
        traced, (), path, dynamo=True, input_names=fields, verbose=False, external_data=False,
        output_names=[f"{name}_answer" if name in fields else name for name in outputs],
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda *arrays: tuple(session.run(None, dict(zip(fields, arrays, strict=True))))


def _aoti(
    asked: Asked, tensors: list[Tensor], fields: tuple[str, ...], outputs: tuple[str, ...], path: Path
) -> Program:
    from torch._inductor import aoti_compile_and_package, aoti_load_package

    aoti_compile_and_package(_traced(asked, tensors), package_path=str(path))
    return _as_tensors(aoti_load_package(str(path)))


MAKERS = {"torch": _torch, "onnx": _onnx, "aoti": _aoti}
