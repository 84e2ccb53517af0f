"""docs/models: a page per system, the text that `sparring models NAME` prints, and what no page may lack."""

from __future__ import annotations

import re

import pytest

from sparring.cli.pages.markdown import as_value, fill, one_line, prose, type_of
from sparring.cli.pages.model_page import write_page
from sparring.models import config, find_config, model_names

PUBLISHED = {
    "aegan": ("1,275,941 parameters", "79,875", "125,187"),
    "advvae": ("| 389,825 |",),
    "aae": ("| 1,288,256 |", "| 1,290,689 |", "| 17,105 |"),
    "mlp_aae": ("| 137,217 |",),
    "auxgan": ("| 1,376,604 |", "| 1,271,851 |"),
    "aux_aae": ("| 1,010,004 |", "| 1,007,001 |"),
}
"""Numbers of weights, counted in the authors' own nets; those that do not depend on the embedded data's size."""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: write_page(name) for name in model_names()}


@pytest.mark.parametrize("name", model_names())
def test_the_page_says_what_the_code_says(name, pages, checkout):
    place = checkout / "docs" / "models" / f"{name}.md"
    refresh = f"sparring models {name} > docs/models/{name}.md"
    assert place.is_file(), f"{name} has no page; write it: {refresh}"
    assert place.read_text(encoding="utf-8") == pages[name], (
        f"the page is not the code's any more; refresh it: {refresh}"
    )


def test_no_page_is_of_a_system_that_is_gone(checkout):
    assert sorted(path.stem for path in (checkout / "docs" / "models").iterdir()) == model_names()


def test_the_command_prints_the_page_as_it_lies_in_the_docs(pages, capsys, run_verb):
    assert run_verb("models", "mlp_aae") == 0
    assert capsys.readouterr() == (pages["mlp_aae"], "")


def test_a_system_that_is_none_has_no_page(capsys, run_verb):
    assert run_verb("models", "nosuch") == 2
    assert re.search(r"no model 'nosuch'; there are: aae, .*mlp_aae", capsys.readouterr().err)


@pytest.mark.parametrize("name", model_names())
def test_every_field_is_there_with_its_default(name, pages):
    configured = find_config(name)
    rows = dict(
        re.findall(r"^\| `([\w.]+)` \| (?:.*?) \| (.*?) \| .*\|$", section(pages[name], "Fields"), re.MULTILINE)
    )
    expected = {}
    for field, value in configured():
        inner = dict(value) if hasattr(value, "model_fields_set") else None
        expected |= {field: value} if inner is None else {f"{field}.{key}": each for key, each in inner.items()}
    assert rows == {field: as_value(value) for field, value in expected.items()}


@pytest.mark.parametrize("name", model_names())
def test_every_field_says_what_it_means(name, pages):
    for row in section(pages[name], "Fields").splitlines():
        if row.startswith("| `"):
            assert not row.endswith("|  |"), f"{row}\nhas no docstring"


@pytest.mark.parametrize("name", model_names())
def test_every_phase_is_there_with_its_loss_as_a_formula(name, pages):
    told = section(pages[name], "Phases and losses")
    for phase in find_config(name).phases:
        assert f"| `{phase.name}` | " + ", ".join(f"`{net}`" for net in phase.nets) + f" | `{phase.lr}` |" in told
        assert re.search(rf"^### {phase.name}\n\n[^#]*?^    loss = ", told, re.MULTILINE), f"{name}.{phase.name}"


@pytest.mark.parametrize("name", model_names())
def test_source_and_differences_are_told(name, pages):
    told = section(pages[name], "Source, and what differs from the published code").split("\n\n")
    assert "github.com/" in told[0]
    assert len(told) == 2
    assert len(told[1]) > 100


@pytest.mark.parametrize("name", PUBLISHED)
def test_nets_are_as_large_as_published(name, pages):
    nets = section(pages[name], "Nets")
    for number in PUBLISHED[name]:
        assert number in nets


def test_every_metric_is_there_with_its_direction(pages):
    told = section(pages["advvae"], "Metrics")
    for metric in find_config("advvae").emitted():
        assert f"| `{metric}` |" in told
    assert "| `val/ms_ssim` | 1 | higher |" in told
    assert "| `val/score` | share of the target's variance | lower |" in told


def test_every_space_of_a_system_is_there(pages):
    told = section(pages["aegan"], "Search spaces")
    assert re.findall(r"^### (.+)$", told, re.MULTILINE) == ["aegan", "aegan-iron", "aegan-iron-descriptors"]
    assert "| `w_adv` | 0.0001 to 0.3, log; or off, 0 |  | 0 |" in told
    assert "| `w_aux` | 0.03 to 10, log | `aux` is `1d`, `4d` | 1 |" in section(pages["auxgan"], "Search spaces")


def test_a_page_s_lines_fit_but_for_tables_and_links(pages):
    for page in pages.values():
        for line in page.splitlines():
            assert len(line) <= 120 or line.startswith("| "), line


@pytest.mark.parametrize("sign", ["+", "-", "*", "=", ">", "#", "1."])
@pytest.mark.parametrize("shift", range(1, 6))
def test_no_line_of_prose_turns_into_a_list(sign, shift):
    words = "x" * shift + f" {sign} a" * 60  # the shift brings the sign to where lines end
    assert not any(line.startswith(sign) for line in fill(words).splitlines())
    assert fill(words).split() == words.split()


def test_formulas_and_drawings_keep_their_lines_and_prose_does_not():
    formula, drawing, text = "loss = a\n       + b", "    x ─ net ─ y\n     \\─ z", "one\ntwo ``three``"
    assert list(prose([formula, drawing, text])) == [
        "    loss = a\n           + b",
        "    x ─ net ─ y\n     \\─ z",
        "one two `three`",
    ]


def test_a_bar_does_not_end_a_cell():
    assert one_line("|x|\n  and ``y``") == r"\|x\| and `y`"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("epochs", "integer ≥ 1"),
        ("steps_per_epoch", "integer ≥ 1 or none"),
        ("schedule_milestones", "list of integer ≥ 1"),
        ("schedule_gamma", "number > 0, ≤ 1"),
    ],
)
def test_a_type_reads_as_words(field, words):
    assert type_of(config.Config.model_json_schema()["properties"][field]) == words


def section(page: str, title: str) -> str:
    """What stands under a heading of the second level."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n\n(.*?)(?=\n\n## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found
