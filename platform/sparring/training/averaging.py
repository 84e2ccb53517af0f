"""Several processes that train one trial on shares of the same batches, over torch.distributed's default group.

``Workers`` is one of them. Every sum is one collective over one flat tensor, and whether it is made never depends on a
tensor's value: a NaN on one worker reaches all others with the gradients, and all stop at the same epoch instead of
waiting for each other. Whoever made the processes starts and ends the group (gloo for CPU, NCCL for CUDA) and sets its
time limit.

Not here: which rows are whose (``share.py``), what is averaged when (``loop.py``), and batch norm (``norms.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor

from ..errors import SparringError


class PeerLost(SparringError):
    """Another worker of the trial has died or fallen silent; the process group cannot be used any more."""


class Workers:
    """This process as one of ``size`` that train one trial; the default process group must have been started.

    rank: 0 … size - 1, as in the group. device: where tensors to be summed lie.
    """

    def __init__(self, rank: int, size: int, device: torch.device | str = "cpu") -> None:
        self.rank, self.size, self.device = rank, size, torch.device(device)

    def share(self, n: int) -> slice:
        """This worker's part of ``n`` rows: contiguous, in order of rank, sizes differ by 1 at most; may be empty."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def sum_(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Each tensor summed over the workers, all in one collective; the answers are views of one flat tensor.

        tensors: of one dtype, on ``device``, of the same shapes on every worker. All workers get the same bits.
        Raises PeerLost.
        """
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat)
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [piece.view(tensor.shape) for piece, tensor in zip(pieces, tensors, strict=True)]

    def all_agree(self, ok: bool) -> bool:
        """True if every worker says True. Raises PeerLost."""
        votes = torch.tensor([int(ok)], device=self.device)
        self._reduce(votes)
        return int(votes) == self.size

    def follow(self, number: int) -> int:
        """Rank 0's ``number``, on every worker. Raises PeerLost."""
        return int(self.sum_([torch.tensor([number if self.rank == 0 else 0], device=self.device)])[0])

    def _reduce(self, flat: Tensor) -> None:
        try:
            torch.distributed.all_reduce(flat)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise PeerLost(
                f"worker {self.rank} of {self.size} waited for the others in vain: {error}; the trial goes on in its "
                "next attempt"
            ) from error
