"""One model, or all members of a k-fold, bootstrap or ensemble, asked together: the mean answer and its deviation.

Monte Carlo dropout (Gal and Ghahramani, arXiv:1506.02142) asks one model many times. Units are dropped as in training,
while batch norms use their recorded statistics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ...data.resampling import CALLED, Scheme
from ...errors import DataError, UsageError
from ..device import check_device
from ..loading.loaded import Loaded
from ..loading.place import find_place, read_place
from ..loading.trained_folder import MEMBERS, MembersFile, read_folder, read_json
from .answers import Answered, Answers, predict, reconstruct
from .samples import NamedRows

MOST_PASSES = 10_000


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Members that answer as one."""

    front: Loaded
    """Its folder and what it was trained on; the model in it is the first member's."""
    members: tuple[Loaded, ...]
    passes: int = 0
    """Answers of each member with dropout; 0 asks each member once, without dropout."""
    scheme: Scheme | None = None

    @property
    def is_single(self) -> bool:
        """One model without dropout: there is no deviation."""
        return len(self.members) == 1 and not self.passes

    def reconstruct(self, rows: NamedRows) -> Answered:
        """Mean of what ``answers.reconstruct`` gives over members and passes, beside the truth."""
        return self._ask(lambda member: reconstruct(member, rows))

    def predict(self, rows: NamedRows, given: Sequence[str]) -> Answered:
        """Mean of what ``answers.predict`` gives over members and passes, beside the truth."""
        return self._ask(lambda member: predict(member, rows, given))

    def caution(self, rows: NamedRows) -> str:
        """A sentence if members were trained on these rows, else nothing."""
        if self.scheme in (None, "ensemble") or not rows.is_own or rows.part == "test":
            return ""
        return (
            f"These rows trained some of the {CALLED[self.scheme or 'kfold']}'s members, so the errors here are too "
            "low: test rows, another data set or files give true ones."
        )

    def _ask(self, ask: Callable[[Loaded], tuple[Answers, Answers]]) -> Answered:
        if self.is_single:
            truths, answers = ask(self.front)
            return Answered(truths=truths, answers=answers)
        truths = {}
        means: defaultdict[str, np.ndarray] = defaultdict(lambda: np.zeros(()))
        squares: defaultdict[str, np.ndarray] = defaultdict(lambda: np.zeros(()))
        count = 0
        for one_truths, answers in self._answers(ask):
            truths, count = truths or one_truths, count + 1
            for name, values in answers.items():  # Welford's: no difference of large sums
                step = values.astype(np.float64) - means[name]
                means[name] = means[name] + step / count
                squares[name] = squares[name] + step * (values - means[name])
        return Answered(
            truths=truths,
            answers={name: mean.astype(np.float32) for name, mean in means.items()},
            deviations={name: np.sqrt(total / (count - 1)).astype(np.float32) for name, total in squares.items()},
        )

    def _answers(self, ask: Callable[[Loaded], tuple[Answers, Answers]]) -> Iterator[tuple[Answers, Answers]]:
        for member in self.members:
            dropping = Dropping(member.device) if self.passes else None
            for _ in range(self.passes or 1):
                with dropping or nullcontext():
                    answer = ask(member)
                if dropping and not dropping.drawn:
                    raise UsageError(
                        f"--mc-dropout: {member.folder} answers without dropout, so no two answers would differ; "
                        "train with dropout above 0, or an ensemble: sparring train best.toml --ensemble 3"
                    )
                yield answer


class Dropping(TorchFunctionMode):
    """While active, dropout drops although the model is in eval mode; ``drawn`` counts how often.

    Draws go on from one pass to the next and begin anew with each object, so the same question gets the same answers.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._generator = torch.Generator(device).manual_seed(0)
        self.drawn = 0

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        if func is functional.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if p == 0.0:
            return input
        self.drawn += 1
        kept = torch.rand(input.shape, generator=self._generator, device=input.device) >= p
        return input * kept / (1.0 - p)


def read_ensemble(named: Path, device: str = "cpu", passes: int | None = None, trial: int | None = None) -> Ensemble:
    """The model or the members in what ``find_place`` finds; of a study the best trial's model, or another trial's.

    passes: answers of each with dropout (Monte Carlo dropout), at least 2.

    Raises UsageError, ConfigError or DataError, one sentence, if a file is missing, torn or of another model.
    """
    if passes is not None and not 2 <= passes <= MOST_PASSES:
        raise UsageError(f"--mc-dropout: wants 2 to {MOST_PASSES:,} passes, which have a spread, but got {passes}")
    place = find_place(named)
    if place.holds != "members":
        loaded = read_place(place, device, trial)
        return Ensemble(front=loaded, members=(loaded,), passes=passes or 0)
    check_device(device)
    folder = place.folder
    listed = read_json(folder / MEMBERS, MembersFile)
    missing = [name for name in listed.members if not (folder / name).is_dir()]
    if missing:
        raise UsageError(
            f"{folder}: {len(listed.members)} members are wanted, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not there; the same `sparring train` trains the rest"
        )
    members = tuple(read_folder(folder / name, device) for name in listed.members)
    first = members[0].about
    for member in members:
        about = member.about
        if (about.model, about.shapes, about.sha256) != (first.model, first.shapes, first.sha256):
            raise DataError(
                f"{member.folder}: is of another model or other data than {members[0].folder}; train it anew"
            )
    front = replace(members[0], folder=folder, about=first.model_copy(update={"member": None}))
    return Ensemble(front=front, members=members, passes=passes or 0, scheme=listed.scheme)
