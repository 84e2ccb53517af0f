"""Studies side by side: what differs, which figures compare, who came how far when."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from support.reports import EVIL, SEARCH, frozen, study, trial

from sparring.errors import UsageError
from sparring.ledger import Ledger, Look, read_study
from sparring.records import Interval, Objective, Outcome
from sparring.report.comparison import write_comparison
from sparring.report.comparison.parts import labels_of, parts_of
from sparring.report.comparison.progress import band_of
from sparring.report.comparison.reading import label_of, read_comparison, seeds_of
from sparring.report.comparison.settings import words_of
from sparring.study.claim import sentences_of


def searched(folder: Path, name: str, best: float, **rest) -> Path:
    """Three trials: 0.4, a pruned one that was better than all, and the best."""
    rows = [
        trial(0, Outcome.COMPLETED, 0.4), trial(1, Outcome.PRUNED, 0.001, epochs=1), trial(2, Outcome.COMPLETED, best),
    ]  # fmt: skip
    return study(folder, rows, name=name, **rest)


def seeds(folder: Path, bests: list[float], name: str = "s", **rest) -> list[Path]:
    return [searched(folder, f"{name}{n}", best, spec={"seed": n}, **rest) for n, best in enumerate(bests)]


def text_of(folders: list[Path], width: int = 80, **options) -> str:
    console = Console(file=io.StringIO(), width=width)
    write_comparison(folders, console=console, **options)
    return console.file.getvalue()


def lines_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_each_study_has_its_best_its_default_and_how_it_came_there(tmp_path):
    said = lines_of(text_of([searched(tmp_path, "one", 0.2), searched(tmp_path, "two", 0.1)]))
    assert ["A", "one", "3", "2", "2", "s"] in said
    assert ["A", "0.2", "2", "0.4"] in said
    assert ["B", "0.1", "2", "0.4"] in said
    assert said[said.index(["1", "2", "3"]) + 2 :][:2] == [["A", "0.4", "0.4", "0.2"], ["B", "0.4", "0.4", "0.1"]]


def test_seconds_are_those_of_training_when_the_best_had_completed(tmp_path):
    folder = searched(tmp_path, "one", 0.2)
    (compared, _) = read_comparison([folder, searched(tmp_path, "two", 0.1)]).studies
    seconds = compared.lines["seconds"]
    assert seconds.places == pytest.approx([0.9, 1.0, 1.9])  # nine, one and nine epochs of 0.1 s
    assert [seconds.at(place) for place in (0.95, 1.5, 1.95)] == pytest.approx([0.4, 0.4, float("nan")], nan_ok=True)
    assert (seconds.start, seconds.end) == pytest.approx((0.9, 1.9))


def test_what_differs_is_told_by_field_and_value(tmp_path):
    narrow = {**SEARCH, "lr": {"loguniform": [1e-4, 1e-2]}, "width": {"int": [5, 15]}}
    other = searched(tmp_path, "two", 0.2, search=narrow, fixed={"epochs": 9}, spec={"seed": 3, "sampler": "tpe"})
    said = text_of([searched(tmp_path, "one", 0.2), other])
    told = said.partition("What differs: space")[2]
    for words in (
        "1e-05 to 0.1, log", "0.0001 to 0.01, log", "5 to 15, whole, where loss is wcc", "prior", "tpe", "the default",
    ):  # fmt: skip
        assert words in told
    assert re.search(r"seed +A +0\s+B +3", told)
    assert "decay" not in told
    assert "Nothing: they have the same" in text_of(
        [searched(tmp_path / "a", "x", 0.2), searched(tmp_path / "b", "x", 1)]
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"uniform": [0.0, 0.5], "step": 0.1}, "0 to 0.5 by 0.1"),
        ({"off": 0.0, "loguniform": [1e-3, 1.0]}, "0.001 to 1, log, or 0"),
        ({"choice": [[32, 64], [8]]}, "[32, 64] or [8]"),
        ({"int": [1, 9], "log": True}, "1 to 9, whole, log"),
        ([{"name": "good", "values": {}}, {"name": "small"}], "good; small"),
        (True, "true"),
        ([], "none"),
    ],
)
def test_a_value_of_a_space_is_told_in_words(value, words):
    assert words_of(value) == words


def test_studies_that_differ_in_their_seed_alone_have_a_median_and_a_range(tmp_path):
    folders = seeds(tmp_path, [0.3, 0.1, 0.2])
    said = text_of(folders)
    assert "A-C differ in their seed alone." in said
    for row in (["A-C", "median", "0.2", "0.4"], ["A-C", "lowest", "0.1", "0.4"], ["A-C", "highest", "0.3", "0.4"]):
        assert row in lines_of(said)
    band = band_of([study.lines["trials"] for study in read_comparison(folders).studies])
    assert (list(band.places), list(band.median), list(band.low)) == ([1, 2, 3], [0.4, 0.4, 0.2], [0.4, 0.4, 0.1])
    assert list(band.high) == [0.4, 0.4, 0.3]


def test_a_band_ends_where_the_first_of_its_studies_does(tmp_path):
    short = study(tmp_path, [trial(0, Outcome.COMPLETED, 0.4)], name="short", spec={"seed": 9})
    folders = [*seeds(tmp_path, [0.3, 0.1]), short]
    band = band_of([study.lines["trials"] for study in read_comparison(folders).studies])
    assert list(band.places) == [1]
    assert ["A-C", "median", "0.4", "-", "-"] in lines_of(text_of(folders))


def test_two_settings_of_several_seeds_are_compared_over_them(tmp_path):
    folders = [*seeds(tmp_path, [0.2, 0.3, 0.25]), *seeds(tmp_path, [0.1, 0.15, 0.22], "t", fixed={"epochs": 9})]
    said = text_of(folders)
    # Exact for three and three: 8 of 9 pairs, so 1 inversion; P(U <= 1) = 2/20, two-sided 0.2.
    assert "Of 9 pairs of one of A-C and one of D-F the first is better in 1 (Mann-Whitney p = 0.2)." in said
    assert [labels_of(several) for several in seeds_of(read_comparison(folders).studies)] == ["A-C", "D-F"]


def test_other_objectives_are_shown_and_said_to_be_not_comparable(tmp_path):
    by_spectrum = {"objectives": (Objective(metric="val/mse_predict_spectrum"),)}
    folders = [searched(tmp_path, "one", 0.2), searched(tmp_path, "two", 0.3, spec=by_spectrum)]
    folders.append(searched(tmp_path, "three", 1.0))
    said = text_of(folders)
    assert "Not comparable with each other: A, B; C. They have different objectives." in said
    assert "A, B by val/score" in said
    assert "C by val/mse_predict_spectrum" in said
    assert ["C", "two", "3", "2", "0", "s"] in lines_of(said)
    other_split = searched(tmp_path, "four", 0.3, spec={"split": "75/15/10"})
    assert "They have different splits." in text_of([folders[0], other_split])


def test_the_best_are_compared_on_the_same_test_rows(tmp_path):
    folders = [searched(tmp_path, f"s{n}", 0.2) for n in range(3)]
    for folder, shift in zip(folders, (0.0, -0.02, 0.0001), strict=True):
        document = read_study(folder)
        noise = [0.01 * (n % 7) for n in range(50)]
        figure = Interval(
            0.2 + shift, 0.1, 0.3, tuple(0.2 + shift * (1 + n % 3) + each for n, each in enumerate(noise))
        )
        with Ledger(folder, kinds=document["kinds"], metrics=document["metrics"]) as ledger:
            ledger.append_look(Look(number=1, trial=2, trials=3, rows=40, winner={"test/score": figure}))
    folders.append(searched(tmp_path, "unseen", 0.2))
    said = lines_of(text_of(folders))
    assert [row for row in said if row[:4] == ["B", "0.2", "2", "0.4"]] == [
        ["B", "0.2", "2", "0.4", "0.18", "0.1", "0.3", "better"]
    ]
    assert ["C", "0.2", "2", "0.4", "0.2001", "0.1", "0.3", "worse"] in said
    assert ["D", "0.2", "2", "0.4", "-", "-", "-"] in said


def test_no_name_is_cut_at_80_columns(tmp_path):
    name = "a-name-of-forty-letters-that-a-user-chose"
    search = {**SEARCH, "weight_of_the_reconstruction_of_structures": {"uniform": [0.0, 1.0]}}
    metric = {"objectives": (Objective(metric="val/mse_predict_spectrum"),)}
    said = text_of(
        [searched(tmp_path, name, 0.2, spec=metric), searched(tmp_path, "b", 0.2, search=search, spec=metric)]
    )
    assert max(map(len, said.split("What differs")[1].splitlines())) <= 80
    for whole in (name, "weight_of_the_reconstruction_of_structures", "val/mse_predict_spectrum"):
        assert whole in said
    assert "…" not in said


def test_what_cannot_be_compared_is_refused_in_one_sentence(tmp_path, run_verb, capsys):
    one = searched(tmp_path, "one", 0.2)
    with pytest.raises(UsageError, match=r"compare: wants two studies or more, but got 1; `sparring report`"):
        read_comparison([one])
    with pytest.raises(UsageError, match="compare: study one is named twice"):
        read_comparison([one, searched(tmp_path, "two", 0.1), one / "."])
    assert run_verb("compare", one, "nowhere", "--results", tmp_path) == 2
    assert "no study 'nowhere'" in capsys.readouterr().err
    two = tmp_path / "two"
    assert run_verb("compare", one, two, "--page", tmp_path / "page.txt") == 2
    assert "--page: the page is HTML" in capsys.readouterr().err
    assert run_verb("compare", one, two) == 0
    assert "0.1" in capsys.readouterr().out


def test_what_each_may_claim_stands_side_by_side(tmp_path):
    folders = [searched(tmp_path, "one", 0.2), searched(tmp_path, "two", 0.1)]
    said = text_of(folders)
    for letter, folder in zip("AB", folders, strict=True):
        assert f"{letter}: {sentences_of(folder)[0]}" in said


def test_a_study_without_a_finished_trial_is_shown_too(tmp_path):
    said = text_of([study(tmp_path, [], begun=1, name="young"), searched(tmp_path, "old", 0.2)])
    assert ["A", "young", "0", "0", "0", "s"] in lines_of(said)
    assert ["A", "-", "-", "-"] in lines_of(said)


def test_letters_go_on_after_z_and_are_told_in_short(tmp_path):
    assert [label_of(n) for n in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]
    studies = read_comparison(seeds(tmp_path, [0.1] * 6)).studies
    assert labels_of([*studies[:3], studies[4]]) == "A-C, E"
    assert labels_of(studies[:2]) == "A, B"


@pytest.mark.fault(71)
def test_the_page_has_the_same_tables_and_both_curves_and_escapes_what_a_study_holds(tmp_path):
    search = SEARCH | {"loss": {"choice": ["mse", "wcc", EVIL]}}
    folders = [*seeds(tmp_path, [0.3, 0.1]), searched(tmp_path, "other", 0.2, search=search)]
    page = tmp_path / "page.html"
    said = text_of(folders, page=page)
    assert said.endswith(f"page: {page}\n")
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text
    plots = {plot["name"]: plot for plot in frozen(text)["plots"]}
    assert set(plots) == {"group-0-trials", "group-0-seconds"}
    lines = {line["name"]: line for line in plots["group-0-trials"]["lines"]}
    assert lines["A, B median"]["values"] == pytest.approx([0.4, 0.4, 0.2])
    assert {"A s0", "B s1", "C other"} <= set(lines)
    assert len(text) < 100_000
    for part in parts_of(read_comparison(folders)):
        for row in part.rows:
            for cell in row.cells:
                assert f">{cell.replace('<', '&lt;').replace('>', '&gt;')}<" in text
