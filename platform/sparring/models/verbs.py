"""What a trained model can be asked: one Protocol per verb, with one signature and one kind of answer.

A system has a verb by having its method, so ``isinstance(model, Samples)`` asks whether it can be sampled. Rows come by
field of the data set, (N, …) each, on the model's device; a model takes the fields that it knows and ignores others.
Answers are float tensors by name, on the same device and without gradients. The model may be in any mode; it answers as
in eval mode and is left as it was.

Not here: the phases and figures that training asks for (``base.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import DataError, UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Rows = Mapping[str, "Tensor"]
"""By field of the data set, (N, …)."""
Fields = dict[str, "Tensor"]
"""By name, (N, …), float."""


@runtime_checkable
class Samples(Protocol):
    """Makes samples that look like the data."""

    def sample(self, n: int, *, seed: int, boost: float | None = None) -> Fields:
        """``n`` ≥ 1 samples, (n, …) by field, in the data's units; of one seed and device always the same.

        boost: a factor above 0 on what makes samples rare; above 1, rare ones come more often. None is the model's own
        way. Raises UsageError if one is given to a model that draws without.
        """
        ...


@runtime_checkable
class SamplesOfClass(Protocol):
    """Makes samples of a class of its data, where it was trained with ``classes``."""

    def sample_class(self, n: int, *, seed: int, label: int) -> Fields:
        """As ``Samples.sample``, all of one class: its place among all classes in alphabetical order.

        Raises UsageError for a model that was trained without classes, and for a class that there is not.
        """
        ...


@runtime_checkable
class SamplesOf(Protocol):
    """Has its draws apart from what it makes of them: an exported program takes the drawn numbers as its input."""

    def drawn(self, n: int, *, generator: torch.Generator | None = None) -> Fields:
        """The numbers that n samples are made of, by name, (n, …), on the model's device.

        generator: None is torch's own.
        """
        ...

    def made_of(self, drawn: Rows) -> Fields:
        """The samples, (n, …) by field, in the data's units. The model is in eval mode."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Gives samples back through its code."""

    def reconstruct(self, rows: Rows) -> Fields:
        """Fields as they come back, (N, …), in the data's units. Raises DataError if ``rows`` hold none it knows."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """Tells one field from another."""

    def predict(self, rows: Rows) -> Fields:
        """The other field of each that is given, (N, …), in the data's units.

        Raises DataError if ``rows`` hold none it knows.
        """
        ...


@runtime_checkable
class Scores(Protocol):
    """Says how strange samples are."""

    def score(self, rows: Rows) -> Fields:
        """By name of the score, (N,); the larger, the stranger.

        Raises DataError if ``rows`` lack the field it needs.
        """
        ...


@runtime_checkable
class Encodes(Protocol):
    """Turns rows into codes that should look like draws from a known distribution."""

    @property
    def prior_name(self) -> str | None:
        """The distribution that each number of a code should have, as scipy.stats calls it; None if it has no name."""
        ...

    def encode(self, rows: Rows, *, seed: int) -> Fields:
        """Codes beside what they should look like; what is drawn depends on the seed alone.

        ``codes``   of the rows, (N, latent_dim)
        ``draws``   from the prior, as many
        ``given``   what was encoded, (N, …), of a model whose input should be distributed as the prior itself

        Raises DataError if ``rows`` lack the field it needs.
        """
        ...


@runtime_checkable
class HasCodes(Protocol):
    """Says where in its code space rows lie."""

    def codes(self, rows: Rows) -> Fields:
        """By name, (N, numbers of the code): ``codes``, or the code of each field that was given.

        Raises DataError if ``rows`` lack the field it needs.
        """
        ...


def refuse_boost(model: object, boost: float | None) -> None:
    """Raises UsageError if a boost is given; for models that draw without one."""
    if boost is not None:
        of_ours = type(model).__module__.startswith(f"{__package__}.")
        system = type(model).__module__.split(".")[-2] if of_ours else type(model).__name__
        raise UsageError(f"--boost: the model {system} draws without one; leave it out")


def take(rows: Rows, field: str, verb: str) -> Tensor:
    """The rows of ``field``. Raises DataError, with the fields there are, if they lack it."""
    if field not in rows:
        raise DataError(f"{verb}: needs the field {field}, but got {', '.join(rows) or 'none'}")
    return rows[field]
