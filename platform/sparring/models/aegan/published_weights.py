"""Weights that XANESNET saved, read as tensors alone by ``torch.load(weights_only=True)``, which runs no code.

Such a file (``model_weights.pth``) is a state: tensors by name. Nets and layers are called otherwise there, and nested
in 2023 but not in 2026; the order of the tensors within a net is ours. A file that holds a whole model (``model.pt``)
would have to be unpickled, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ...errors import CheckpointError

SUFFIXES = (".pth", ".pt")

NETS: Mapping[str, str] = {
    "gen_a.encoder_layers": "structure_encoder",
    "gen_b.encoder_layers": "spectrum_encoder",
    "shared_encoder.dense_layers": "shared_encoder",
    "shared_decoder.dense_layers": "shared_decoder",
    "gen_a.decoder_layers": "structure_decoder",
    "gen_b.decoder_layers": "spectrum_decoder",
    "dis_a.dense_layers": "structure_dis",
    "dis_b.dense_layers": "spectrum_dis",
}
"""Published net -> ours; a is the structure, b the spectrum."""


def load_published(model: nn.Module, path: Path) -> None:
    """Fills the eight nets; what else the model holds, such as scalings, stays.

    Raises CheckpointError if the file is no state, or not that of nets of these sizes.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a file that is torn or hostile, whatever torch makes of it
        if "nsupported" in str(error) or "GLOBAL" in str(error):  # what weights_only says of a name that it would call
            raise CheckpointError(
                f"pretrained: {path} must hold a state, tensors by name, but holds more, which only running its code "
                "would read; where you trust it, save model.state_dict() of it with torch.save"
            ) from error
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"pretrained: {path} must be a readable file of torch.save, but: {reason}") from error
    if not isinstance(saved, Mapping) or not all(isinstance(each, Tensor) for each in saved.values()):
        raise CheckpointError(f"pretrained: {path} must hold a state, tensors by name, but got {type(saved).__name__}")
    wanted, found = model.state_dict(), {}
    for theirs, ours in NETS.items():
        given = [(name, tensor) for name, tensor in saved.items() if name.startswith(f"{theirs}.")]
        own = [name for name in wanted if name.startswith(f"{ours}.")]
        if len(given) != len(own):
            more = "; its decoders end in an activation" if len(given) == len(own) + 1 and "decoder" in ours else ""
            raise CheckpointError(
                f"pretrained: {path}: {theirs} has {len(given)} tensors, but {ours} of this configuration has "
                f"{len(own)}{more}; configure the layers and the activation it was trained with"
            )
        for (name, tensor), mine in zip(given, own, strict=True):
            if _kind(name) != _kind(mine) or tensor.shape != wanted[mine].shape:
                raise CheckpointError(
                    f"pretrained: {path}: {name} is {tuple(tensor.shape)}, but {mine} of this configuration is "
                    f"{tuple(wanted[mine].shape)}; configure the sizes it was trained with"
                )
            found[mine] = tensor
    if unknown := [name for name in saved if not name.startswith(tuple(f"{net}." for net in NETS))]:
        raise CheckpointError(f"pretrained: {path}: {unknown[0]} is of no net of an AEGAN; is it the right file?")
    model.load_state_dict({**wanted, **found})


def _kind(name: str) -> str:
    """``weight``, ``bias``, ``running_mean`` …"""
    return name.rpartition(".")[2]
