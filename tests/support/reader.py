"""Somebody who types what README.md and docs say, in one folder; and what the pages take as given there."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from support.in_process import conduct
from support.own import write_tutorial
from support.pages import Typed, shape
from support.promoted import candidate_of, staged
from support.served import put

from sparring.data import load_dataset
from sparring.production.handover.bundle import read_files
from sparring.production.registry import Registry

_RUN = uvicorn.Server.run
_ASIDE: list[tuple[uvicorn.Server, threading.Thread]] = []


def serve_aside(server: uvicorn.Server, sockets: list) -> None:
    """In place of ``uvicorn.Server.run``: serves from a thread of this process, until ``end_servers``."""
    copies = [each.dup() for each in sockets]
    thread = threading.Thread(target=_RUN, args=(server, copies), daemon=True)
    _ASIDE.append((server, thread))
    thread.start()
    while not server.started:
        time.sleep(0.01)


def end_servers() -> None:
    """Ends what ``serve_aside`` began, and waits for its threads."""
    while _ASIDE:
        server, thread = _ASIDE.pop()
        server.should_exit = server.force_exit = True
        thread.join(30)


def matching(table: Mapping[str, Any], text: str) -> Any:
    """What a table of patterns says of a command; None if nothing."""
    return next((told for pattern, told in table.items() if re.fullmatch(pattern, text)), None)


def write_given(folder: Path) -> None:
    """The reader's own files, by the names that the pages use: pairs in DIR, tables, a recording, a space, a module."""
    (folder / "DIR").mkdir()
    for row in range(60):
        (folder / "DIR" / f"m{row:02d}.xyz").write_text(f"3\n\nFe 0 0 0\nO 0 0 {1.9 + row / 100}\nO 0 1.8 0\n")
        points = "\n".join(f"{7110 + n} {np.tanh((n - 5) / (1 + row / 30)):.6f}" for n in range(12))
        (folder / "DIR" / f"m{row:02d}.txt").write_text(f"program\nenergy xanes\n{points}\n")
    rng = np.random.default_rng(0)
    table = "\n".join(
        ",".join(f"{value:.5f}" for value in row) for row in rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4))
    )
    for name in ("FILE.csv", "mine.csv"):
        (folder / name).write_text(f"height,width,mass,charge\n{table}\n")
    waves = np.sin(np.arange(4000)[:, None] / (9, 17)) + 0.1 * rng.normal(size=(4000, 2))
    (folder / "sensor.csv").write_text("left,right\n" + "\n".join(f"{a:.5f},{b:.5f}" for a, b in waves) + "\n")
    (folder / "narrow.toml").write_text("[search]\nlr_gen = { loguniform = [1e-3, 1e-2] }\n")
    pairs = load_dataset("exafs", options={"n": 60})
    columns = {"id": list(pairs.ids)} | {
        f"structure_{place}": column for place, column in enumerate(pairs.fields["structure"].T)
    }
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    write_tutorial(folder)


def put_in_production(study: Path, name: str) -> None:
    """The next version of a model in ``production``, without its checks."""
    bundle = study.parent.parent / "bundles" / name
    staged(candidate_of(study), bundle)
    put(Registry(address="production"), name, read_files(bundle))


class Reader:
    """Does as a page says, one command after the other; the folder is the current one.

    appended: words that make a command small. checked: commands that stop where Ray would start.
    """

    def __init__(
        self, run_verb: Callable[..., int], capture: pytest.CaptureFixture[str],
        appended: Mapping[str, str], checked: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.run_verb, self.capture, self.appended, self.checked = run_verb, capture, appended, checked
        self._now, self._server = "", ""

    def conduct(self, study: Any, *rest: Any, aside: str = "") -> int:
        """In place of ``sparring.cluster.session.conduct``."""
        return 0 if matching(self.checked, self._now) else conduct(study, *rest)

    def follow(self, typed: Typed) -> None:
        """Fails unless it works, and prints what the page shows, but for the numbers."""
        self._now = typed.text
        if typed.is_ours:
            appended = (matching(self.appended, typed.text) or "").replace("HERE", str(Path.cwd()))
            code = self.run_verb(*typed.words[1:], *appended.split())
            said = "".join(self.capture.readouterr())
            assert code == 0, f"{typed}: {typed.text}\n{said}"
            if typed.words[1] == "serve":
                self._server = re.search(r"127\.0\.0\.1:\d+", said)[0]
        elif typed.text.startswith("curl "):
            words = typed.text.replace("0.3, …", ", ".join(["0.3"] * 49)).replace("localhost:8000", self._server)
            said = subprocess.run(words, shell=True, capture_output=True, text=True, check=True).stdout
        else:
            structures = load_dataset("exafs", options={"n": 60}).fields["structure"][:5]
            exec(compile(typed.text, str(typed), "exec"), {"structures": structures})
            said = "".join(self.capture.readouterr())
        for part in (part for line in typed.prints for part in shape(line).split("…")):
            assert part.strip() in shape(said), f"{typed}: the page shows {part!r}, but it says\n{said}"
