"""Images on their way into a model: bytes to numbers, sizes, colours, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.errors import DataError
from sparring.models.blocks.images import Images, to_bytes


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_bytes_become_intensities_and_come_back() -> None:
    image = noise(3, 1, 8, 8)
    for signed in (False, True):
        images = Images(1, 8, is_signed=signed)
        x = images(image)
        torch.testing.assert_close(images.inverse(x), image / 255, rtol=0, atol=1e-6)
        assert x.min() < (-0.9 if signed else 0.1)
        assert to_bytes(images.inverse(x)).equal(image)
    assert to_bytes(torch.tensor([-1.0, 2.0])).tolist() == [0, 255]
    torch.testing.assert_close(Images(1, 8)(image / 255), Images(1, 8)(image))


@pytest.mark.parametrize(("old", "new"), [(8, 32), (28, 16), (10, 10)])
def test_resizing_is_pillows_bilinear(old: int, new: int) -> None:
    image = noise(2, 1, old, old)
    pillow = [
        np.asarray(Image.fromarray(each[0].numpy().astype(np.float32)).resize((new, new), Image.Resampling.BILINEAR))
        for each in image
    ]
    torch.testing.assert_close(Images(1, new)(image)[:, 0] * 255, torch.from_numpy(np.stack(pillow)), rtol=0, atol=0.01)


def test_padding_centres_on_black() -> None:
    image = noise(2, 1, 6, 7) | 1
    x = Images(1, 10, fit="pad")(image)
    torch.testing.assert_close(x[:, :, 2:8, 1:8], image / 255)
    assert (x > 0).sum() == 2 * 6 * 7
    assert Images(1, 10, fit="pad", is_signed=True)(image).min() == -1
    with pytest.raises(DataError, match=r"must not be larger, but got \(6, 12\); set image_fit"):
        Images(1, 10, fit="pad")(noise(2, 1, 6, 12))


def test_colour_becomes_grey_as_pillow_has_it_and_grey_becomes_colour() -> None:
    image = noise(2, 3, 5, 5)
    grey = [np.asarray(Image.fromarray(each.permute(1, 2, 0).numpy()).convert("L")) for each in image]
    torch.testing.assert_close(
        Images(1, 5)(image)[:, 0] * 255, torch.from_numpy(np.stack(grey)).float(), rtol=0, atol=1
    )
    assert Images(3, 5)(noise(2, 1, 5, 5)).shape == (2, 3, 5, 5)
    assert Images(3, 5)(noise(2, 1, 5, 5))[:, 2].equal(Images(1, 5)(noise(2, 1, 5, 5))[:, 0])


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 2, 8, 8), (2, 64)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"image: a sample is an image of 1 or 3 channels, height and width, but got"):
        Images(1, 8)(noise(*shape))


def test_the_order_in_memory_is_one_whatever_came_in() -> None:
    straight = noise(4, 1, 8, 8)
    turned = straight.reshape(4, 8, 1, 8).transpose(1, 2)
    assert turned.stride() != straight.stride()
    for image in (straight, turned, turned / 255):
        assert Images(1, 8)(image).stride() == (64, 64, 8, 1)
