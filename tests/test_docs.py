"""What the pages name is there: commands and their flags, files, links, rooms, entries of the log."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from sparring.cli.app import app
from sparring.cli.train import ARGUMENTS

ROOT = Path(__file__).parents[1]
PAGES = [path.relative_to(ROOT).as_posix() for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]
MADE, KEPT = "docs/models/", "docs/log/2"
"""Pages made from docstrings, and pages whose entries keep the names of their day: only their links are looked at."""
SPOKEN = [page for page in PAGES if not page.startswith((MADE, KEPT))]

COMMANDS = {
    name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    | {"--help"}
    for name, command in get_command(app).commands.items()
}
PUBLISHED = {word for names in ARGUMENTS.values() for word in names.split()}
"""Flags that ``sparring train`` passes on to a published command line."""
OF_ALL = {option for parameter in get_command(app).params for option in parameter.opts}
"""Flags before a verb."""
FLAGS = set().union(PUBLISHED, OF_ALL, *COMMANDS.values())
OTHERS = {"--num-cpus", "--block", "--dashboard-host"}
"""Flags of ``ray start``, named by themselves."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def made_by_recipes() -> set[str]:
    """Files that CONTRIBUTING.md tells to write."""
    return set(re.findall(r"^ *```(?:python|toml) (\S+)$", text_of("CONTRIBUTING.md"), re.MULTILINE))


def spans(text: str) -> list[str]:
    """What stands between backticks in running text."""
    prose = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(verb, flags) of every command of ours in the text, in a console or between backticks."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    consoles = [line for line in lines if re.match(r"\s*(\w*)\$ |\s*python -m platform", line)]
    for words in [*(line.partition("  #")[0] for line in consoles), *spans(text)]:
        for verb, rest in re.findall(r"(?:\bsparring|python -m platform\.) ?([a-z]+)\b([^&|>`]*)", words):
            yield verb, re.findall(r"(?<=\s)--?[a-zA-Z][\w-]*", rest)


def wrong_commands(text: str, made: set[str]) -> list[str]:
    """Commands and flags that the command line does not have, one sentence each."""
    known = COMMANDS | {Path(file).stem: FLAGS for file in made if re.fullmatch(r"platform/\w+\.py", file)}
    found = []
    for verb, flags in commands(text):
        if verb not in known:
            found.append(f"no verb {verb}")
            continue
        allowed = known[verb] | (PUBLISHED if verb == "train" else set())
        found += [f"sparring {verb} has no {flag}" for flag in flags if flag not in allowed]
    for span in spans(text):
        flag = re.match(r"--[a-z][\w-]*", span)
        if flag and flag[0] not in FLAGS | OTHERS:
            found.append(f"no command has {flag[0]}")
    return found


def missing_files(page: str, text: str, made: set[str]) -> list[str]:
    """Paths between backticks that lead nowhere: from the root, the package or the page's own folder."""
    package = ROOT / "platform" / "sparring"
    tops = {path.name for folder in (ROOT, package) for path in folder.iterdir() if path.is_dir()} - {"weights"}
    found = []
    for span in spans(text):
        first, _, rest = span.partition("/")
        is_path = re.fullmatch(r"[\w./*-]+", span) and rest and (first in tops or span.endswith(".py"))
        if not is_path or any(file == span or file.startswith(f"{span}/") for file in made):
            continue
        pattern = re.sub(r"\b[A-Z]{3,}\b", "*", span.rstrip("/"))  # NAME stands for any
        if not any(list(folder.glob(pattern)) for folder in (ROOT, package, (ROOT / page).parent)):
            found.append(span)
    return found


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def dead_links(page: str, text: str) -> list[str]:
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", SPOKEN)
def test_every_command_and_flag_that_a_page_names_is_there(page):
    assert wrong_commands(text_of(page), made_by_recipes()) == []


@pytest.mark.parametrize("page", SPOKEN)
def test_every_file_that_a_page_names_is_there(page):
    assert missing_files(page, text_of(page), made_by_recipes()) == []


@pytest.mark.parametrize("page", SPOKEN)
def test_every_test_that_a_page_says_to_run_is_there(page):
    consoles = re.findall(r"^ *\$ pytest (.*)$", text_of(page), re.MULTILINE)
    named = [word for words in consoles for word in words.split() if word.startswith("tests/")]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    assert dead_links(page, text_of(page)) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ sparring serach aegan\n```\n", "no verb serach"),
        ("```console\n$ sparring search aegan --trails 4   # --no-such\n```\n", "sparring search has no --trails"),
        ("```console\n$ sparring search aegan \\\n    --slot 2\n```\n", "sparring search has no --slot"),
        ("Call `python -m platform.best STUDY --trail 7`.", "sparring best has no --trail"),
        ("It has `--kfolds 5`.", "no command has --kfolds"),
    ],
)
def test_a_wrong_command_is_seen(text, complaint):
    assert wrong_commands(text, set()) == [complaint]


def test_a_lost_file_and_a_dead_link_are_seen():
    assert missing_files("README.md", "See `models/nosuch/model.py` and `models/NAME/model.py`.", set()) == [
        "models/nosuch/model.py"
    ]
    assert dead_links("README.md", "[a](docs/nosuch.md) [b](docs/clusters.md#nosuch) [c](docs/clusters.md#slurm)") == [
        "docs/nosuch.md",
        "docs/clusters.md#nosuch",
    ]


# -- the README, CONTRIBUTING and the indices -------------------------------------------------------------------------


def test_the_readme_is_short_and_its_first_command_stands_on_line_9():
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 160
    assert lines[10] == "$ pip install -e . && python -m platform.search aegan"


def test_the_readme_s_picture_has_figures_of_the_searches_that_the_readme_speaks_of():
    drawn = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text_of("docs/search.svg"))).split())
    best, ratio, default = re.search(
        r"best val/score ([\d.]+) .*? ([\d.]+) times lower than the default ([\d.]+)", drawn
    ).groups()
    told = " ".join(text_of("README.md").split())
    low, high, least, most = re.search(
        r"they found ([\d.]+) to ([\d.]+), and the published default had ([\d.]+) to ([\d.]+\d)", told
    ).groups()
    assert float(low) <= round(float(best), 4) <= float(high)
    assert float(least) <= round(float(default), 3) <= float(most)
    assert float(default) / float(best) == pytest.approx(float(ratio), rel=0.01)


def test_the_glossary_is_short():
    (table,) = re.findall(r"^## Words\n\n(.*?)\n\n", text_of("docs/reference.md"), re.MULTILINE | re.DOTALL)
    assert len(table.splitlines()) <= 15


def test_the_readme_s_tree_has_the_rooms_that_there_are():
    tree = text_of("README.md").partition("\n## The tree\n")[2]
    named = re.findall(r"^    (\w+)/ +\w", tree, re.MULTILINE)
    rooms = {path.parent.name for path in (ROOT / "platform" / "sparring").glob("*/__init__.py")}
    assert sorted(named) == sorted(rooms)


def test_contributing_has_the_table_of_the_layer_test():
    source = ast.parse(text_of("tests/test_layers.py"))
    (below,) = (
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BELOW"
    )
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", text_of("CONTRIBUTING.md"), re.MULTILINE)
    files = {name for name in below if not (ROOT / "platform" / "sparring" / name).is_dir()}
    told = {room: set(re.findall(r"`(\w+)`", cell)) | (files if "the files" in cell else set()) for room, cell in rows}
    assert told.keys() == below.keys() - files
    for room, named in told.items():
        assert named - files == set(below[room].split()) - files, room


def test_the_log_s_index_names_every_entry():
    entries = {
        (f"{path.name}#{slug(heading)}", heading.partition(" · ")[2])
        for path in (ROOT / "docs" / "log").glob("2*.md")
        for heading in re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    index = text_of("docs/log/README.md")
    assert {(link, title) for title, link in re.findall(r"\[([^\]]+)\]\(([^)]+#[^)]+)\)", index)} == entries


def test_the_index_of_decisions_names_every_one():
    files = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    assert re.findall(r"^\| \[\d+\]\(([^)]+)\) \|", text_of("docs/decisions/README.md"), re.MULTILINE) == files


@pytest.mark.parametrize("page", SPOKEN)
def test_nobody_is_sent_to_an_index_that_does_not_have_the_package(page):
    """Extras are of the checkout: ``pip install -e '.[root]'``."""
    assert not re.findall(r"pip install (?:-\S+ )*'?sparring\b", text_of(page))
