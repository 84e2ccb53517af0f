"""The live view and the summary, as text: what a terminal, a log file and a narrow window get."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from support.consoles import BASELINE, BEST, SCORE, log, row, snapshot, terminal, written

from sparring.display import LiveView, clock, compare, last_words, nearby, print_listing, print_summary
from sparring.display.panel import share_done
from sparring.display.words import span
from sparring.records import Left, Objective, Outcome, Prospect, RunningTrial, Snapshot


def view(console: Console, **rest: object) -> LiveView:
    return LiveView(
        console,
        title="aegan-1 · aegan on exafs",
        objective=SCORE,
        results="results/aegan-1",
        tensorboard="tensorboard --logdir results/aegan-1/tensorboard",
        dashboard="http://127.0.0.1:8265",
        **rest,
    )


def panel(shown: Snapshot, width: int = 80) -> list[str]:
    console = terminal(width)
    console.print(view(console)._panel(shown))
    return written(console).splitlines()


def test_a_terminal_sees_everything_that_matters_on_fourteen_lines():
    running = tuple(RunningTrial(number=n, attempt=1, epoch=n, epochs=30, value=None) for n in range(1, 17))
    lines = panel(snapshot(running=running))
    assert len(lines) <= 14
    text = "\n".join(lines)
    for wanted in (
        "aegan-1", "12/24 trials", "1:00 elapsed, 0:45 left", "16 running", "7 completed", "4 pruned", "1 crashed",
        "best val/score 0.1 (trial 7)", "4 times lower than the default 0.4", "4/30 epochs", "4.0 epochs/s",
        "tensorboard --logdir results/aegan-1/tensorboard", "http://127.0.0.1:8265",
    ):  # fmt: skip
        assert wanted in text


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal_or_wraps(width):
    lines = panel(snapshot(), width)
    assert {len(line) for line in lines} == {width}
    assert len(lines) <= (14 if width >= 40 else 20)


def test_what_more_trials_would_bring_takes_the_place_of_a_bar():
    running = tuple(RunningTrial(number=n, attempt=1, epoch=n, epochs=30, value=None) for n in range(1, 17))
    foretold = Prospect(trials=24, expected=0.0471234, low=0.0442, high=0.05)
    lines = panel(snapshot(running=running, prospect=foretold))
    assert len(lines) <= 14
    assert "24 more trials: 0.04712 expected (0.0442 to 0.05)" in "\n".join(lines)


def test_the_panel_says_when_nothing_is_known_yet():
    text = "\n".join(panel(snapshot(5, outcomes={}, running=(), best=None, baseline=None, elapsed_s=0.0, left=None)))
    assert "no completed trial yet" in text
    assert "published default still training" in text
    assert "- left" in text


@pytest.mark.parametrize(
    ("running", "said"),
    [((), "starting slots"), ((RunningTrial(number=0, attempt=1, epoch=0, epochs=9, value=None),), "first epochs")],
)
def test_until_the_first_epoch_the_panel_says_what_is_being_done(running, said):
    assert said in panel(snapshot(0, outcomes={}, running=running, epochs=0))[-1]


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "-"),
        (Left(45.0, 45.0, 45.0), "0:45"),
        (Left(31.0, 28.4, 35.5), "0:28 to 0:36"),
        (Left(100.0, 82.0, 131.0), "1:20 to 2:15"),
        (Left(3000.0, 2500.0, 3700.0), "40:00 to 1:05:00"),
    ],
)
def test_the_time_left_is_what_a_limit_leaves_or_a_range_in_steps_that_do_not_flicker(left, said):
    assert span(left) == said


def test_a_failed_baseline_is_named_by_its_outcome():
    assert "published default diverged" in "\n".join(panel(snapshot(baseline=row(0, None, Outcome.DIVERGED))))


def test_stopping_is_said():
    assert "stopping: checkpoints are kept" in "\n".join(panel(snapshot(stopping=True)))


@pytest.mark.parametrize(
    ("spent", "share"),
    [
        ({"trials": None, "trained_s": 30.0, "train_limit_s": 40.0}, 0.75),
        ({"trials": 24, "trained_s": 10.0, "train_limit_s": 40.0}, 0.5),  # 12 of 24 trials come first
        ({"trials": None, "elapsed_s": 60.0, "left": Left(180.0, 170.0, 190.0)}, 0.25),
    ],
)
def test_the_bar_follows_the_budget_that_ends_first(spent, share):
    assert share_done(snapshot(12, **spent)) == pytest.approx(share)


def test_throughput_counts_only_this_session():
    console = terminal()
    with view(console) as live:
        live.update(snapshot(12, elapsed_s=0.0))
        live.update(snapshot(18, elapsed_s=60.0))
    assert "6.0 trials/min" in written(console)


def test_a_log_gets_one_plain_line_per_finished_trial():
    console = log()
    with view(console) as live:
        live.update(snapshot(), finished=[row(6, 0.182), row(5, None, Outcome.DIVERGED)])
        live.update(snapshot())
    lines = written(console).splitlines()
    assert lines[1:] == [
        "trial 6 completed  val/score 0.182 (epoch 24)  12/24 done  best 0.1 (trial 7)  1:00",
        "trial 5 diverged  12/24 done  best 0.1 (trial 7)  1:00",
    ]


def test_an_errors_control_characters_reach_neither_log_nor_terminal():
    broken = row(5, None, Outcome.CRASHED, error="RuntimeError: \x1b[31mbad\tshape\x07\nsecond line")
    console = log()
    with view(console) as live:
        live.update(snapshot(), finished=[broken])
        live.note("slot\x1b[2J died")
    assert "RuntimeError:  [31mbad shape  12/24" in written(console)
    assert not {"\x1b", "\x07"} & set(written(console))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ValueError: no\nmore", "ValueError: no"),
        ("Traceback (most recent call last):\n  File x\nValueError: no\n", "ValueError: no"),
        ("\n\n", ""),
        (None, ""),
    ],
)
def test_an_error_is_told_by_the_line_that_says_what_happened(error, said):
    assert last_words(error) == said


def test_square_brackets_are_text_not_markup():
    console = log()
    with view(console) as live:
        live.note("value [bold]x[/bold] [/]")
    assert "value [bold]x[/bold] [/]" in written(console)


def test_a_large_studys_log_gets_a_line_every_few_seconds_and_one_per_new_best(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("sparring.display.live.time.monotonic", lambda: now[0])
    console = log()
    with view(console, every_s=10.0) as live:
        for second in range(30):
            now[0] = float(second)
            live.update(snapshot(100 + second, trials=1000), finished=[row(second, 0.3)])
        live.update(snapshot(130, trials=1000, best=row(99, 0.05)))
    lines = written(console).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["100/1000", "110/1000", "120/1000", "130/1000"]
    assert "best 0.05 (trial 99)" in lines[-1]


def test_a_note_stands_above_the_panel_of_a_terminal():
    console = terminal()
    with view(console) as live:
        live.update(snapshot())
        live.note("trial 3: attempt 2 after its slot died")
    assert "trial 3: attempt 2 after its slot died" in written(console)


@pytest.mark.parametrize(
    ("best", "baseline", "said"),
    [
        (0.1, 0.25, "2.5 times lower"),
        (0.9, 0.6, "1.5 times higher"),
        (0.25, 0.25, ""),
        (1.0, 0.9971, "about the same"),
        (0.96, 1.0, "about the same"),
        (0.95, 1.0, "1.05 times lower"),
        (1.06, 1.0, "1.06 times higher"),
        (-1.0, 2.0, ""),
        (0.0, 2.0, ""),
        (2.0, 0.0, ""),
        (None, 2.0, ""),
        (2.0, None, ""),
    ],
)
def test_the_ratio_is_said_only_where_it_means_something(best, baseline, said):
    assert compare(best, baseline) == said


@pytest.mark.parametrize(("seconds", "said"), [(None, "-"), (0.4, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_a_clock_reads_minutes_and_hours(seconds, said):
    assert clock(seconds) == said


def summary(console: Console, **changes: object) -> str:
    known = {"best": BEST, "baseline": BASELINE, "outcomes": {Outcome.COMPLETED: 20, Outcome.PRUNED: 4}} | changes
    print_summary(console, study="aegan-1", objectives=(SCORE,), folder=Path("results/aegan-1"), **known)
    return written(console)


def test_the_summary_puts_the_best_beside_the_default_and_names_what_comes_next():
    text = summary(terminal(), verb="predict")
    lines = [line.split() for line in text.splitlines()]
    assert ["lr", "0.001", "0.02"] in lines
    assert ["loss", "mse", "wcc"] in lines
    assert ["width", "-", "9"] in lines
    assert ["val/score", "0.4", "0.1", "4", "times", "lower"] in lines
    for wanted in (
        "20 completed, 4 pruned",
        """pandas.read_parquet('results/aegan-1/trials').sort_values("value")""",
        "tensorboard --logdir results/aegan-1/tensorboard",
        "sparring report aegan-1",
        "sparring predict results/aegan-1",
        "sparring best aegan-1 -o best.toml",
    ):
        assert wanted in text


def test_commands_are_never_wrapped():
    assert "tensorboard --logdir results/aegan-1/tensorboard\n" in summary(Console(file=io.StringIO(), width=30))


def test_only_changed_values_are_highlighted():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system="standard")
    text = summary(console, best=row(7, 0.1, params={"lr": 0.02, "loss": "mse"}))
    lr, loss = (next(line for line in text.splitlines() if name in line) for name in ("lr", "loss"))
    assert "\x1b[1;32m" in lr
    assert "\x1b[1;32m" not in loss


def test_sick_trials_are_explained_also_beside_a_winner_and_others_are_not():
    text = summary(terminal(200), outcomes={Outcome.COMPLETED: 20, Outcome.PRUNED: 3, Outcome.COLLAPSED: 1})
    assert "  1 collapsed: the networks stopped sparring: a discriminator that did not learn" in text
    assert "pruned:" not in text


def test_a_search_without_a_winner_lists_its_reasons_with_advice():
    text = summary(terminal(), best=None, baseline=None, outcomes={Outcome.DIVERGED: 3}, verb="predict")
    assert "3 diverged: a loss or figure became NaN or infinite; lower the learning rates" in text
    assert "sparring best" not in text
    assert "sparring predict" not in text


def test_a_baseline_that_was_not_beaten_is_said():
    assert "No trial beat the published default" in summary(terminal(), best=BASELINE)


def test_the_best_is_shown_alone_when_it_is_the_default():
    assert "published default, trial 0" in summary(terminal(), best=BASELINE)


def test_each_figure_says_which_way_it_went():
    figures = {"val/score": 0.9, "val/mse_predict_spectrum": 0.25}
    console = terminal()
    print_summary(
        console,
        study="s",
        objectives=(Objective(metric="val/accuracy", goal="maximize"),),
        best=row(7, 0.9, metrics=figures),
        baseline=row(0, 0.45, metrics={"val/mse_predict_spectrum": 0.5}),
        outcomes={Outcome.COMPLETED: 2},
        folder=Path("results/s"),
    )
    lines = [line.split() for line in written(console).splitlines()]
    assert ["val/accuracy", "0.45", "0.9", "2", "times", "higher"] in lines
    assert ["val/mse_predict_spectrum", "0.5", "0.25", "2", "times", "lower"] in lines


def test_paths_below_the_current_folder_are_shown_as_one_types_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert nearby(tmp_path / "results" / "a") == "results/a"
    assert nearby(Path("/elsewhere/a")) == "/elsewhere/a"
    live = LiveView(terminal(), title="", objective=SCORE, tensorboard=f"tensorboard --logdir {tmp_path}/results/a")
    assert live.tensorboard == "tensorboard --logdir results/a"


def test_a_listing_holds_every_cell():
    console = terminal()
    print_listing(console, ("model", "what it is"), [("aegan", "two autoencoders")])
    assert ["aegan", "two", "autoencoders"] in [line.split() for line in written(console).splitlines()]
