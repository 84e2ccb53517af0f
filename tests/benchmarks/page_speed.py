"""Opening and filtering a page of very many trials in Chromium: seconds on the clock and of the processor.

    python tests/benchmarks/page_speed.py STUDY --trials 10000

The trials are STUDY's own, drawn again with other numbers and values 20 % around theirs, so that columns, curves and
words are a real study's. Writes them to a scratch folder, serves that, and opens the page several times. Every figure
is printed as median and range. ``opened`` counts from the click to the first drawing, the server's answer included;
``filter`` from a click on an outcome to the last plot in sight redrawn.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Browser  # noqa: E402

from sparring.ledger import read_attempts, read_epochs, read_trials  # noqa: E402
from sparring.report.dashboard import make_server  # noqa: E402

SPAWNED = 7
"""Times that the page is opened, and that each filter is pressed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="page-speed-") as scratch:
        folder = grow(options.study, Path(scratch) / options.study.name, options.trials)
        server, address = make_server(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = Browser(Path(scratch) / "chromium")
        browser.look(width=1280, height=900)
        browser.call("Performance.enable", timeDomain="threadTicks")
        try:
            print(json.dumps(measure(browser, address), indent=2))
        finally:
            browser.close()
            server.shutdown()


def measure(browser: Browser, address: str) -> dict[str, object]:
    opened, worked, sent = [], [], []
    for turn in range(SPAWNED + 1):
        browser.open("about:blank")
        before = busy(browser)
        browser.open(address)
        browser.wait_for("document.documentElement.dataset.opened && study.rows", 300)
        if turn:  # the first one makes the server read the Parquet files
            opened.append(float(browser.evaluate("document.documentElement.dataset.opened")))
            worked.append(1000 * (busy(browser) - before))
            sent.append(browser.evaluate("performance.getEntriesByType('resource')[0].encodedBodySize"))
    browser.wait_for("study.head?.checks", 600)
    time.sleep(3)
    filtered, cpu = [], []
    for _ in range(SPAWNED):
        for outcome in ("completed", "pruned"):
            before = busy(browser)
            browser.evaluate(f"document.querySelector('[data-outcome={outcome}]').click()")
            cpu.append(1000 * (busy(browser) - before))
            filtered.append(float(browser.evaluate("document.documentElement.dataset.filtered")))
            browser.evaluate("clearFilter()")
            filtered.append(float(browser.evaluate("document.documentElement.dataset.filtered")))
    return {
        "trials": browser.evaluate("study.rows"),
        "opened ms": spread(opened),
        "opening, processor ms of the page's thread": spread(worked),
        "bytes of the rows": max(sent),
        "filter ms": spread(filtered),
        "filter, processor ms of the page's thread": spread(cpu),
        "errors": browser.errors,
    }


def busy(browser: Browser) -> float:
    """Seconds of the processor that the page's main thread has had."""
    metrics = {each["name"]: each["value"] for each in browser.call("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values)), "low": round(min(values)), "high": round(max(values))}


def grow(study: Path, folder: Path, count: int) -> Path:
    """A copy of the study with ``count`` trials."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    shutil.copy(study / "study.json", folder)
    trials, attempts, epochs = (read(study).table for read in (read_trials, read_attempts, read_epochs))
    numbers = np.asarray(trials["trial"].to_numpy())
    drawn = np.concatenate([np.arange(len(numbers)), rng.integers(0, len(numbers), count - len(numbers))])
    stretch = rng.lognormal(0, 0.2, count)
    table = trials.take(pa.array(drawn))
    table = put(table, "trial", pa.array(range(count), table.schema.field("trial").type))
    for name in ("value", *(each for each in table.column_names if each.startswith("param."))):
        kind = table.schema.field(name).type
        if pa.types.is_floating(kind):
            table = put(
                table, name, pa.array(table[name].to_numpy(zero_copy_only=False) * stretch, kind, from_pandas=True)
            )
    table = put(table, "seq", pa.array(range(1, count + 1), table.schema.field("seq").type))
    write(table, folder / "trials", count)
    for name, old in (("attempts", attempts), ("epochs", epochs)):
        of = old["trial"].to_numpy()
        places = [np.flatnonzero(of == number) for number in numbers]
        rows = np.concatenate([places[each] for each in drawn])
        trial = np.repeat(np.arange(count), [len(places[each]) for each in drawn])
        grown = old.take(pa.array(rows))
        grown = put(grown, "trial", pa.array(trial, old.schema.field("trial").type))
        grown = put(grown, "seq", pa.array(1 + trial % count, old.schema.field("seq").type))
        if name == "epochs":
            grown = put(grown, "value", pa.array(grown["value"].to_numpy() * stretch[trial], pa.float64()))
        write(grown, folder / name, count)
    return folder


def put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def write(table: pa.Table, folder: Path, seq: int) -> None:
    """As the ledger names a merged part: by its last sequence number and its checksum."""
    folder.mkdir()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data = sink.getvalue().to_pybytes()
    (folder / f"{seq:08d}-merged-{zlib.crc32(data):08x}.parquet").write_bytes(data)


if __name__ == "__main__":
    main()
