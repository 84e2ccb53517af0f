"""The model every so many epochs while it trains: its weights, and what it samples by then."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from ...models.base import Model
from ...models.verbs import Samples
from ..drawing.pictures import picture
from ..drawing.style import write_picture


class Snapshots:
    """Called after each epoch with its number and the model; writes ``epoch-00005.safetensors`` and ``.png``."""

    def __init__(self, folder: Path, every: int, n: int) -> None:
        self.folder, self.every, self.n = folder, every, n

    def __call__(self, epoch: int, model: Model) -> None:
        if epoch % self.every:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = self.folder / f"epoch-{epoch:05d}"
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        save_file(state, stem.with_suffix(".safetensors"))
        if isinstance(model, Samples):  # the same draws every time, from a generator of their own
            (name, values), *_ = model.sample(self.n, seed=0).items()
            write_picture(stem.with_suffix(".png"), picture(name, values.float().cpu().numpy()))
