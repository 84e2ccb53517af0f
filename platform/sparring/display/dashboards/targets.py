"""What Prometheus is to scrape: every Ray on this machine keeps a list of its cluster's nodes, and these are gathered.

Prometheus itself looks for such lists by a pattern in one folder, but Ray writes one per session, each in a folder of
its own, wherever ``--temp-dir`` or RAY_TMPDIR put that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LIST = "prom_metrics_service_discovery.json"
"""Ray's name for it; in the session's folder, and a link to the newest session's in the folder above."""

PROCESSES = Path("/proc")


def ray_sessions(processes: Path = PROCESSES) -> list[Path] | None:
    """Session folders of the Ray heads that run on this machine; None where the system does not show command lines."""
    if not (processes / "self" / "cmdline").exists():
        return None
    found = set()
    for path in processes.glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended, or belongs to somebody else
            words = path.read_bytes().decode("utf-8", "replace").split("\0")
            if words[0].endswith("gcs_server"):
                found |= {Path(word.partition("=")[2]) for word in words if word.startswith("--session-dir=")}
    return sorted(found)


def collect_targets(folders: Iterable[Path], into: Path) -> int:
    """Copies the lists of these folders into one, each under a name of its own; what is gone there goes here. How many.

    folders: sessions or temp folders. Two that list the same nodes count once.
    """
    lists: dict[str, str] = {}
    for folder in folders:
        with suppress(OSError, ValueError, KeyError, TypeError):  # not written yet, or half removed
            text = (folder / LIST).read_text(encoding="utf-8")
            nodes = {target for each in json.loads(text) for target in each["targets"]}
            if nodes:
                lists.setdefault("-".join(sorted(nodes)), text)
    wanted = {f"ray-{number}.json": text for number, (_, text) in enumerate(sorted(lists.items()))}
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("ray-*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        if not (into / name).exists() or (into / name).read_text(encoding="utf-8") != text:
            aside = into / f".{os.getpid()}.tmp"
            aside.write_text(text, encoding="utf-8")
            aside.replace(into / name)
    return len(wanted)
