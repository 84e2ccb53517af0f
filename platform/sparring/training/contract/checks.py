"""The checks by name, those first that explain what others would stumble over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch

from .broken import Broken
from .promises import (
    a_phase_leaves_other_nets_alone,
    fields_are_explained,
    figures_are_finite_and_as_promised,
    phases_name_what_there_is,
    rows_are_seen_one_by_one,
    verbs_answer,
    weight_zero_is_absence,
)
from .subject import Subject
from .training import a_checkpoint_resumes, it_learns, one_worker_equals_two, same_seed_gives_the_same_bits

CHECKS: Mapping[str, Callable[[Subject], None]] = {
    "every field of Config is explained": fields_are_explained,
    "phases name nets and fields that there are": phases_name_what_there_is,
    "figures are finite and as promised": figures_are_finite_and_as_promised,
    "a phase changes only the nets that it names": a_phase_leaves_other_nets_alone,
    "what it sees of a row is of that row alone": rows_are_seen_one_by_one,
    "a weight of zero is the term's absence": weight_zero_is_absence,
    "the same seed gives the same bits": same_seed_gives_the_same_bits,
    "a checkpoint resumes bit for bit": a_checkpoint_resumes,
    "one worker equals two": one_worker_equals_two,
    "verbs answer as they should": verbs_answer,
    "it learns": it_learns,
}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How a check ended."""

    name: str
    seconds: float
    reason: str = ""
    """Why it failed; empty if it did not."""
    way_out: str = ""


def run_checks(subject: Subject) -> Iterator[Checked]:
    """Every check, each as it ends. What a model's own code raises is a failure with its error."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as training does: one order of additions
    try:
        for name, check in CHECKS.items():
            started = time.perf_counter()
            try:
                check(subject)
                reason, way_out = "", ""
            except Broken as broken:
                reason, way_out = str(broken), broken.way_out
            except Exception as error:  # the model is its author's, and may raise anything
                reason, way_out = f"{type(error).__name__}: {' '.join(str(error).split())}", _where(error)
            yield Checked(name=name, seconds=time.perf_counter() - started, reason=reason, way_out=way_out)
    finally:
        torch.set_num_threads(threads)


def _where(error: BaseException) -> str:
    """The innermost place of a traceback that lies outside torch and Sparring: the author's own line, as a rule."""
    found, trace = "", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if module not in ("torch", "sparring"):
            found = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"see {found}" if found else ""
