"""The codes of a trained ``aux_aae``: auxiliary values that are independent, as a generator can be asked for them.

The auxiliary GAN copies nothing but what it learns from them: its regressors, which tell the codes of a muon, are among
its own weights, so a trained one stands alone and its samples need no second file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ...errors import ConfigError
from ...untrusted.texts import read_json
from ..aux_aae.config import Config as AuxConfig
from ..aux_aae.model import AuxAAE
from ..blocks.eval_mode import eval_mode
from ..muons import chunks
from ..weights import fill


@torch.no_grad()
def codes_of(folder: Path, rareness: Tensor) -> Tensor:
    """Codes of muons by their rareness, (N, 5) → (N, latent_dim), by the ``aux_aae`` that ``folder`` holds.

    Raises ConfigError if the folder cannot be read any more; ``Config.check_files`` has found it whole.
    """
    try:
        config = AuxConfig.model_validate_json((folder / "config.json").read_bytes())
        about = read_json((folder / "model.json").read_text())
        shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
        packed = (folder / "model.safetensors").read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"codes_of: {folder} must be a trained aux_aae, but cannot be read: {error}") from error
    model = AuxAAE(config, shapes)
    fill(model, packed, f"codes_of: {folder / 'model.safetensors'}")
    model.to(rareness)
    with eval_mode(model):
        return torch.cat([model.encoder(model.aux(chunk)) for chunk in chunks(rareness)])
