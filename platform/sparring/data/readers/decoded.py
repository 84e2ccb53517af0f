"""Files decoded once into one map of bytes on disk, found again by what they were decoded from.

The map is a plain ``.npy``; beside it lies a JSON with the SHA-256 of its values, written last, so that its being there
means the map is whole. The key covers the form asked for and every file's path, length and times: another option or one
file more is another map. Of the times one is the system's own, which no copying program sets back: a file that was
replaced by another of its length and date is seen. ``sparring-cache`` beside the files holds them, and may be deleted
at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...resources import available_cpus
from ...untrusted.screen import Screen
from ..fetching import data_home

VERSION = 2
"""Part of a map's key; to be raised by any change in the readers that alters a pixel."""
BLOCK = 1024
"""Files that the threads decode at a time; memory holds one block, and the progress bar moves by blocks."""


def decode(
    folder: Path, files: Sequence[Path], shape: tuple[int, ...], make: Callable[[Path], np.ndarray], form: str = ""
) -> tuple[np.ndarray, str]:
    """A read-only memory map (files, *shape) of ``make`` of each file, and the SHA-256 of its bytes.

    form: what else than the shape ``make`` depends on. Raises whatever ``make`` raises, or DataError where the map has
    no room.
    """
    key = _key(folder, files, shape, form)
    for cache in _caches(folder):
        if known := _read_record(cache / f"{key}.json"):
            with suppress(OSError, ValueError):
                images = np.load(cache / f"{key}.npy", mmap_mode="r", allow_pickle=False)
                if images.shape == (len(files), *shape):
                    return images, known
    cache = _writable_cache(folder)
    needed = len(files) * int(np.prod(shape))
    if (free := shutil.disk_usage(cache).free) < needed + (1 << 20):
        raise DataError(
            f"{folder}: decoded, its {len(files):,} images take {needed:,} bytes, but {cache} has {free:,} left; make "
            "room, choose a smaller side, or set SPARRING_DATA to a larger disk"
        )
    descriptor, name = tempfile.mkstemp(prefix=".decoding-", suffix=".npy", dir=cache)
    os.close(descriptor)
    try:
        digest = _write(Path(name), files, shape, make)
        Path(name).replace(cache / f"{key}.npy")
        record = cache / f".{key}.{os.getpid()}"
        record.write_text(json.dumps({"sha256": digest, "rows": len(files)}) + "\n", encoding="utf-8")
        record.replace(cache / f"{key}.json")
    except OSError as error:
        raise DataError(f"{cache}: decoded images cannot be written there: {error.strerror or error}") from error
    finally:
        Path(name).unlink(missing_ok=True)
    return np.load(cache / f"{key}.npy", mmap_mode="r", allow_pickle=False), digest


def _write(path: Path, files: Sequence[Path], shape: tuple[int, ...], make: Callable[[Path], np.ndarray]) -> str:
    """Decodes into a new .npy, in order; the digest of its values."""
    from rich.progress import Progress

    digest = hashlib.sha256()
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(files), *shape))
    # Threads: Pillow lets go of Python's lock while it decodes and scales.
    with Progress(console=Screen(stderr=True), transient=True) as bar, ThreadPoolExecutor(available_cpus()) as pool:
        task = bar.add_task("decoding images once", total=len(files))
        for first in range(0, len(files), BLOCK):
            block = np.ascontiguousarray(np.stack(list(pool.map(make, files[first : first + BLOCK]))))
            images[first : first + len(block)] = block
            digest.update(block.data)
            bar.update(task, advance=len(block))
    images.flush()
    return digest.hexdigest()


def _key(folder: Path, files: Sequence[Path], shape: tuple[int, ...], form: str) -> str:
    digest = hashlib.sha256(f"{VERSION} {shape} {form}".encode())
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror}") from error
        stamps = f"{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
        digest.update(f"\0{file.relative_to(folder).as_posix()}\0{stamps}".encode())
    return digest.hexdigest()[:32]


def _caches(folder: Path) -> tuple[Path, Path]:
    """Where decoded images may lie: beside the files, or in the user's cache."""
    return folder / "sparring-cache", data_home() / "decoded"


def _writable_cache(folder: Path) -> Path:
    for cache in _caches(folder):
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            if os.access(cache, os.W_OK | os.X_OK):
                return cache
    raise DataError(
        f"{folder}: its images are decoded once into a file, but neither it nor {data_home()} can be written to; set "
        "SPARRING_DATA to a folder that can"
    )


def _read_record(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
