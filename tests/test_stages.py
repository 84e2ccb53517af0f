"""Something is on the screen at all times: what a command does now, and how far a training is, on standard error."""

from __future__ import annotations

import io

from rich.console import Console
from support.reports import MIXED, study

from sparring.display import saying
from sparring.production.retrain.lines import PAUSE_S, Lines
from sparring.report import read_report


def test_a_pipe_gets_a_line_per_stage_and_a_terminal_none_that_stays():
    for is_terminal, said in ((False, "measuring PCA …\n"), (True, None)):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80)
        with saying(console) as say:
            say("measuring PCA …")
        text = console.file.getvalue()
        assert (text == said) if said else text.endswith("\x1b[1A\x1b[2K") or "\x1b[2K" in text


def test_the_report_says_what_it_reads_before_it_measures(tmp_path):
    heard: list[str] = []
    read_report(study(tmp_path, MIXED[:3]), say=heard.append)
    assert heard == ["reading exafs …"]


def test_a_training_says_a_line_every_ten_seconds_and_how_long_it_takes():
    console, clock = Console(file=io.StringIO(), width=200), iter([0.0, *(4.0 * n for n in range(1, 9))])
    lines = Lines("aegan on exafs", 10, console, now=lambda: next(clock))
    for epoch in range(3, 11):  # epochs 1 and 2 were trained before it was cut off
        lines.tell(epoch, f"val/score {1 / epoch:.3f}")
    assert console.file.getvalue().splitlines() == [
        "aegan on exafs: epoch 5 of 10, val/score 0.200, about 0:20 left",
        "aegan on exafs: epoch 8 of 10, val/score 0.125, about 0:08 left",
    ]
    assert PAUSE_S == 10.0
