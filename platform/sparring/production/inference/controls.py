"""Does a prediction depend on its input? Each output's errors against those of eight answers that must be worse.

An output passes a control if its errors are smaller than the control's by a paired one-sided t-test at 5 %, sample by
sample. A model that always answers with about the mean fails most controls, however small its error. The eight controls
are XANESNET's (github.com/NewcastleRSE/XANESNET). Its test is unpaired; a paired one finds smaller differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import UsageError
from ..loading.loaded import Loaded
from ..output import open_folder, write_table
from .answers import ask
from .samples import NamedRows

LEVEL = 0.05
LEAST_ROWS = 10

Test = tuple[str, np.ndarray]
"""(control, its squared error per sample)"""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One output against one control."""

    output: str
    """Such as ``predict_spectrum``, which is made from the structure."""
    control: str
    mse: float
    """Mean squared error of the output itself, over all samples."""
    mse_control: float
    """Mean squared error of the control's answers."""
    p: float
    """Chance of an advantage at least as large if the output were no better than the control."""

    @property
    def is_passed(self) -> bool:
        return self.p < LEVEL


def compare(loaded: Loaded, rows: NamedRows, train: NamedRows, seed: int = 0) -> list[Control]:
    """Every output on ``rows`` against its eight controls; ``train`` gives means and spreads.

    Raises UsageError if the model does not predict one field from another, or for fewer than 10 rows.
    """
    from scipy.stats import ttest_rel

    loaded.able("predict")
    if len(rows) < LEAST_ROWS:
        raise UsageError(f"--controls: a test needs at least {LEAST_ROWS} samples, but got {len(rows)}; raise --rows")
    controls = []
    for verb in ("reconstruct", "predict"):
        for source in loaded.fields:
            (target,) = [name for name in loaded.fields if (name == source) == (verb == "reconstruct")]
            own, tests = _errors(loaded, verb, source, target, rows, train, np.random.default_rng(seed))
            for control, error in tests:
                differs = bool((error != own).any())
                p = float(ttest_rel(error, own, alternative="greater").pvalue) if differs else 1.0
                controls.append(
                    Control(
                        output=f"{verb}_{target}",
                        control=control,
                        mse=float(own.mean()),
                        mse_control=float(error.mean()),
                        p=p,
                    )
                )
    return controls


def write_controls(folder: Path, controls: Sequence[Control]) -> Path:
    """``controls.parquet``, a row per output and control."""
    open_folder(folder)
    names = ("output", "control", "mse", "mse_control", "p", "is_passed")
    return write_table(
        folder / "controls.parquet", {name: [getattr(control, name) for control in controls] for name in names}
    )


def _errors(
    loaded: Loaded, verb: str, source: str, target: str, rows: NamedRows, train: NamedRows, rng: np.random.Generator
) -> tuple[np.ndarray, list[Test]]:
    """Squared errors (N,) of the output itself, and of its controls."""
    truth = rows.fields[target].cpu().numpy().astype(np.float64)

    def answer(given: Tensor) -> np.ndarray:
        method = loaded.able("predict").predict if verb == "predict" else loaded.able("reconstruct").reconstruct
        return ask(method, {source: given})[target].astype(np.float64)

    def error(answers: np.ndarray) -> np.ndarray:
        squares: np.ndarray = np.square(answers - truth).mean(1)
        return squares

    output = answer(rows.fields[source])
    return error(output), [
        (control, error(answer(values) if isinstance(values, Tensor) else values))
        for control, values in _replaced(rows, train, source, target, output, rng)
    ]


def _replaced(
    rows: NamedRows, train: NamedRows, source: str, target: str, output: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, Tensor | np.ndarray]]:
    """By control, another input (a tensor) or another output (an array), (N, features)."""
    n = len(rows)
    order = rng.permutation(n)
    shuffle = np.empty(n, dtype=np.int64)
    shuffle[order] = np.roll(order, 1)  # nobody keeps their own
    drawn = rng.integers(0, n, n)
    given, device = rows.fields[source], rows.fields[source].device
    truth = rows.fields[target].cpu().numpy().astype(np.float64)
    mean_in, spread_in = _moments(train.fields[source])
    mean_out, spread_out = _moments(train.fields[target])
    flat_in, flat_out = np.tile(mean_in, (n, 1)), np.tile(mean_out, (n, 1))

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(device, given.dtype)

    yield "input of another sample", given[torch.from_numpy(shuffle).to(device)]
    yield "output of another sample", output[shuffle]
    yield "mean training input", tensor(flat_in)
    yield "mean training output", flat_out
    yield "mean input with noise", tensor(flat_in + spread_in * rng.standard_normal(flat_in.shape))
    yield "mean output with noise", flat_out + spread_out * rng.standard_normal(flat_out.shape)
    yield "random input", given[torch.from_numpy(drawn).to(device)]
    yield "random true output", truth[drawn]


def _moments(rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
    values = rows.cpu().numpy().astype(np.float64)
    return values.mean(0), values.std(0)
