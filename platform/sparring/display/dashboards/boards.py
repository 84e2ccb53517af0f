"""Ray's own boards for Grafana, gathered beside ours.

Ray writes its boards anew whenever it starts, each session into a folder of its own. Its dashboard shows one of them in
its tab Metrics, by an identity that may be told; told ours, it shows our board, and writes its own under that identity
too. Grafana takes neither of two boards of one identity, so that one is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

UID = "sparring"
"""Of our board, ``dashboards/grafana/sparring.json``."""

RAY_SETTINGS: Mapping[str, str] = {"RAY_GRAFANA_DEFAULT_DASHBOARD_UID": UID}
"""With these in its environment, beside Grafana's address, Ray's dashboard shows our board in its tab Metrics."""


def collect_boards(folders: Iterable[Path], into: Path) -> int:
    """Copies the boards of these Rays into one folder; how many lie there.

    folders: sessions or temp folders. Of boards of one identity the first counts.
    """
    boards: dict[str, str] = {}
    given = os.environ.get("RAY_METRICS_GRAFANA_DASHBOARD_OUTPUT_DIR")
    places = [each / session / "metrics/grafana/dashboards" for each in folders for session in ("", "session_latest")]
    for place in [*([Path(given)] if given else []), *places]:
        for path in sorted(place.glob("*.json")):
            with suppress(OSError, ValueError, KeyError, TypeError):  # half written, or no board
                text = path.read_text(encoding="utf-8")
                boards.setdefault(str(json.loads(text)["uid"]), text)
    boards.pop(UID, None)
    into.mkdir(parents=True, exist_ok=True)
    for number, (_, text) in enumerate(sorted(boards.items())):
        path = into / f"ray-{number}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            aside = into / f".{os.getpid()}.tmp"
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)
    return len(boards)
