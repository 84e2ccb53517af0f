"""The bundle alone in a fresh process: does it load, answer as the training process did, stand hostile inputs, keep
within its limits?

The process (``fresh_process.py``) is given the bundle and the probe, a file of ordinary rows and of the training
process's own answers; it says what it found as JSON.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import DataError, SparringError
from ...models.own import allow_json, allowed
from ..loading.loaded import Loaded
from .asking import ProductionModel
from .bundle import open_bundle, read_files
from .fresh_process import LIMIT_S, FreshProcess, Told, begin_aside
from .hostile import Trial, attack
from .schema import Schema, Verb, call, check_answers, choices, verbs_of

BATCHES = (1, 2, 64)
"""Rows per call at which answers are compared; besides all rows in one call."""
CALLS = 200
"""Requests of one row whose time is taken."""
PROBE, OWN = "probe.safetensors", "own-model.json"
"""What the process is given beside the bundle: rows and answers; a model of the user's own, as text."""


class Parity(BaseModel):
    """One verb's answers beside the training process's, at one batch size."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="constants")

    verb: str
    batch: int
    rows: int
    worst: float
    """Largest difference over values, as a share of the largest value of the field; infinite if any is not finite."""
    is_exact: bool


class Examination(BaseModel):
    """What the fresh process found."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    complaint: str = ""
    """Why the bundle does not load, or does not answer as its schema says; empty if it does."""
    load_s: float = 0.0
    """Seconds to load, without imports."""
    parity: tuple[Parity, ...] = ()
    parity_complaint: str = ""
    """Why an ordinary row was refused; empty if none was."""
    hostile: tuple[Trial, ...] = ()
    latency_ms: float = 0.0
    """99 % of requests of one row take no longer; of the slowest verb."""
    memory_mb: float = 0.0
    """Most memory the process had, MB of 10⁶ bytes."""


def write_probe(path: Path, source: Loaded, schema: Schema, rows: Mapping[str, Tensor]) -> None:
    """The rows and the source's own answers to them, in calls of each size. rows: by field, (N, …), N ≥ 3.

    A model of the user's own goes beside them.
    """
    torch.set_num_threads(1)
    if (own := allowed(source.about.model)) is not None:
        path.with_name(OWN).write_text(own.to_json(), encoding="utf-8")
    count = len(next(iter(rows.values())))
    tensors = {f"row/{name}": values.contiguous() for name, values in rows.items()}
    for verb in schema.verbs:
        for key, answer in _answers(source, schema, verb, rows, count).items():
            tensors[key] = answer.contiguous()
    save_file(tensors, path)


def examine(bundle: Path, probe: Path, *, is_divided: bool = False) -> Examination:
    """What ``main`` finds, in this process. is_divided: single rows, half of the work, in a fork beside it."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    tensors = load_file(probe)
    rows = {key.removeprefix("row/"): values for key, values in tensors.items() if key.startswith("row/")}
    try:
        model = open_bundle(read_files(bundle), str(bundle))
        _check_schema(model, rows)
    except SparringError as error:
        return Examination(complaint=str(error))
    load_s = time.perf_counter() - started
    arrays = {name: values.numpy() for name, values in rows.items()}
    several = (*BATCHES[1:], len(next(iter(rows.values()))))

    def ask_single() -> str:
        try:
            found = Examination(parity=tuple(_compare(model, rows, tensors, (1,))), memory_mb=_peak_bytes() / 1e6)
        except SparringError as error:
            found = Examination(parity_complaint=f"an ordinary row is refused: {error}")
        return found.model_dump_json()

    single = begin_aside(ask_single) if is_divided else ask_single
    try:
        parity = _compare(model, rows, tensors, several)
        hostile = tuple(attack(model, arrays))
        latency_ms = max(_latency(model, verb, arrays) for verb in model.schema.verbs)
    except SparringError as error:
        return Examination(load_s=load_s, parity_complaint=f"an ordinary row is refused: {error}")
    found = Examination.model_validate_json(single())
    order: list[str] = list(model.schema.verbs)
    return Examination(
        load_s=load_s,
        parity=tuple(sorted((*found.parity, *parity), key=lambda each: (order.index(each.verb), each.batch))),
        parity_complaint=found.parity_complaint,
        hostile=hostile,
        latency_ms=latency_ms,
        memory_mb=max(found.memory_mb, _peak_bytes() / 1e6),
    )


def begin(process: FreshProcess, bundle: Path, probe: Path) -> Callable[[], Examination]:
    """The same by a fresh process; what is returned waits for it. What it says when it cannot is the complaint."""
    told = process.ask(bundle, probe)
    return lambda: _read(told())


def examine_freshly(bundle: Path, probe: Path) -> Examination:
    """The same in a fresh process of its own."""
    with FreshProcess() as process:
        return begin(process, bundle, probe)()


def _read(told: Told) -> Examination:
    if told.code is None:
        return Examination(complaint=f"the fresh process did not end within {LIMIT_S:g} s")
    try:
        return Examination.model_validate_json(told.said)
    except ValidationError:
        last = (told.complained.strip().splitlines() or ["it said nothing"])[-1]
        return Examination(complaint=f"the fresh process ended with code {told.code}: {last}")


def main(bundle: str, probe: str) -> None:
    """The fresh process: prints an ``Examination`` as JSON. A model of the user's own lies beside the probe."""
    own = Path(probe).with_name(OWN)
    if own.exists():
        allow_json(own.read_text(encoding="utf-8"))
    print(examine(Path(bundle), Path(probe), is_divided=sys.platform == "linux").model_dump_json())


def _check_schema(model: ProductionModel, rows: Mapping[str, Tensor]) -> None:
    """Raises DataError unless two rows are answered in the names and shapes that the schema promises."""
    if surplus := model.schema.verbs.keys() - set(verbs_of(model.loaded)):
        raise DataError(f"schema.json: promises {', '.join(sorted(surplus))}, which {model.schema.model} cannot")
    for verb, takes in model.schema.verbs.items():
        for given in choices(takes):
            two = {name: rows[name][:2] for name in given}
            check_answers(model.schema, verb, given, call(model.loaded, verb, two, n=2))


def _answers(loaded: Loaded, schema: Schema, verb: Verb, rows: Mapping[str, Tensor], batch: int) -> dict[str, Tensor]:
    """Answers of the model itself in calls of ``batch`` rows, by ``verb|from|field``."""
    if verb == "sample":
        drawn = {n: call(loaded, verb, {}, n=n) for n in (*BATCHES, len(next(iter(rows.values()))))}
        return {f"sample|{n}|{name}": values for n, answer in drawn.items() for name, values in answer.items()}
    found = {}
    for given in choices(schema.verbs[verb]):
        chosen = {name: rows[name] for name in given}
        pieces = [call(loaded, verb, {name: each[at : at + batch] for name, each in chosen.items()})
                  for at in range(0, len(chosen[given[0]]), batch)]  # fmt: skip
        for name in pieces[0]:
            found[f"{verb}|{'+'.join(given)}|{name}"] = torch.cat([piece[name] for piece in pieces])
    return found


def _compare(
    model: ProductionModel, rows: Mapping[str, Tensor], known: Mapping[str, Tensor], batches: Sequence[int]
) -> list[Parity]:
    """Every verb at these batch sizes; what draws, only in one call, since what is drawn depends on its rows."""
    count = len(next(iter(rows.values())))
    found = []
    for verb in model.schema.verbs:
        for batch in [each for each in batches if each == count or verb not in ("sample", "encode")]:
            answers = _answers(model.loaded, model.schema, verb, rows, batch)
            pairs = [(values, known[key]) for key, values in answers.items()]
            found.append(
                Parity(
                    verb=verb,
                    batch=batch,
                    rows=count,
                    worst=max(_difference(values, truth) for values, truth in pairs),
                    is_exact=all(torch.equal(values, truth) for values, truth in pairs),
                )
            )
    return found


def _difference(values: Tensor, truth: Tensor) -> float:
    if values.shape != truth.shape or not bool(values.isfinite().all()) or not bool(truth.isfinite().all()):
        return float("inf")
    largest = float(truth.abs().max())
    return float((values.double() - truth.double()).abs().max()) / (largest or 1.0)


def _peak_bytes() -> int:
    """Most memory that this process had. Linux's ``ru_maxrss`` will not do: it begins with the parent's."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):  # no Linux
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _latency(model: ProductionModel, verb: Verb, rows: Mapping[str, np.ndarray]) -> float:
    """Milliseconds within which 99 % of requests of one row are answered, checks of the input included."""
    takes = choices(model.schema.verbs[verb])[0]
    one = {name: rows[name][:1] for name in takes}
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        _ = model.sample(1) if verb == "sample" else getattr(model, verb)(one)
        times.append(time.perf_counter() - started)
    return float(np.quantile(times, 0.99)) * 1000
