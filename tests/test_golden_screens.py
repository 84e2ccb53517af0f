"""What every command shows, at 80 and at 120 columns, is what ``tests/screens`` keeps; so is every refusal.

The study is a bare search of the AEGAN, seed 4, whose summary the README shows. After a change that is meant:
``SPARRING_SCREENS=write pytest tests/test_golden_screens.py``; then look at the difference.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import uvicorn
from rich.console import Console
from support.bundles import tiny
from support.checked import ThisProcess
from support.pictured import COMMAND, WIDTH, print_panel
from support.reader import write_given
from support.small import blurred, write_small
from typer.main import get_command

from sparring.cli.app import app
from sparring.cluster import session
from sparring.ledger import write_study
from sparring.models import own
from sparring.production.handover import fresh, fresh_process
from sparring.production.registry import Registry
from sparring.production.retrain import lines
from sparring.report import dashboard, importance
from sparring.study import reopen
from sparring.untrusted.screen import Screen

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "screens"
WRITES = os.environ.get("SPARRING_SCREENS") == "write"
WIDTHS = (80, 120)
LONGEST = 60
"""Lines of a screen that are kept; pages of models go on."""
CHANGED = ("production", "results", "trained")
"""Folders that commands change; each command finds them as the first did."""

SUMMARY, PANEL = "(the end of a search)", "(a search under way)"
VERBS = sorted(get_command(app).commands)
SCREENS = [
    SUMMARY,
    PANEL,
    "sparring --help",
    *(f"sparring {verb} --help" for verb in VERBS),
    "sparring studies",
    "sparring show aegan-exafs",
    "sparring show aegan-exafs --trial 9",
    "sparring best aegan-exafs",
    "sparring report aegan-exafs",
    "sparring compare aegan-exafs aegan-again",
    "sparring models",
    "sparring models mlp_aae",
    "sparring datasets",
    "sparring datasets digits",
    "sparring datasets check FILE.csv --model mlp_aae",
    "sparring production",
    "sparring production aegan",
    "sparring rollback aegan",
    "sparring export aegan-exafs --optuna sqlite:///study.db",
    "sparring enqueue aegan-exafs --set lr_gen=1.5e-3",
    "sparring stop small --trial 2",
    "sparring note aegan-exafs --trial 2 'trains the fastest'",
    "sparring dashboard aegan-exafs",
    "sparring train best.toml -o trained/small",
    "sparring train best.toml --set epochs=1 -o trained/shorter",
    "sparring train best.toml --ensemble 2 -o trained/two",
    "sparring predict small",
    "sparring predict production/small --input rows.parquet --keep id -o answers.parquet",
    "sparring promote small",
    "sparring promote small --name first",
    "sparring serve small --port 0",
    "sparring sample trained/images -n 4",
    "sparring reconstruct trained/images --rows 20",
    "sparring encode trained/images --rows 20",
    "sparring outliers trained/images --out-dataset shapes --rows 20",
]
COMPUTED = (
    "sparring train ",
    "sparring predict small",
    "sparring promote ",
    "sparring reconstruct ",
    "sparring outliers ",
)
"""How screens begin whose figures are trained for here."""
WRONG = """
sparring serach aegan
sparring search aegan --trails 4
sparring search aegn
sparring search aegan --dataset exfas
sparring search aegan --dataset digits
sparring search aegan --dataset fe-xanes
sparring search aegan --data-path DIR
sparring search aegan --sampler bayes
sparring search aegan --pruner halfing
sparring search aegan --objective val/scor
sparring search aegan --objective val/ms_ssim
sparring search aegan --set epochs
sparring search aegan --set epoch=3
sparring search aegan --set epochs=three
sparring search aegan --set epochs=0
sparring search aegan --set lr_gen=-1
sparring search aegan --set activation=relux
sparring search aegan --set 'lr_gen={loguniform=[1e-2, 1e-4]}'
sparring search aegan --set 'lr_gen={logunifrom=[1e-4, 1e-2]}'
sparring search aegan --set data.m=100
sparring search aegan --set data.n=5
sparring search aegan --set epochs=3
sparring search aegan --space nosuch.toml
sparring search aegan --space advvae
sparring search aegan --config nosuch.yaml
sparring search aegan --config FILE.csv
sparring search aegan --time soon
sparring search aegan --time 0
sparring search aegan --trials 0
sparring search aegan --trials many
sparring search aegan --slots 640
sparring search aegan --split 90
sparring search aegan --race 1
sparring search aegan --workers-per-trial 2 --gpus-per-worker 0.3
sparring search aegan --precision fp16
sparring search aegan --name ../x
sparring search aegan --try nosuch.toml
sparring search aegan --from nosuch
sparring search aegan --seed 9
sparring search mlp_aae --dataset table
sparring search mlp_aae --dataset table --data-path nosuch.csv
sparring search mlp_aae --dataset table --data-path names.csv
sparring search my_modul:MyModel
sparring search my_module:MyModle
sparring report nosuch
sparring report aegan-exaf
sparring report aegan-exafs --format xls
sparring report aegan-exafs --page nosuch/page.html
sparring show aegan-exafs --trial 99
sparring best aegan-exafs --trial 99
sparring train nosuch.toml
sparring train FILE.csv
sparring train narrow.toml
sparring train advva
sparring predict nosuch
sparring predict aegan-exafs
sparring predict aegan-exafs --trial 15
sparring sample DIR
sparring outliers FILE.csv
sparring compare aegan-exafs
sparring compare aegan-exafs nosuch
sparring export aegan-exafs
sparring enqueue aegan-exafs
sparring enqueue aegan-exafs --set lr_gen=fast
sparring enqueue aegan-exafs --set lr_gne=0.01
sparring enqueue aegan-exafs --from nosuch.toml
sparring stop aegan-exafs --trial 99
sparring stop aegan-exafs
sparring promote nosuch
sparring rollback nosuch
sparring rollback aegan --to 7
sparring production aegn
sparring production --diff 1 2
sparring serve nosuch
sparring models aegn
sparring models check my_module:MyModle
sparring datasets mnsit
sparring datasets check nosuch.csv
sparring datasets check FILE.csv --model aegan
sparring dashboard nosuch
sparring dashboards down
""".strip().splitlines()
"""Mistakes of newcomers."""


def make_ended_server(folder: Path, port: int) -> tuple[HTTPServer, str]:
    """In place of the dashboard's: one that somebody has ended with Ctrl-C, at an address that never changes."""

    class Ended(HTTPServer):
        def serve_forever(self, poll_interval: float = 0.5) -> None:
            raise KeyboardInterrupt

    return Ended(("127.0.0.1", 0), BaseHTTPRequestHandler), "http://127.0.0.1:40000/?token=TOKEN"


class Terminal(io.StringIO):
    """A screen that keeps what it shows."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def plain(text: str) -> str:
    """Without escape codes, blanks at the end of lines, and what changes from day to day; as wide as it was."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    for pattern, word in ((r"\d{4}-\d\d-\d\d", "DATE"), (r"\d\d:\d\d UTC", "TIME"), (r"\b\w+@[\w.-]+", "WHO")):
        text = re.sub(pattern, lambda found, word=word: word.ljust(len(found[0])), text)
    text = re.sub(r"\d+ (second|minute)s? ago", "just now", text)  # the last column, which a busy machine moves on
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two studies, two versions in production, and a table of the user's own."""
    place = tmp_path_factory.mktemp("screens")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(importance, "REPEATS", 2)
        patch.setattr(importance, "TREES", 25)
        write_given(place)
        (place / "names.csv").write_text("name,height\n" + "".join(f"s{row},{row}\n" for row in range(50)))
        shutil.copytree(KEPT / "results", place / "results")
        write_small(place)
        again = shutil.copytree(place / "results" / "aegan-exafs", place / "results" / "aegan-again")
        told = (again / "study.json").read_text(encoding="utf-8")
        document = json.loads(told)
        document["spec"] |= {"name": "aegan-again", "seed": 5}
        del document["sha256"]
        (again / "study.json").unlink()
        write_study(again, document)
        for number, path in enumerate(sorted(place.rglob("*"))):  # which is listed first must not hang on the disk
            os.utime(path, (time.time() - number / 100,) * 2)
        registry = Registry(address=str(place / "production"))
        for letter in "ab":
            registry.promote(
                "aegan",
                lambda version, letter=letter: tiny(version, letter),
                seen=registry.current("aegan"),
                study="aegan-exafs",
                trial=2,
                figure="val/score 0.0479",
            )
        for changed in CHANGED:
            shutil.copytree(place / changed, place / "as-told" / changed)
        yield place


@pytest.fixture
def screen(place: Path, monkeypatch: pytest.MonkeyPatch, run_verb: Callable[..., int]) -> Callable[[str, int], str]:
    """What a command shows on a terminal of so many columns."""

    def show(command: str, width: int) -> str:
        terminal = Terminal()
        errors = io.StringIO()  # no terminal: what it says while it works would redraw itself
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", errors)
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("LINES", "40")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.chdir(place)
        monkeypatch.setattr(session, "conduct", lambda *_, **__: print("(the search begins)") or 0)
        monkeypatch.setattr(own, "_ALLOWED", {})
        monkeypatch.setattr(lines, "PAUSE_S", 1e9)
        monkeypatch.setattr(fresh_process, "FreshProcess", ThisProcess)
        monkeypatch.setattr(fresh, "CALLS", 2)
        monkeypatch.setattr(fresh, "_latency", lambda *_: 7.15)
        monkeypatch.setattr(fresh, "_peak_bytes", lambda: 345_000_000)
        monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
        monkeypatch.setattr(dashboard, "make_server", make_ended_server)
        if command == SUMMARY:
            session._sum_up(reopen(place / "results" / "aegan-exafs"), Screen(), "")
        elif command == PANEL:
            print_panel(Console(file=terminal, width=width, height=40))
        else:
            run_verb(*shlex.split(command)[1:])
            for changed in CHANGED:  # whichever was shown before, and by whichever process
                shutil.rmtree(place / changed)
                shutil.copytree(place / "as-told" / changed, place / changed)
            (place / "study.db").unlink(missing_ok=True)
        shown = plain(terminal.getvalue() + errors.getvalue()).replace(str(place), "HERE")
        if command.startswith("sparring serve small"):
            shown = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", shown)  # any that is free
        shown = blurred(shown) if command.startswith(COMPUTED) and not command.endswith("--help") else shown
        told = shown.split("\n")
        if len(told) > LONGEST and not command.startswith("sparring report"):
            told = [*told[:LONGEST], "(and so on)"]
        return "\n".join(told).strip("\n")

    return show


def kept(file: str) -> dict[str, str]:
    """The kept screens by command."""
    path = KEPT / file
    if not path.exists():
        return {}
    parts = re.split(r"^\$ (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {command: text.strip("\n") for command, text in zip(parts[1::2], parts[2::2], strict=True)}


def keep(file: str, commands: list[str], command: str, shown: str) -> None:
    """Writes one screen into its file, in the order of ``commands``."""
    known = {**kept(file), command: shown}
    texts = [f"$ {each}\n{known[each]}\n" for each in commands if each in known]
    (KEPT / file).write_text("\n".join(texts), encoding="utf-8")


@pytest.mark.parametrize("command", SCREENS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_screen_is_the_one_that_was_looked_at(command, width, screen):
    shown = screen(command, width)
    if WRITES:
        keep(f"{width}.txt", SCREENS, command, shown)
    assert shown == kept(f"{width}.txt").get(command)
    assert not command.endswith("--help") or max(map(len, shown.splitlines())) <= width


def test_every_mistake_has_the_sentence_that_was_looked_at(screen):
    shown = {command: screen(command, 120) for command in WRONG}
    if WRITES:
        for command, text in shown.items():
            keep("refused.txt", WRONG, command, text)
    assert shown == kept("refused.txt")


def test_the_readme_s_picture_is_drawn_by_the_live_view():
    console = Console(width=WIDTH, record=True, file=io.StringIO())
    print_panel(console)
    drawn, path = console.export_svg(title=COMMAND), ROOT / "docs" / "search.svg"
    if WRITES:
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn


def test_the_readme_shows_the_summary_of_that_search(screen):
    path, shown = ROOT / "README.md", screen(SUMMARY, 80)
    text = path.read_text(encoding="utf-8")
    (block,) = re.findall(r"```text\n(aegan-exafs · .*?)\n```", text, re.DOTALL)
    if WRITES:
        path.write_text(text.replace(block, shown), encoding="utf-8")
        block = shown
    assert block == shown
