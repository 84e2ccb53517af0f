"""The table of published figures: what is run, what is not, and what another machine has measured stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks import reproductions
from benchmarks.reproductions import CASES, HEAD, NOT_RUN, PAGE, main, measure, measured_before, page_of

from sparring.models import find_config
from sparring.training.single import train_single

SMALL = replace(
    CASES[0], name="small", dataset="exafs",
    fields={"epochs": 1, "hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1},
)  # fmt: skip


def test_every_case_is_of_a_metric_that_its_system_measures_there():
    for case in CASES:
        config = find_config(case.model)(**case.fields)
        assert {case.metric, case.objective} <= set(config.emitted())
        for metric in (case.metric, case.objective):
            assert getattr(config, config.optional.get(metric, "epochs"))


def test_the_figure_is_of_test_rows_that_neither_trained_nor_chose(monkeypatch):
    seen = {}

    def watched(*arguments, test, **rest):
        trained = train_single(*arguments, test=test, **rest)
        seen["test"], seen["valid"] = trained.test, trained.best.metrics
        return trained

    monkeypatch.setattr(reproductions, "train_single", watched)
    figure, rows = measure(SMALL, {})
    assert rows == 205  # a tenth of 2,048
    assert figure == seen["test"]["test/mse_predict_spectrum"] != seen["valid"]["val/mse_predict_spectrum"]


def test_without_data_a_case_is_not_run_and_what_was_measured_stays(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    monkeypatch.setattr(reproductions, "CASES", (CASES[0], replace(CASES[1], name="other")))
    main(["--page", str(page)])
    assert page.read_text().count(f"| {NOT_RUN} |") == 2
    assert page.read_text().count("no data at hand") == 2
    known = (CASES[0].name, "figure", "published", "0.0035", "elsewhere")
    page.write_text(page_of([known]))
    main(["--page", str(page)])
    assert measured_before(page.read_text()) == {CASES[0].name: known}
    with pytest.raises(SystemExit):
        main(["--page", str(page), "--only", "nothing"])
    assert "no case 'nothing'" in capsys.readouterr().err


def test_the_page_has_every_case():
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert [line[0] for line in lines] == [HEAD[0], "---", *(case.name for case in CASES)]
