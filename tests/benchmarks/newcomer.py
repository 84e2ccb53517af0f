"""README, word by word: `python tests/benchmarks/newcomer.py [--cpu] [--place DIR] [--from N] [--lock FILE]`.

Types what README's consoles say, in an empty folder, one command after the other: clone, environment, install, search,
report, train, predict, promote, serve, and a search of a table of one's own. Nothing is edited but `…`, the clone's
address, and nothing is left out but what needs a cluster, GPUs or iron spectra. Prints how long each took; ends at the
first command that fails. --cpu installs torch's CPU build first, as README says. --lock is held while Ray runs.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.pages import ROOT, typed_in

LEFT_OUT = r".*(fe-xanes|--address|--gpus-per-worker).*"
"""What a newcomer's laptop does not have."""
CPU = r"`(pip install torch .*?)`"
SERVED_S = 120.0
"""How long a server may take until it answers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="torch's CPU build first")
    parser.add_argument("--torch", help="instead of README's words for that build, where its index cannot be reached")
    parser.add_argument("--place", type=Path, help="an empty folder")
    parser.add_argument("--lock", type=Path)
    parser.add_argument("--done", type=int, default=0, help="so many commands were typed there before")
    given = parser.parse_args()
    place = given.place or Path(tempfile.mkdtemp(prefix="newcomer-"))
    place.mkdir(parents=True, exist_ok=True)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shell, number = Shell(place, given.lock), 0
    for typed in typed_in(readme, "README.md"):
        if re.fullmatch(LEFT_OUT, typed.text):
            continue
        number += 1
        if number <= given.done and not typed.text.startswith(("cd ", ". ")):
            continue
        if typed.text == "pip install -e ." and given.cpu:
            (words,) = re.findall(CPU, readme)
            shell.type(given.torch or words)
        shell.type(typed.text)
    shell.end()


class Shell:
    """One bash, in which folder and environment last from command to command."""

    def __init__(self, place: Path, lock: Path | None) -> None:
        self.lock, self.began = lock, time.monotonic()
        self.bash = subprocess.Popen(
            ["bash"], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")},
        )  # fmt: skip

    def type(self, text: str) -> None:
        """Types a command, and waits until it is done; of ``sparring serve``, until it has answered."""
        before, text = time.monotonic(), text.replace("git clone …", f"git clone {shlex.quote(str(ROOT))} sparring")
        with ExitStack() as held:
            if self.lock is not None and " search " in f"{text} ".replace(".search", " search"):
                fcntl.flock(held.enter_context(self.lock.open("w")), fcntl.LOCK_EX)
                before = time.monotonic()
            if "FILE.csv" in text:
                self.say(TABLE)
            if text.startswith("sparring serve"):
                self.serve(text)
            else:
                self.say(text)
        print(f"{time.monotonic() - before:6.0f} s  {text}", flush=True)

    def say(self, text: str) -> None:
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(f"{{ {text}\n}} >> newcomer.log 2>&1 </dev/null; echo DONE $? $PWD\n")
        self.bash.stdin.flush()
        while not (line := self.bash.stdout.readline()).startswith("DONE "):
            if not line:
                sys.exit(f"the shell ended at: {text}")
        _, code, folder = line.split(maxsplit=2)
        if code != "0":
            log = (Path(folder.strip()) / "newcomer.log").read_text(encoding="utf-8", errors="replace")
            sys.exit(f"exit code {code}: {text}\n{log[-3000:]}")

    def serve(self, text: str) -> None:
        self.say(f"{text} & echo $! > serve.pid")
        deadline = time.monotonic() + SERVED_S
        while True:
            try:
                with urllib.request.urlopen("http://127.0.0.1:8000/ready", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"no answer within {SERVED_S:.0f} s: {text}")
                time.sleep(0.2)
        self.say("kill -INT $(cat serve.pid)")

    def end(self) -> None:
        self.say("du -sm .venv production results trained > sizes.txt")
        self.say("mv newcomer.log sizes.txt ..")
        assert self.bash.stdin is not None
        self.bash.stdin.close()
        self.bash.wait()
        print(f"{time.monotonic() - self.began:6.0f} s  in all")


TABLE = (
    "python -c \"import random; print('a,b,c,d'); "
    "[print(*(f'{random.gauss(0, 1) + n % 3:.4f}' for _ in range(4)), sep=',') for n in range(500)]\" > FILE.csv"
)
"""A table of one's own."""


if __name__ == "__main__":
    main()
