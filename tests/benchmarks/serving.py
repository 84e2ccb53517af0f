"""Is a request lost or mixed while versions switch under load, how fast are answers, how soon does a switch show?

    python tests/benchmarks/serving.py production/aegan --requests 100000 --switches 20 --study results/aegan-exafs

Two versions of the model, which answer differently, lie in a registry of its own; a server in a process of its own
answers callers in this one, while the registry rolls back and forth. Every answer must be that of the version it names.
With --study, the study that the model came from, ``sparring promote`` then puts it there once more, and what passes
from that command to the first answer of its version is measured. Beside it a bare uvicorn handler that calls the same
net, without checks, limits or batches. Results go to docs/log.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from safetensors.torch import load as read_weights
from safetensors.torch import save as pack_weights

import sparring
from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry
from sparring.production.registry.opening import find

ROWS = 64
"""Different questions of one row each."""
BARE = """
import asyncio, json, socket, sys, torch, uvicorn, sparring
model = sparring.load(sys.argv[1]).loaded.model
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    field, rows = next(iter(json.loads(body)["rows"].items()))
    answer = model.predict({field: torch.tensor(rows)})
    packed = json.dumps({name: values.tolist() for name, values in answer.items()}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": packed})
listener = socket.create_server(("127.0.0.1", 0))
print(f"bare at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
"""


def two_versions(place: str, folder: Path) -> Registry:
    """The model's current version, and the same with every bias moved by 0.01, which is current at the end."""
    found = find(place)
    files = found.registry.read(found.name, found.version)
    registry = Registry(address=str(folder))
    for by in (0.0, 0.01):
        state = read_weights(files["model.safetensors"])
        moved = {name: values + by if name.endswith("bias") else values for name, values in state.items()}
        packed = {**files, "model.safetensors": pack_weights(moved)}
        registry.promote("model", lambda version, packed=packed: seal("model", version, packed),
                         seen=registry.current("model"))  # fmt: skip
    return registry


class Server:
    """A process that prints its address; ended when the context is."""

    def __init__(self, *command: str) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        line = self._process.stdout.readline()
        self.port = int(re.search(r":(\d+)$", line.strip())[1])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6


def ask(connection: http.client.HTTPConnection, body: bytes) -> dict:
    connection.request("POST", "/predict", body, {"content-type": "application/json"})
    response = connection.getresponse()
    data = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {data[:200]!r}")
    return json.loads(data)


def load(port: int, bodies: list[bytes], count: int, callers: int, check) -> tuple[list[float], list[str]]:
    """(milliseconds of each request, what went wrong). check: (number of the question, answer) → a fault or nothing."""
    times: list[list[float]] = [[] for _ in range(callers)]
    wrong: list[str] = []

    def call(caller: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for turn in range(count // callers):
            number = (caller + turn) % len(bodies)
            started = time.perf_counter()
            try:
                answer = ask(connection, bodies[number])
            except Exception as error:  # a lost request, however it was lost
                wrong.append(f"lost: {type(error).__name__}: {error}")
                connection.close()
                continue
            times[caller].append((time.perf_counter() - started) * 1000)
            if fault := check(number, answer):
                wrong.append(fault)

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for one in times for each in one], wrong


def promoted_s(study: Path, registry: Registry, port: int, body: bytes) -> float:
    """Seconds from the command ``sparring promote`` to the server's first answer by the version that it made."""
    before = registry.current("model").version
    command = [
        sys.executable, "-m", "sparring", "promote", str(study), "--to", registry.address, "--name", "model",
        "--no-yardsticks", "--force", "a benchmark",
    ]  # fmt: skip
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while ask(connection, body)["version"] == before:
            if process.poll():
                raise SystemExit(f"sparring promote ended with {process.returncode}")
            time.sleep(0.02)
        return time.perf_counter() - started


def said(name: str, times: list[float], wall_s: float) -> str:
    p50, p99 = np.quantile(times, [0.5, 0.99])
    rate = f"{len(times):,} answers in {wall_s:.1f} s, {len(times) / wall_s:.0f}/s"
    return f"{name}: {rate}; p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--study", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        registry = two_versions(asked.place, Path(place))
        models = {version: sparring.load(f"{place}/model", version) for version in (1, 2)}
        takes = models[1].schema.verbs["predict"].inputs[0]
        shape = models[1].schema.field(takes).shape
        rows = np.random.default_rng(0).random((ROWS, *shape), dtype=np.float32)
        known = {version: model.predict({takes: rows}).values for version, model in models.items()}
        bodies = [json.dumps({"rows": {takes: rows[number : number + 1].tolist()}}).encode() for number in range(ROWS)]
        seen: list[int] = []

        def check(number: int, answer: dict) -> str:
            seen.append(answer["version"])
            for name, values in answer["values"].items():
                truth = known[answer["version"]][name][number]
                if np.abs(np.array(values)[0] - truth).max() > 1e-5 * np.abs(truth).max():
                    return f"mixed: question {number} by version {answer['version']}"
            return ""

        with Server(
            sys.executable, "-m", "sparring", "serve", f"{place}/model", "--port", "0", "--watch", "0.2"
        ) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            ask(connection, bodies[0])
            print(f"server: first answer {time.perf_counter() - server.started:.2f} s after its command")
            delays, is_over = [], threading.Event()

            def switch() -> None:
                for number in range(asked.switches):
                    to = 1 + number % 2
                    registry.roll_back("model", to)
                    connection.close()  # it may have been idle for so long that the server closed it
                    started = time.perf_counter()
                    while ask(connection, bodies[0])["version"] != to:
                        time.sleep(0.005)
                    delays.append(time.perf_counter() - started)
                    while len(seen) < asked.requests * (number + 1) / (asked.switches + 1) and not is_over.is_set():
                        time.sleep(0.01)

            switcher = threading.Thread(target=switch)
            started = time.perf_counter()
            switcher.start()
            times, wrong = load(server.port, bodies, asked.requests, asked.callers, check)
            wall_s = time.perf_counter() - started
            is_over.set()
            switcher.join()
            print(said("sparring serve", times, wall_s))
            print(f"{asked.switches} switches; {seen.count(1):,} answers by version 1, {seen.count(2):,} by version 2")
            print(f"lost or mixed: {len(wrong)}; peak memory of the server {server.peak_mb():.0f} MB")
            print(f"from a switch to its first answer: {np.median(delays):.2f} s, at most {max(delays):.2f} s")
            for each in wrong[:5]:
                print(f"  {each}")
            if asked.study is not None:
                taken_s = promoted_s(asked.study.absolute(), registry, server.port, bodies[0])
                print(f"from sparring promote, eleven checks, to the first answer of its version: {taken_s:.2f} s")
        with Server(sys.executable, "-c", BARE, f"{place}/model") as server:
            few = max(asked.callers, asked.requests // 10)
            started = time.perf_counter()
            times, wrong = load(server.port, bodies, few, asked.callers, lambda number, answer: "")
            print(said("bare handler", times, time.perf_counter() - started))
            assert not wrong, wrong[:5]


if __name__ == "__main__":
    main()
