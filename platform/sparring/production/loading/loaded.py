"""A model ready to be asked, and what must be known beside its weights.

It is read from a folder of ``train`` (``trained_folder.py``) or from a study (``study_winner.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, overload

from pydantic import BaseModel, ConfigDict, Field

from ...data.resampling import Member
from ...errors import UsageError
from ...models import find_model, model_names
from ...models.verbs import Predicts, Reconstructs, Samples, Scores
from ...models.weights import fill

if TYPE_CHECKING:
    import torch

    from ...models.base import Model
    from ...models.config import Config

VERBS: Mapping[str, type] = {"sample": Samples, "reconstruct": Reconstructs, "predict": Predicts, "outliers": Scores}
"""Verb of the command line -> what a model must be to answer it."""


class About(BaseModel):
    """What the weights alone do not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str
    """The system's name."""
    shapes: Mapping[str, tuple[Annotated[int, Field(ge=1)], ...]]
    """Per field, the shape of one sample it was trained on."""
    dataset: str
    """The data set's card."""
    data_path: str | None = None
    """Where the user's files lay in training."""
    data: Mapping[str, object] = {}
    """Options of the data set's reader."""
    split: str
    """The kind of split, which says which rows trained and which validated; a member's rows are dealt out from it."""
    member: Member | None = None
    """Which member of a k-fold, bootstrap or ensemble it is."""
    sha256: str
    """The data set's checksum."""
    axes: Mapping[str, tuple[float, ...]] = {}
    """Per field, where its columns lie."""
    columns: Mapping[str, tuple[str, ...]] = {}
    """Per field that was read from a table, what its columns are called there, in the model's order."""
    version: str
    """The version of Sparring that trained it."""
    code: str = ""
    """Of a bundle with a model of the user's own the digest of its Python files; else empty."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model ready to be asked, in eval mode."""

    folder: Path
    about: About
    model: Model
    device: torch.device

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields its Config names."""
        fields: tuple[str, ...] = self.model.config.fields
        return fields

    @overload
    def able(self, verb: Literal["sample"]) -> Samples: ...
    @overload
    def able(self, verb: Literal["reconstruct"]) -> Reconstructs: ...
    @overload
    def able(self, verb: Literal["predict"]) -> Predicts: ...
    @overload
    def able(self, verb: Literal["outliers"]) -> Scores: ...
    def able(self, verb: str) -> object:
        """The model, as one that has the verb. Raises UsageError, with the models that have it, if it has not."""
        if not isinstance(self.model, VERBS[verb]):
            able = [name for name in model_names() if issubclass(find_model(name), VERBS[verb])]
            raise UsageError(f"{verb}: the model {self.about.model} cannot {_doing(verb)}; {', '.join(able)} can")
        return self.model


def build(folder: Path, about: About, config: Config, *, packed: bytes, named: str, device: str) -> Loaded:
    """The model of ``config`` with the weights in ``packed``, the bytes of safetensors; nothing is drawn or fitted.

    folder: where its answers go. named: what messages call the weights. Raises DataError if they do not fit.
    """
    import torch

    model = find_model(about.model)(config, about.shapes)
    fill(model, packed, named)
    target = torch.device(device)
    return Loaded(folder=folder, about=about, model=model.to(target).eval(), device=target)


def _doing(verb: str) -> str:
    return "tell outliers" if verb == "outliers" else verb
