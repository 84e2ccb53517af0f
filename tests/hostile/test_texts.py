"""Texts that nobody writes by hand: one sentence, in no time, whatever they hold."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from support.bounded import run_attacks

from sparring.data import cards
from sparring.data.readers import pair_files
from sparring.ledger import checkpoints, read_study, read_trials, spec_from_json, weights
from sparring.space import toml_file
from sparring.untrusted.texts import read_toml

DIGITS = "1" * 5000
HEX = "0x" + "f" * 5000
KEY = ".".join(["a"] * 100_000) + " = 1"
DEEP = b"[" * 200_000


def read_space(folder: Path, text: str) -> None:
    (folder / "a.toml").write_text(text)
    toml_file.read_space(folder / "a.toml")


def read_card(folder: Path, text: str) -> None:
    (folder / "a.toml").write_text(text)
    cards.read_card(str(folder / "a.toml"))


def set_epochs(text: str) -> None:
    toml_file.apply_settings({}, [f"epochs={text}"], ["epochs"])


def read_sealed(folder: Path, **changes: object) -> None:
    """A study.json with a right checksum, and something else wrong; None leaves the key out."""
    content = {"schema_version": 1, "spec": {}, "identity": {}, "kinds": {}, "metrics": [], **changes}
    content = {name: value for name, value in content.items() if value is not None}
    sha256 = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / "study.json").write_text(json.dumps({**content, "sha256": sha256}))
    read_trials(folder)
    spec_from_json(read_study(folder)["spec"])


def read_torn(folder: Path, text: bytes) -> None:
    (folder / "study.json").write_bytes(text)
    read_study(folder)


def sealed_spec(**changes: object) -> dict[str, object]:
    return {"name": "s", "model": "aegan", "dataset": "exafs", "objectives": [{"metric": "val/score"}], **changes}


def headed(text: bytes) -> bytes:
    """As a .safetensors begins."""
    return len(text).to_bytes(8, "little") + text


def attack_digits_in_a_space(folder):
    read_space(folder, f"[fixed]\nepochs = {DIGITS}")


def attack_hex_digits_in_a_space(folder):
    read_space(folder, f"[fixed]\nepochs = {HEX}")


def attack_a_megabyte_of_digits(folder):
    read_space(folder, "[fixed]\nepochs = 1" + "_1" * 490_000)


def attack_a_long_key_in_a_space(folder):
    read_space(folder, KEY)


def attack_a_long_table_in_a_space(folder):
    read_space(folder, f"[{KEY[:-4]}]")


def attack_a_long_key_behind_a_text(folder):
    read_space(folder, f'x = {{s = """\'""", {KEY}}}')


def attack_many_long_keys(folder):
    read_space(folder, "\n".join(".".join(["a"] * 400) + f".b{row} = 1" for row in range(1200)))


def attack_a_deep_table_in_a_space(folder):
    read_space(folder, "a = " + "{b = " * 100 + "1" + "}" * 100)


def attack_digits_in_a_card(folder):
    read_card(folder, f"name = {DIGITS}")


def attack_hex_digits_in_a_card(folder):
    read_card(folder, f"name = {HEX}")


def attack_a_long_key_in_a_card(folder):
    read_card(folder, KEY)


def attack_digits_in_a_setting(folder):
    set_epochs(DIGITS)


def attack_hex_digits_in_a_setting(folder):
    set_epochs(HEX)


def attack_a_long_key_in_a_setting(folder):
    set_epochs(f"{{{KEY}}}")


def attack_digits_for_the_number_of_atoms(folder):
    (folder / "a.xyz").write_text(f"{DIGITS}\n\nFe 0 0 0\n")
    pair_files.read_structure(folder / "a.xyz")


def attack_a_deep_study(folder):
    read_torn(folder, DEEP)


def attack_a_deep_study_of_objects(folder):
    read_torn(folder, b'{"a":' * 200_000)


def attack_digits_in_a_study(folder):
    read_torn(folder, b'{"a":' + DIGITS.encode() + b"}")


def attack_a_study_without_version(folder):
    read_sealed(folder, schema_version=None)


def attack_a_study_whose_version_is_a_text(folder):
    read_sealed(folder, schema_version="1")


def attack_a_study_of_an_unknown_kind(folder):
    read_sealed(folder, kinds={"lr": "complex"})


def attack_a_study_of_no_kinds(folder):
    read_sealed(folder, kinds=["lr"])


def attack_a_study_without_spec(folder):
    read_sealed(folder, spec=None)


def attack_a_study_whose_name_is_a_number(folder):
    read_sealed(folder, spec=sealed_spec(name=3))


def attack_a_study_whose_trials_are_a_text(folder):
    read_sealed(folder, spec=sealed_spec(trials="many"))


def attack_a_study_whose_metric_is_a_list(folder):
    read_sealed(folder, spec=sealed_spec(objectives=[{"metric": []}]))


def attack_deep_weights(folder):
    weights.read_data_of(headed(DEEP))


def attack_a_deep_checkpoint(folder):
    checkpoints.read_progress(headed(DEEP))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return run_attacks(__file__, tmp_path_factory.mktemp("texts"))


@pytest.mark.parametrize(
    ("attack", "kind", "words"),
    [
        ("digits_in_a_space", "SpaceError", "a.toml: a whole number has at most 64 bits"),
        ("hex_digits_in_a_space", "SpaceError", "a.toml: a whole number has at most 64 bits"),
        ("a_megabyte_of_digits", "SpaceError", "a whole number has at most 64 bits"),
        ("a_long_key_in_a_space", "SpaceError", "a.toml: a key has at most 16 parts, but got more (at line 1)"),
        ("a_long_table_in_a_space", "SpaceError", "a key has at most 16 parts"),
        ("a_long_key_behind_a_text", "SpaceError", "a key has at most 16 parts"),
        ("many_long_keys", "SpaceError", "a key has at most 16 parts"),
        ("a_deep_table_in_a_space", "SpaceError", "a.toml: arrays or tables stand too deep inside one another"),
        ("digits_in_a_card", "DataError", "a.toml: a card is TOML in UTF-8, but: a whole number has at most 64 bits"),
        ("hex_digits_in_a_card", "DataError", "a whole number has at most 64 bits"),
        ("a_long_key_in_a_card", "DataError", "a key has at most 16 parts"),
        ("digits_in_a_setting", "SpaceError", "--set epochs: a whole number has at most 64 bits"),
        ("hex_digits_in_a_setting", "SpaceError", "--set epochs: a whole number has at most 64 bits"),
        ("a_long_key_in_a_setting", "SpaceError", "--set epochs: a key has at most 16 parts"),
        ("digits_for_the_number_of_atoms", "DataError", "line 1 must say how many atoms follow"),
        ("a_deep_study", "LedgerError", "study.json: it must be the JSON a search wrote, but is torn"),
        ("a_deep_study_of_objects", "LedgerError", "stand too deep inside one another"),
        ("digits_in_a_study", "LedgerError", "study.json: it must be the JSON a search wrote, but is torn"),
        ("a_study_without_version", "LedgerError", "study.json: it must be what a search wrote, but has no schema_v"),
        ("a_study_whose_version_is_a_text", "LedgerError", "another schema_version"),
        ("a_study_of_an_unknown_kind", "LedgerError", "another kinds"),
        ("a_study_of_no_kinds", "LedgerError", "another kinds"),
        ("a_study_without_spec", "LedgerError", "its spec must have this version's fields"),
        ("a_study_whose_name_is_a_number", "LedgerError", "study.json: spec: name = 3: wants a text"),
        ("a_study_whose_trials_are_a_text", "LedgerError", "study.json: spec: trials = 'many': wants a whole number"),
        ("a_study_whose_metric_is_a_list", "LedgerError", "study.json: spec: metric = []: wants a text"),
        ("deep_weights", "DataError", "stand too deep inside one another"),
        ("a_deep_checkpoint", "CheckpointError", "stand too deep inside one another"),
    ],
)
def test_a_text_that_nobody_writes_is_refused_in_a_sentence_at_once(outcomes, attack, kind, words):
    outcome = outcomes[f"attack_{attack}"]
    assert (outcome.kind, words in outcome.words) == (kind, True), outcome
    assert len(outcome.words) < 400
    assert outcome.seconds < 5
    assert outcome.peak_mb < 100


def test_dots_in_texts_and_comments_are_no_key():
    dots = ".".join("abcdefghijklmnopqrstuvwxyz")
    text = f"# {dots}\nx = '{dots}'\ny = \"\"\"{dots}\"\"\"\nz = '''{dots}'''\na.b.c = [1.5, {{d.e = 2.5}}]\n"
    assert read_toml(text) == {"x": dots, "y": dots, "z": dots, "a": {"b": {"c": [1.5, {"d": {"e": 2.5}}]}}}


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    "unit", ['"', "'", '"\\', "'''", '"""a', "a.", "a ", "\"a'", "a.a.a.a.a.a.a.a.a.a.a.a.\n", "é", "[", "\\"]
)
def test_any_text_of_a_megabyte_is_read_in_linear_time(unit):
    start = time.process_time()
    with pytest.raises(ValueError, match=r"\w"):
        read_toml(unit * (1_000_000 // len(unit.encode())))
    assert time.process_time() - start < 10
