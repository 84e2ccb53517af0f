"""The files of a card: found in the user's folder or fetched once, verified, unpacked.

The transfer is pooch's (a temporary name, renamed when whole). A published checksum is always held against the file.
Where a publisher gives none, the SHA-256 of the first fetch is written beside the file, and any later change is
refused: trust on first use, which cannot notice that the first fetch was already wrong.
"""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from ..errors import DataError
from ..untrusted.screen import Screen
from .unpacking import unpack

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

TIMEOUT_S = 30
"""Longest silence of a server before the next address is tried."""

MOST_BYTES = 50_000_000_000
"""Fetched of a file whose length the card does not say: twice the largest that a shipped card fetches."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class FileCard(BaseModel):
    """One file of a data set that is fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Name
    """What it is called in the data folder."""
    urls: tuple[Annotated[str, Field(pattern=r"^https?://")], ...] = ()
    """Where it is to be had, best first; none where a licence must be accepted by hand."""
    checksum: Annotated[str, Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")] | None = None
    """From its publisher, or from a library that has fetched it for years; absent if nobody gives one."""
    bytes: Annotated[int, Field(ge=1)] | None = None
    """Its exact length, if known."""
    holds: Name | None = None
    """Name of the file or folder that unpacking gives; where that exists, the archive is not needed."""
    needed: bool = True
    """False: the set is read without it too, with less said of its rows. It is fetched along with the others, and not
    asked for where these lie."""


def data_home() -> Path:
    """Where sets are fetched to: $SPARRING_DATA, or the user's cache folder."""
    import pooch

    return Path(os.environ.get("SPARRING_DATA") or pooch.os_cache("sparring")).expanduser().absolute()


def gather(
    dataset: str, files: tuple[FileCard, ...], folder: Path, *, may_fetch: bool, flag: str = "--data-path"
) -> None:
    """Afterwards every file (or what it holds) lies in ``folder``, verified. Raises DataError, one sentence.

    may_fetch: False for a folder of the user's: missing files are named, and nothing is downloaded into it. flag: the
    option by which the user says where the files lie.
    """
    packed = _packed(files, folder)
    missing = lacking(files, folder)
    if missing and not may_fetch:
        leave = f", or leave {flag} out to have it fetched" if all(file.urls for file in missing) else ""
        raise DataError(
            f"data set {dataset}: {flag} must hold {_wanted(missing)}, but {folder} does not; put it there{leave}"
        )
    if missing:
        missing = [file for file in packed if not (folder / file.name).is_file()]
    for row, file in enumerate(missing):
        _fetch(dataset, file, folder, missing[row:], flag)
    for file in packed:
        path = folder / file.name
        if not file.needed and not path.is_file():
            continue
        verify(path, file)
        if file.holds is not None:
            unpack(path, folder / file.holds)


def lacking(files: tuple[FileCard, ...], folder: Path) -> list[FileCard]:
    """The files that are needed and neither there nor unpacked."""
    return [file for file in _packed(files, folder) if file.needed and not (folder / file.name).is_file()]


def _packed(files: tuple[FileCard, ...], folder: Path) -> list[FileCard]:
    return [file for file in files if file.holds is None or not (folder / file.holds).exists()]


def verify(path: Path, file: FileCard) -> None:
    """Holds a file against its card, or against what it was when first fetched; DataError if it differs.

    A file whose length and times have not changed since it was last verified is not read again. The system's own time
    is one of them, because copying programs set the other back.
    """
    status = path.stat()
    if file.bytes is not None and status.st_size != file.bytes:
        raise DataError(
            f"{path}: it must be {file.bytes:,} bytes long, but got {status.st_size:,}; it is torn, so delete it and "
            "fetch it again"
        )
    beside = path.with_name(f".{path.name}.verified")
    seen = _read_record(beside)
    recorded = seen.get("checksum")
    expected = file.checksum or (recorded if isinstance(recorded, str) else None)
    now = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "ctime_ns": status.st_ctime_ns}
    if expected is not None and seen == {"checksum": expected, **now}:
        return
    digest = _digest(path, (expected or "sha256:").partition(":")[0])
    if expected is not None and digest != expected:
        whose = "the card says" if file.checksum else "it had when it was first fetched"
        raise DataError(f"{path}: its checksum must be what {whose}, {expected}, but got {digest}; {_way_out(beside)}")
    with suppress(OSError):  # a folder that is only to be read: it is verified again the next time
        beside.write_text(json.dumps({"checksum": digest, **now}) + "\n", encoding="utf-8")


def _fetch(dataset: str, file: FileCard, folder: Path, missing: list[FileCard], flag: str) -> None:
    """Downloads ``file`` into ``folder``. Raises DataError, which names every file that is ``missing``."""
    import pooch

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"data set {dataset}: it is fetched into {folder}, but that cannot be written to: {error.strerror}; set "
            f"SPARRING_DATA to another folder, or put the files somewhere and give {flag}"
        ) from error
    pooch.get_logger().setLevel("ERROR")  # else it announces each file, and each checksum that nobody published
    reason: Exception | None = None
    for url in file.urls:
        try:
            with _progress(dataset, file) as bar, ExitStack() as stack:
                loader = pooch.HTTPDownloader(
                    progressbar=bar,
                    timeout=TIMEOUT_S,
                    headers={"Accept-Encoding": "identity"},  # else a server may send a .gz that arrives unpacked
                    hooks={"response": [_stays_outside, _closes_with(stack)]},
                )
                pooch.retrieve(url, file.checksum, fname=file.name, path=folder, downloader=loader)
            return
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; ValueError: pooch got another checksum
            reason = error
    tried = f"it could not be fetched ({_reason(reason)})" if reason else "its licence must be accepted by hand"
    raise DataError(
        f"data set {dataset}: {tried}: get {_wanted(missing)}, put it into {folder}, and run the same command again, "
        f"or give the folder that holds it as {flag}"
    )


def _wanted(files: list[FileCard]) -> str:
    """What to get from where, in a phrase."""
    names = [
        f"{file.name}{f' (or {file.holds}, what it holds)' if file.holds else ''}"
        f"{' from ' if file.urls else ''}{' or '.join(file.urls)}"
        for file in files
    ]
    return " and ".join(names)


def _way_out(record: Path) -> str:
    return f"delete it to fetch it again; where the card has no checksum, delete {record.name} beside it to accept it"


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _read_record(path: Path) -> dict[str, object]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)


def _reason(error: Exception) -> str:
    """Why a file did not come, in a phrase.

    requests and urllib3 wrap the error of the system once or more and keep it as the cause, so its type decides; their
    own text runs over lines and names objects in memory.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):  # urllib3's NameResolutionError comes from it
        return "no such address, or no network"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "the server refused the connection"
    if any(isinstance(cause, OSError) and cause.errno in _NO_ROUTE for cause in causes):
        return "no network"
    if any(isinstance(cause, TimeoutError) for cause in causes):  # requests' ConnectTimeout and ReadTimeout
        return "the server is silent"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "no trusted connection to the server"
    if type(error) is ValueError:
        return "what came has another checksum than the card"
    return " ".join(str(error).split())[:120]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, one after the other."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _Closable(Protocol):
    def close(self) -> object: ...


def _closes_with(stack: ExitStack) -> Callable[..., None]:
    """A hook of requests. Where a transfer breaks off, pooch leaves the connection open."""

    def hold(response: _Closable, *_: object, **__: object) -> None:
        stack.callback(response.close)

    return hold


class _Answer(Protocol):
    """A server's, as requests has it."""

    is_redirect: bool
    url: str
    headers: Mapping[str, str]


def _stays_outside(response: _Answer, *_: object, **__: object) -> None:
    """A hook of requests: a server of the net may not send the reader on to one that only this machine sees."""
    if not response.is_redirect:
        return
    here, there = (urlsplit(address) for address in (response.url, urljoin(response.url, response.headers["location"])))
    if here.scheme == "https" and there.scheme != "https":
        raise OSError(f"it is led from https to {there.scheme}")
    if _is_inside(there.hostname) and not _is_inside(here.hostname):
        raise OSError(f"it is led to {there.hostname}, which only this machine's own network sees")


def _is_inside(host: str | None) -> bool:
    """Whether a host is this machine, or of its private network."""
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # the transfer says so
    return any(not ipaddress.ip_address(str(address).partition("%")[0]).is_global for address in addresses)


class _Bar:
    """Passes pooch's progress on to rich, and stops a transfer that brings more than the card announces."""

    def __init__(self, progress: Progress, task: TaskID, most: int | None) -> None:
        self._progress, self._task, self._most = progress, task, MOST_BYTES if most is None else most
        self._bound = "that are fetched where a card says no length" if most is None else "that the card announces"
        self._got = 0
        self.total = 0

    def update(self, n: int) -> None:
        self._got += n
        if self._got > self._most + (1 << 20):  # pooch counts whole blocks
            raise OSError(f"more than the {self._most:,} bytes {self._bound}")
        self._progress.update(self._task, total=self.total or self._most, completed=self._got)

    def reset(self) -> None:
        self._got = 0

    def close(self) -> None:
        """Nothing to do: the bar ends with its context."""


@contextmanager
def _progress(dataset: str, file: FileCard) -> Iterator[_Bar]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Screen(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{dataset}: {file.name}", total=file.bytes)
        yield _Bar(progress, task, file.bytes)
