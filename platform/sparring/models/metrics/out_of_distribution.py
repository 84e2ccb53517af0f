"""Images that are none of the model's own, kept beside it so that every epoch says how well its scores tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from .two_sample import share_above


class Foreign(nn.Module):
    """Images of another data set, (M, C, H, W) of any size and colour; not part of the model's weights."""

    image: Tensor

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.register_buffer("image", image, persistent=False)

    def sums(self, score: Callable[[Tensor], Mapping[str, Tensor]], own: Tensor) -> dict[str, Tensor]:
        """By score, ``auroc_NAME``: summed over ``own`` images, the share of the others that it says are stranger.

        Divided by the number of own images that is the AUROC, exactly, however they come in batches; a tie counts half.
        score: images, (N, C, H, W) of any size and colour, to scores by name, (N,), the larger, the stranger.
        """
        ood = score(self.image)
        return {
            f"auroc_{name}": torch.tensor((1 - share_above(_array(values), _array(ood[name]))).sum(), device=own.device)
            for name, values in score(own).items()
        }


def _array(scores: Tensor) -> np.ndarray:
    return scores.detach().double().cpu().numpy()
