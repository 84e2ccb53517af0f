"""The pictures of dashboards/README.md: `cd tests && python -m benchmarks.screens STUDY -o ../docs/dashboards`.

STUDY is the folder of a search that has ended, for TensorBoard. For the others a search of its system runs for a minute
and a half, with a Prometheus that scrapes it (and Grafana, where one is installed). Wants Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from support.browser import Browser

from sparring.display.dashboards import Running, collect_targets, plan_programs, ray_sessions
from sparring.ledger import read_study, spec_from_json

QUERIES = (
    "sparring:trials > 0",
    'ray_sparring_objective_now or ray_sparring_objective_best or ray_sparring_objective_default',
    "sparring:epochs_per_second",
    'ray_component_uss_bytes{Component=~"ray::(Slot|Referee).*"}',
)  # fmt: skip
"""Of the board's panels, what Prometheus' own page shows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("-o", dest="into", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=100.0, help="how long the search has run when it is drawn")
    parser.add_argument("--only", choices=("tensorboard", "search"))
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 32)  # of a Ray that lasts two minutes, on loopback
    with tempfile.TemporaryDirectory(prefix="screens-") as place:
        browser = Browser(Path(place) / "profile")
        try:
            if given.only != "search":
                draw_tensorboard(browser, given.study.resolve(), given.into, Path(place))
            if given.only != "tensorboard":
                draw_search(
                    browser,
                    spec_from_json(read_study(given.study)["spec"]).model,
                    given.into,
                    Path(place),
                    given.seconds,
                )
        finally:
            browser.close()


def draw_tensorboard(browser: Browser, study: Path, into: Path, place: Path) -> None:
    """The page Custom Scalars of a study."""
    shutil.copytree(study / "tensorboard", place / "results" / study.name / "tensorboard")
    with programs(place) as address_of:
        browser.look(width=1280, height=860)
        browser.open(f"{address_of['TensorBoard']}/?darkMode=false#custom_scalars")
        browser.wait_for("document.body.innerText.length > 0", 120)
        time.sleep(30)  # its pages are drawn in shadow trees, which no selector reaches
        browser.drag((1243, 97))  # closes the first group, which of a study with test rows has a point per look
        time.sleep(15)
        save(browser, into / "tensorboard.png")


def draw_search(browser: Browser, model: str, into: Path, place: Path, seconds: float) -> None:
    """Prometheus' page or the board, and Ray's pages, of a search that runs."""
    log = place / "log"
    command = [
        sys.executable,
        "-m",
        "sparring",
        "search",
        model,
        "--trials",
        "1000",
        "--results",
        str(place / "results"),
    ]
    with log.open("wb") as out, programs(place) as address_of:
        fast = {"RAY_metrics_report_interval_ms": "2000"}
        search = subprocess.Popen(command, stdout=out, stderr=out, cwd=place, env=os.environ | fast)
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                assert search.poll() is None, log.read_text()
                collect_targets(ray_sessions() or [], place / "keep" / "prometheus" / "targets")
                time.sleep(2)
            (ray,) = re.findall(r"Ray dashboard: (\S+)", log.read_text())
            browser.call(
                "Network.setExtraHTTPHeaders", headers={"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
            )
            browser.look(width=1400, height=760)
            browser.open(f"{ray}/#/actors")
            browser.wait_for("document.body.innerText.includes('Slot of')", 60)
            save(browser, into / "ray-actors.png")
            browser.open(f"{ray}/#/jobs/01000000")  # the first of a Ray
            browser.wait_for("document.body.innerText.includes(' epoch ')", 60)
            save(browser, into / "ray-tasks.png")
            browser.call("Network.setExtraHTTPHeaders", headers={})
            if "Grafana" in address_of:
                browser.open(f"{address_of['Grafana']}/d/sparring?kiosk&from=now-5m&to=now")
                time.sleep(20)
                save(browser, into / "board.png")
            asked = "&".join(
                f"g{number}.expr={urllib.parse.quote(query)}&g{number}.tab=0&g{number}.range_input=3m"
                for number, query in enumerate(QUERIES)
            )
            browser.look(width=1280, height=1500)
            browser.open(f"{address_of['Prometheus']}/graph?{asked}")
            time.sleep(15)
            save(browser, into / "prometheus.png")
        finally:
            search.terminate()
            search.wait(60)


@contextmanager
def programs(place: Path) -> Iterator[dict[str, str]]:
    """What is installed of the three, while the block lasts: addresses by name."""
    (place / "results").mkdir(exist_ok=True)
    planned = plan_programs(place / "results", place / "keep")
    addresses = {each.name: each.address.removesuffix("/d/sparring") for each in planned}
    with Running(planned, place / "keep"):
        for address in addresses.values():
            wait_for_answer(address)
        yield addresses


def wait_for_answer(address: str, seconds: float = 120) -> None:
    """Until something listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except OSError:
            assert time.monotonic() < until, f"{address} does not answer"
            time.sleep(0.5)


def save(browser: Browser, path: Path) -> None:
    """What is in sight, in 64 colours."""
    browser.shot(path, whole=False)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
