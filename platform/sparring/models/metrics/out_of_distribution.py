"""Images that are none of the model's own, kept beside it so that every epoch says how well its scores tell them."""

from __future__ import annotations

from collections.abc import Mapping

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

    def sums(self, own: Mapping[str, Tensor], ood: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By score, ``auroc_NAME``: summed over ``own`` images, the share of the others that it says are stranger.

        Divided by the number of own images that is the AUROC, exactly, however they come in batches; a tie counts half.
        own, ood: scores by name, (N,), of the images to be judged and of these; the larger, the stranger.
        """
        return {
            f"auroc_{name}": torch.tensor(
                (1 - share_above(_array(values), _array(ood[name]))).sum(), device=values.device
            )
            for name, values in own.items()
        }


def _array(scores: Tensor) -> np.ndarray:
    return scores.detach().double().cpu().numpy()
