"""Weights from the bytes of a safetensors file into a model. Nothing unpickles."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ..errors import DataError


def fill(model: nn.Module, packed: bytes, named: str) -> None:
    """Loads the model's whole state. packed: it; named: what messages call it. Raises DataError if it does not fit."""
    state = _unpack(packed, named)
    _check_fit(named, state, model.state_dict())
    model.load_state_dict(state, strict=True)


def _unpack(packed: bytes, named: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(packed))
    except (SafetensorError, ValueError) as error:
        raise DataError(f"{named}: must be a whole .safetensors file, but: {error}; train it anew") from error


def _check_fit(named: str, given: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    lacking, surplus = wanted.keys() - given.keys(), given.keys() - wanted.keys()
    other = [name for name in wanted.keys() & given.keys() if wanted[name].shape != given[name].shape]
    faults = [
        f"{words} {sorted(names)[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for words, names in (("lacks", lacking), ("has besides", surplus), ("has another shape of", other))
        if names
    ]
    if faults:
        raise DataError(f"{named}: must hold the weights of that model, but {', '.join(faults)}; train it anew")
