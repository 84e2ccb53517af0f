"""A training's figures as TensorBoard shows them, in ``tensorboard`` of its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...display.tensorboard import Board
from ...models.config import Config
from ...records import EpochRow, Objective, Trial, TrialRow
from ...training.single import Trained


class Curves:
    """One run. One that was cut off is written anew: what goes on tells all its epochs again."""

    def __init__(self, board: Board, objective: Objective, seed: int) -> None:
        self._board, self._objective, self._seed = board, objective, seed
        board.start(Trial(number=0, params={}, seed=seed))

    def epoch(self, row: EpochRow) -> None:
        """Writes one epoch's figures."""
        self._board.epoch(row)

    def end(self, trained: Trained) -> None:
        """Closes the run with how it ended."""
        best = trained.best
        self._board.end(
            TrialRow(
                trial=0, attempt=1, seed=self._seed, outcome=trained.outcome, params={}, epochs=trained.epochs,
                value=None if best is None else best.metrics[self._objective.metric],
                best_epoch=None if best is None else best.epoch, metrics={} if best is None else dict(best.metrics),
            )
        )  # fmt: skip


@contextmanager
def curves(folder: Path, config: Config, objective: Objective, seed: int) -> Iterator[Curves]:
    """The run of a training into ``folder``; left open it counts as cut off."""
    board = Board(folder, dimensions=(), metrics=type(config).emitted(), objective=objective)
    try:
        yield Curves(board, objective, seed)
    finally:
        board.close()
