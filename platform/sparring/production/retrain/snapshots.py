"""The model every so many epochs while it trains: a trained folder that every verb takes, and pictures of it.

Beside what every trained folder holds lies ``training.safetensors``, the whole state with the optimizers' moments.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch

from ...errors import LedgerError
from ...models.blocks.eval_mode import eval_mode
from ...models.verbs import Samples
from ...records import Outcome
from ...training.loop import TrialTraining
from ...training.single import Trained, files_of
from ...training.state import copy_state
from ..inference.kept_pictures import drawn_png, pictures_of, rows_to_draw
from ..inference.samples import NamedRows
from ..loading.loaded import About, Loaded
from ..loading.trained_folder import write_folder

SNAPSHOTS = "snapshots"
"""In a trained folder."""
STATE = "training.safetensors"


class Snapshots:
    """Called after each epoch with the training; writes ``epoch-00005`` and its pictures.

    every: epochs between two. n: samples to draw for a picture of them. pinned: the configuration as TOML.
    """

    def __init__(self, folder: Path, every: int, n: int, *, pinned: str, about: About) -> None:
        self.folder, self.every, self.n = folder, every, n
        self._pinned, self._about = pinned, about
        self._rows: NamedRows | None = None

    def __call__(self, training: TrialTraining) -> None:
        """Raises LedgerError if the disk refuses."""
        if training.epoch % self.every:
            return
        folder, rows = self.folder / f"epoch-{training.epoch:05d}", training.epoch_rows()
        with training.weights_to_judge():
            state = copy_state(training.model)
            pictures = self._pictures(training, folder)
        kept = Trained(outcome=Outcome.COMPLETED, best=rows[-1], epochs=training.epoch, state=state, trace=tuple(rows))
        files = files_of(kept, training.model.config, self._pinned) | {STATE: training.save()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_folder(folder, files, self._about)
            for name, png in pictures.items():
                (folder / name).write_bytes(png)
        except OSError as error:
            raise LedgerError(
                f"{folder}: a snapshot could not be written: {error.strerror}; mend that: the same command again goes "
                "on from its last checkpoint"
            ) from error

    def _pictures(self, training: TrialTraining, folder: Path) -> dict[str, bytes]:
        """By file name: draws, and the same validation samples answered, at every snapshot."""
        device = torch.device(training.device)
        loaded = Loaded(folder=folder, about=self._about, model=training.model, device=device)
        if self._rows is None:
            self._rows = rows_to_draw(loaded)
        generators = [] if device.type == "cpu" else [device]
        with eval_mode(training.model), torch.random.fork_rng(generators), torch.no_grad():
            found = dict(pictures_of(loaded, self._rows))
            if isinstance(training.model, Samples) and not any(name.startswith("drawn") for name in found):
                for name, values in training.model.sample(self.n, seed=0).items():
                    found[f"drawn {name}"] = drawn_png(loaded, self._rows, name, values.float().cpu().numpy())
        return {f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png": png for name, png in found.items()}
