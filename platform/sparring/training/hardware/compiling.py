"""What ``--compile`` does: phases that draw no noise become compiled functions, CUDA graphs on a GPU.

A phase that draws noise stays as written: its noise is supplied by intercepting calls, which a compiled phase no longer
makes. Phases whose batch norms are synchronised with other workers stay as written too. Validation is never compiled:
its last batch has another shape. Compiled figures differ from eager ones by rounding.

Compiling the two phases of an AEGAN takes 10 s to minutes and saves a quarter of a step at hidden 256 on a CPU, so it
pays for long trials only. Trials of the same shapes share it within a process. A trial with another batch size, or
another value that a phase branches on, compiles again.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...models.base import Model, Step
from ..noise import Noise
from ..phase_step import Forward, Gradients, PhaseStep

GRAPH_CALLS = 3
"""Calls of a phase on a GPU until its CUDA graph stands: compiled, recorded, replayed."""

GRAPH_TRIALS = 16
"""Trials of one process whose CUDA graphs are kept. Every trial's weights lie elsewhere, so each records graphs of its
own. torch frees their memory only with everything that was compiled."""

ROOM = 512
"""Compiled forms of phases that one process may hold. torch's own limit is 8, which four architectures fill; further
phases would run eagerly, and nobody would be told."""


@torch.no_grad()
def compile_phases(
    model: Model, phase_steps: Sequence[PhaseStep], noise: Noise, batch: Mapping[str, Tensor], device: torch.device
) -> None:
    """Has every phase that draws no noise compiled at its first call.

    A dry run of each phase shows whether it draws. It leaves no trace, and is not the trial's first step, so that the
    same steps are compiled after a resume as without one. batch: as many rows as a training step has.
    """
    if device.type == "cuda":
        forget_graphs()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    known = dict(batch)
    for number, phase_step in enumerate(phase_steps):
        with phase_step.others_stilled(), noise.begin(0, number), phase_step.cast():
            known.update(model(phase_step.phase.name, {name: known[name] for name in phase_step.wants}).carry)
        phase_step.draws = noise.drawn > 0
        if not phase_step.draws:
            phase_step.run = Compiled(phase_step, model, device)
    for name, buffer in model.named_buffers():
        buffer.copy_(before[name])


class Compiled:
    """A phase's pass, compiled at its first call.

    If that fails, or the capture of its graph, it warns once and runs eagerly from then on. What the failed call left
    in the model's buffers is undone first, so that training has the bits of an eager one.
    """

    def __init__(self, phase_step: PhaseStep, model: Model, device: torch.device) -> None:
        self._phase_step, self._model = phase_step, model
        self._uses_graphs = device.type == "cuda"
        self._forward: Forward | None = None
        self._unproven = GRAPH_CALLS if self._uses_graphs else 1

    def __call__(self, batch: Mapping[str, Tensor]) -> tuple[Step, Gradients]:
        if self._forward is not None and not self._unproven:
            return self._detached(*self._phase_step.differentiate(self._forward, batch))
        before = {name: buffer.clone() for name, buffer in self._model.named_buffers()}
        try:
            if self._forward is None:
                _make_room()
                mode = "reduce-overhead" if self._uses_graphs else "default"
                self._forward = torch.compile(self._model.forward, dynamic=False, mode=mode)
            passed = self._detached(*self._phase_step.differentiate(self._forward, batch))
        except Exception as error:  # the compiler's, the C++ compiler's, or the phase's own: that comes again below
            warnings.warn(
                f"phase {self._phase_step.phase.name}: --compile failed ({_first_line(error)}); it runs without",
                RuntimeWarning,
                stacklevel=2,
            )
            with torch.no_grad():
                for name, buffer in self._model.named_buffers():
                    buffer.copy_(before[name])
            self._phase_step.run = self._phase_step.run_eagerly
            return self._phase_step.run(batch)
        self._unproven -= 1
        return passed

    def _detached(self, step: Step, gradients: Gradients) -> tuple[Step, Gradients]:
        """Free of the memory that CUDA graphs write again at their next run; gradients are used before that."""
        if not self._uses_graphs:
            return step, gradients
        metrics = {name: value.detach().clone() for name, value in step.metrics.items()}
        carry = {name: value.detach().clone() for name, value in step.carry.items()}
        judged = tuple((real.detach().clone(), fake.detach().clone()) for real, fake in step.judged)
        return Step(step.loss, metrics, carry, judged), gradients


trials_with_graphs = itertools.count(1)


def forget_graphs() -> None:
    """Drops compiled graphs, once per so many trials."""
    if next(trials_with_graphs) % GRAPH_TRIALS == 0:
        torch.compiler.reset()


def _make_room() -> None:
    from torch._dynamo import config

    # The second pair is the names before torch 2.7; the accumulated limit counts first, and 256 would be its own.
    limits = ("recompile_limit", "accumulated_recompile_limit", "cache_size_limit", "accumulated_cache_size_limit")
    for name in limits:
        if hasattr(config, name):
            setattr(config, name, ROOM)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
