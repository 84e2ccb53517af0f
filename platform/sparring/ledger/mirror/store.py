"""One study's files at an address of ``pyarrow.fs``: s3://, gs://, hdfs://, abfs://, file:/// or a local path.

Names are relative to ADDRESS/<study>, such as ``trials/00000042-t00007-a1-5f3a9c01.parquet``. Credentials come from the
environment that each file system's own tools read; an address that carries some is refused and never repeated.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import uuid
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa

from ...errors import UsageError
from ..checkpoints import read_checkpoint_name
from ..disk import digest
from ..parts import sequence_of
from ..schema import KEYS
from ..study_json import STUDY_FILE
from ..weights import read_weights_name

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

CHECK_S = 30.0
"""How long the first file may take; Google's client alone would try for 15 minutes."""

AT_ONCE = 8
"""Requests at a time where many files are fetched or deleted; each waits for the network, not for this machine."""

_OBJECTS = {"abfs", "gcs", "s3"}
"""Types of file system where a file appears under its name only when its upload has ended."""

FAILURES = (OSError, pa.ArrowException)
"""What a file system raises; FileNotFoundError among them."""


def is_mirrored(name: str) -> bool:
    """Is it one of the immutable files that a mirror holds?"""
    folder, _, file = name.rpartition("/")
    return name == STUDY_FILE or (folder in KEYS and sequence_of(file) > 0) or sha256_of(name) is not None


def sha256_of(name: str) -> str | None:
    """The first 16 digits, which the name of a checkpoint or of weights holds; None for any other name."""
    checkpoint = read_checkpoint_name(name)
    return read_weights_name(name) if checkpoint is None else checkpoint.sha256


def is_sound(name: str, data: bytes) -> bool:
    """Do the bytes have the checksum in the name? ``study.json`` carries its own."""
    if (expected := sha256_of(name)) is not None:
        return digest(data) == expected
    return name == STUDY_FILE or f"-{zlib.crc32(data):08x}.parquet" == name[-17:]


class Store:
    """The files of one study at an address. Raises UsageError if no file system takes the address."""

    def __init__(self, address: str, study: str, flag: str = "--mirror") -> None:
        """flag: the one by which the user says the address."""
        self._flag = flag
        self._own = f"{socket.gethostname()}-{os.getpid()}"
        """Of a half-written file's name: two heads may write the same one at the same moment."""
        self.files, path = open_address(address, flag)
        self.base = f"{path.rstrip('/')}/{study}"
        self.address = f"{without_secrets(address).rstrip('/')}/{study}"
        """The address as messages may show it: without the query."""

    @property
    def local(self) -> Path | None:
        """The folder, if it is one of this machine."""
        return Path(self.base) if self.files.type_name == "local" else None

    def check(self) -> None:
        """Writes a small file and removes it. Raises UsageError if that cannot be, or takes longer than CHECK_S."""
        outcome: list[BaseException | None] = []

        def probe() -> None:
            try:
                name = f".{uuid.uuid4().hex}"  # another head may look at the same moment
                self.write(name, b"sparring")
                self.delete([name])
                outcome.append(None)
            except BaseException as error:  # handed to the caller's thread
                outcome.append(error)

        thread = threading.Thread(target=probe, daemon=True, name="mirror-check")
        thread.start()
        thread.join(CHECK_S)
        if not outcome:
            raise UsageError(
                f"{self._flag}: {self.address} must take files, but did not answer within {CHECK_S:g} s; "
                "check the address and the network"
            )
        if isinstance(outcome[0], FAILURES):
            raise UsageError(
                f"{self._flag}: {self.address} must take files, but: {reason(outcome[0])}; make the bucket or folder, "
                "get leave to write there, or choose another address"
            ) from outcome[0]
        if outcome[0] is not None:
            raise outcome[0]

    def sizes(self) -> dict[str, int]:
        """Name -> bytes of all that ``is_mirrored``; other people's files are left out."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self.base, recursive=True, allow_not_found=True)
        sizes = {
            info.path.removeprefix(f"{self.base}/"): info.size
            for info in self.files.get_file_info(selector)
            if info.type is FileType.File
        }
        return {name: size for name, size in sizes.items() if is_mirrored(name)}

    def times(self, folder: str) -> dict[str, float]:
        """By name in ``folder``, when each file was written, in seconds of the file system's own clock."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(f"{self.base}/{folder}", allow_not_found=True)
        found = [info for info in self.files.get_file_info(selector) if info.type is FileType.File]
        return {info.base_name: (info.mtime_ns or 0) / 1e9 for info in found}

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError, OSError."""
        with self.files.open_input_file(f"{self.base}/{name}") as stream:
            data: bytes = stream.read()
        return data

    def read_many(self, names: Iterable[str]) -> dict[str, bytes]:
        names = list(names)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(names, pool.map(self.read, names), strict=True))

    def write(self, name: str, data: bytes) -> None:
        """Puts a file there, whole or not at all. Raises OSError."""
        path = f"{self.base}/{name}"
        folder, _, file = path.rpartition("/")
        target = path
        if self.files.type_name not in _OBJECTS:
            self.files.create_dir(folder, recursive=True)
            target = f"{folder}/.{file}.{self._own}.tmp"
        with self.files.open_output_stream(target) as stream:
            stream.write(data)
        if target != path:
            self.files.move(target, path)
        size = self.files.get_file_info(path).size
        if size != len(data):
            raise OSError(errno.EIO, f"{name} has {size} bytes there instead of {len(data)}")

    def delete(self, names: Iterable[str]) -> None:
        """Removes files; one that is gone already is no error. Raises OSError."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._delete, names))

    def _delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.files.delete_file(f"{self.base}/{name}")


def reason(error: BaseException) -> str:
    """The first line of what a file system says, without details and the request's number, as a part of a sentence."""
    line = (str(error).splitlines() or [""])[0] or type(error).__name__
    return re.sub(r" *\(Request ID: [^)]*\)|[;.] Details?: .*", "", line)[:300].rstrip(" .")


def without_secrets(address: str) -> str:
    """The address without what may be secret: its query, and what stands before an @."""
    return re.sub(r"//.*@", "//…@", address.partition("?")[0])


def open_address(address: str, flag: str) -> tuple[FileSystem, str]:
    """The file system of an address, and the path in it. Raises UsageError, which begins with ``flag``."""
    from pyarrow import fs

    if _has_credentials(address):
        raise UsageError(
            f"{flag}: an address holds no credentials, but got {without_secrets(address)}; give them as the file "
            "system's own tools take them, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        )
    example = "give an absolute path or a URI such as s3://bucket/prefix, gs://bucket/prefix, file:///folder"
    try:
        files, path = fs.FileSystem.from_uri(address)
    except pa.ArrowException as error:
        complaint = reason(error).replace(address, without_secrets(address))
        shown = without_secrets(address) or "an empty address"
        raise UsageError(f"{flag}: {shown} is none: {complaint}; {example}") from error
    except OSError as error:
        raise UsageError(
            f"{flag}: {without_secrets(address)} cannot be opened: {reason(error)}; check the address"
        ) from error
    if not path:
        raise UsageError(f"{flag}: {without_secrets(address)} names no bucket; {example}")
    query = dict(parse_qsl(urlsplit(address).query))
    if files.type_name == "s3" and query.keys() <= {"endpoint_override", "region", "scheme"}:
        # One from a URI tries ten times, 100 s with a server that never answers; one built here three times.
        files = fs.S3FileSystem(**{**query, "region": files.region})
    return files, path


def _has_credentials(address: str) -> bool:
    """Whether there is a colon before the last @, or an @ in the host; a secret may hold slashes."""
    scheme, separator, rest = address.partition("?")[0].partition("://")
    before, at_sign, _ = rest.rpartition("@")
    if not separator or not at_sign or scheme == "file":
        return False
    in_host = "@" in rest.partition("/")[0] and scheme not in ("abfs", "abfss")  # container@account is the host there
    return ":" in before or in_host
