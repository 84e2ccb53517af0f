"""The dashboard's server: pages and rows of studies, to this machine alone, to whoever has the token, by GET alone."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pyarrow.compute as pc

from ...display import clean
from ...errors import NothingToReport, SparringError, UsageError
from ...ledger import STUDY_FILE, read_study, spec_from_json
from ...ledger.notes import NOTES
from ...ledger.parts import list_parts
from ...ledger.schema import to_attempt_rows
from ...space.dimension_toml import read_dimension
from ...space.toml_file import table_of
from ..formats import finite
from ..overview import list_studies
from ..reading import read_report
from .columns import columns_of
from .document import make_document
from .head import about, head_of, notes_for_page
from .tables import StudyTables
from .trial import details_of

GROWTH = 1.05
"""What takes seconds is made anew once there are so many times the trials it was made of."""


class FollowedStudy:
    """A study that somebody looks at. Its rows are read when asked for, what takes seconds in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        document = read_study(folder)
        self.folder, self.spec = folder, spec_from_json(document["spec"])
        searched = table_of(self.spec.space, "search").items()
        dimensions = [read_dimension(name, table, f"{self.spec.name}: search.{name}") for name, table in searched]
        self.about = about(self.spec, document, dimensions)
        self.tables = StudyTables(folder, self.spec.objective.metric)
        self.head: Mapping[str, Any] = {}
        self.version = 0
        self._made_of = 0
        self._raced: list[str] = []
        self._noted = _stamp(folder)
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def rows_since(self, seq: int, version: int) -> dict[str, Any] | None:
        """What came after ``seq``, and the words if there are newer ones; None if nothing is new."""
        with self._lock:  # one reader at a time: a second page must not read the same parts again
            self.tables.poll()
            ended = len(self.tables.trials.table)
            answer = columns_of(self.tables, seq) if self.tables.seq > seq else None
        raced = list_parts(self.folder / "retrainings")[1]
        is_old = not self._made_of or ended >= self._made_of * GROWTH or raced != self._raced
        if ended and is_old and self._making.acquire(blocking=False):
            threading.Thread(target=self._make_head, args=(ended, raced), daemon=True).start()
        if (stamp := _stamp(self.folder)) != self._noted:
            self._noted, self.version = stamp, self.version + 1
        if self.version > version:
            notes = notes_for_page(self.folder)
            answer = {**(answer or {"seq": seq}), "head": self.head, "notes": notes, "version": self.version}
        if answer is not None and seq == 0:
            answer["about"] = self.about
        elif answer is None and seq == 0:
            return {"seq": 0, "about": self.about}
        return answer

    def trial(self, number: int) -> dict[str, Any]:
        """One trial in full. Raises ValueError if it has not begun."""
        with self._lock:
            self.tables.poll()
            table = self.tables.attempts.table.filter(pc.field("trial") == number)
        if not len(table):
            raise ValueError(f"trial {number} has not begun")
        row = to_attempt_rows(table)[-1]
        return details_of(self.folder, self.spec, {number: row.params})[number]

    def _make_head(self, ended: int, raced: list[str]) -> None:
        try:
            self._raced = raced
            self.head = head_of(read_report(self.folder, yardsticks=False, cached=True))
            self._made_of, self.version = ended, self.version + 1
        except NothingToReport:
            pass
        except Exception as error:  # said on the page, which goes on without: nobody else would hear of it
            self.head = {"notes": [f"what is said in words could not be made: {clean(str(error))}"]}
            self._made_of, self.version = ended, self.version + 1
        finally:
            self._making.release()


def _stamp(folder: Path) -> tuple[int, int]:
    """Changes with every note."""
    try:
        found = (folder / NOTES).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class Dashboard:
    """The studies below a folder, or one study, and the token that opens them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_one = (folder / STUDY_FILE).exists()
        self.token = secrets.token_urlsafe(16)
        self._studies: dict[str, FollowedStudy] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The studies there are."""
        if self.is_one:
            return [self.folder.name]
        return sorted(path.parent.name for path in self.folder.glob(f"*/{STUDY_FILE}"))

    def study(self, name: str) -> FollowedStudy | None:
        """The study of this name, None if there is none. Raises SparringError if it cannot be read."""
        if name not in self.names():
            return None
        with self._lock:
            if name not in self._studies:
                self._studies[name] = FollowedStudy(self.folder if self.is_one else self.folder / name)
            return self._studies[name]

    def answer(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, str, bytes, str]:
        """Status, type, content and policy of an answer. path: below the token."""
        if path == "":
            if self.is_one:
                return HTTPStatus.FOUND, "text/plain", f"{quote(self.folder.name)}/".encode(), ""
            page, policy = make_document("Studies")
            return HTTPStatus.OK, "text/html; charset=utf-8", page.encode(), policy
        if path == "studies":
            rows = [
                dict(zip(("name", "model", "dataset", "trials", "best", "written"), row, strict=True))
                for row in list_studies(self.folder)
            ]
            return HTTPStatus.OK, "application/json", json.dumps(rows).encode(), ""
        name, _, rest = path.partition("/")
        study = self.study(unquote(name)) if rest in ("", "rows", "trial") else None
        if study is None:
            return HTTPStatus.NOT_FOUND, "text/plain", b"no such study here", ""
        if rest == "":
            page, policy = make_document(study.spec.name)
            return HTTPStatus.OK, "text/html; charset=utf-8", page.encode(), policy
        if rest == "trial":
            content = json.dumps(finite(study.trial(int(query.get("number", ["0"])[0]))), allow_nan=False)
            return HTTPStatus.OK, "application/json", content.encode(), ""
        seq, version = (int(query.get(key, ["0"])[0]) for key in ("since", "version"))
        rows_or_none = study.rows_since(seq, version)
        if rows_or_none is None:
            return HTTPStatus.NO_CONTENT, "application/json", b"", ""
        return HTTPStatus.OK, "application/json", json.dumps(rows_or_none, allow_nan=False).encode(), ""


class Handler(BaseHTTPRequestHandler):
    """Answers GET below the token; everything else is refused alike."""

    server_version, sys_version = "sparring", ""
    protocol_version = "HTTP/1.1"
    hosts: ClassVar = ("127.0.0.1", "localhost")

    def __init__(self, dashboard: Dashboard, *arguments: Any) -> None:
        self.dashboard = dashboard
        super().__init__(*arguments)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        token, _, path = parts.path.removeprefix("/").partition("/")
        # A name of somebody else's that leads to 127.0.0.1 must not read here: the browser sends it as Host.
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in self.hosts or not secrets.compare_digest(token.encode(), self.dashboard.token.encode()):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"open the address that sparring dashboard printed", "")
            return
        try:
            self._send(*self.dashboard.answer(path, parse_qs(parts.query)))
        except (SparringError, OSError, ValueError, OverflowError) as error:
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", clean(str(error)).encode(), "")

    def _send(self, status: int, kind: str, content: bytes, policy: str) -> None:
        self.send_response(status)
        if status == HTTPStatus.FOUND:
            self.send_header("Location", content.decode())
        headers = {
            "Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store",
            "Content-Security-Policy": policy or "default-src 'none'", "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: requests come every second."""


def make_server(folder: Path, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server that is bound and does not answer yet, and the address that opens it. Raises UsageError."""
    dashboard = Dashboard(folder)
    if not dashboard.names():
        raise UsageError(f"{folder}: a dashboard shows a study or a folder of studies, but there is none; search first")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, dashboard))
    except OSError as error:
        raise UsageError(f"--port: {port} cannot be had: {error.strerror}; choose another, or 0 for any") from error
    server.daemon_threads = True
    name = f"{quote(dashboard.names()[0])}/" if dashboard.is_one else ""
    return server, f"http://127.0.0.1:{server.server_address[1]}/{dashboard.token}/{name}"
