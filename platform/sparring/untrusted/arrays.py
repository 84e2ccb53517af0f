"""Arrays of strangers, in NumPy's own format: a header may not announce more than the file holds."""

from __future__ import annotations

import math
from typing import IO

import numpy as np
from numpy.lib import format as npy


def check_npy(file: IO[bytes], size: int) -> None:
    """Raises ValueError unless the values that the header announces lie in the file. Leaves it at its start.

    file: seekable, at its start. size: its bytes. ``np.load`` first makes room for what is announced, and ends in a
    MemoryError, an OverflowError or in gigabytes. Objects are left to it, which refuses them.
    """
    major, _ = npy.read_magic(file)
    read = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}.get(major)
    if read is None:
        raise ValueError(f"its format is {major}, but that of numbers is 1 or 2")
    shape, _, dtype = read(file)
    needed, follow = math.prod(shape) * max(dtype.itemsize, 1), size - file.tell()
    if not dtype.hasobject and (min(shape, default=0) < 0 or needed > follow):
        raise ValueError(f"its header announces {needed:,} bytes of shape {shape}, but {follow:,} follow")
    file.seek(0)


def read_npy(file: IO[bytes], size: int) -> np.ndarray:
    """The array of a .npy, no objects. file, size: as ``check_npy``. Raises ValueError, or OSError if it is cut."""
    check_npy(file, size)
    array: np.ndarray = npy.read_array(file, allow_pickle=False)
    return array
