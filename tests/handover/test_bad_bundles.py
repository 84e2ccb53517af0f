"""Bad bundles, planted one by one: each is refused, and by the check whose matter it is.

Those of the first list were damaged after they had been sealed. Those of the second were resealed: their manifest is
whole, as that of a careless program or of an evil hand would be.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from support.checked import WEIGHTS, change_text, change_weights, evidence_of, first_failed, reseal

from sparring.production.handover.bundle import NEEDED
from sparring.production.handover.manifest import MANIFEST

EVERY_FILE = (*NEEDED, MANIFEST)


def judged(candidate, folder, number):
    """The check that refuses the bundle: its words, once it is the one expected."""
    found = first_failed(evidence_of(candidate, folder))
    assert found is not None, "every check passed"
    assert found.number == number, f"{found.number} {found.name}: {found.words}"
    assert "\n" not in found.words
    assert found.way_out
    return found.words


# -- damaged after it was sealed: checksums ----------------------------------------------------------------------------


@pytest.mark.parametrize("file", EVERY_FILE)
def test_one_flipped_bit_in_any_file(file, candidate, bundle):
    folder = bundle("aegan")
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(data)
    assert file in judged(candidate("aegan"), folder, 1)


@pytest.mark.parametrize("file", EVERY_FILE)
def test_a_missing_file(file, candidate, bundle):
    folder = bundle("aegan")
    (folder / file).unlink()
    assert file in judged(candidate("aegan"), folder, 1)


@pytest.mark.parametrize("file", EVERY_FILE)
def test_a_truncated_file(file, candidate, bundle):
    folder = bundle("aegan")
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    assert file in judged(candidate("aegan"), folder, 1)


def test_a_file_that_is_not_the_bundle_s(candidate, bundle):
    folder = bundle("aegan")
    (folder / "extra.py").write_text("import os")
    assert "extra.py: there, but not in the manifest" in judged(candidate("aegan"), folder, 1)


def test_an_exchanged_file(candidate, bundle):
    folder = bundle("aegan")
    shutil.copy(folder / "config.json", folder / "schema.json")
    assert "schema.json" in judged(candidate("aegan"), folder, 1)


@pytest.mark.parametrize("file", NEEDED)
def test_a_manifest_that_does_not_name_a_file(file, candidate, bundle):
    folder = bundle("aegan")
    (folder / file).unlink()
    reseal(folder)
    assert f"lacks {file}" in judged(candidate("aegan"), folder, 1)


# -- resealed: the bundle is not what it says, or not what was trained -------------------------------------------------


def harm_truncated_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-8])
    reseal(folder)


def harm_lacking_tensor(folder: Path) -> None:
    change_weights(
        folder, lambda state: {name: value for name, value in state.items() if name != "spectrum_target.shift"}
    )


def harm_other_shape(folder: Path) -> None:
    change_weights(folder, lambda state: state | {"spectrum_target.shift": torch.zeros(3)})


def harm_pickle(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\x80\x05cos\nsystem\n.")
    reseal(folder)


def harm_torn_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    reseal(folder)


def harm_other_config(folder: Path) -> None:
    change_text(folder, "config.json", '"hidden_size": 16', '"hidden_size": 17')


def harm_other_activation(folder: Path) -> None:
    """Of the same shapes, so that the weights would load."""
    text = json.loads((folder / "config.json").read_text())
    text["activation"] = "tanh" if text["activation"] != "tanh" else "relu"
    (folder / "config.json").write_text(json.dumps(text))
    reseal(folder)


def harm_other_model(folder: Path) -> None:
    change_text(folder, "model.json", '"model": "aegan"', '"model": "mlp_aae"')


def harm_unknown_model(folder: Path) -> None:
    change_text(folder, "model.json", '"model": "aegan"', '"model": "gan"')


def harm_open_range(folder: Path) -> None:
    change_text(folder, "pinned.toml", "[fixed]", "[search]\nw_adv = { uniform = [0.0, 1.0] }\n\n[fixed]")


def harm_schema_shape(folder: Path) -> None:
    change_text(folder, "schema.json", "        226\n", "        227\n")


def harm_schema_names(folder: Path) -> None:
    change_text(folder, "schema.json", '"structure_0"', '"structure_1"')


def harm_schema_renamed(folder: Path) -> None:
    change_text(folder, "schema.json", '"spectrum_7"', '"energy_7"')


def harm_schema_unit(folder: Path) -> None:
    change_text(folder, "schema.json", "1/Å^2", "1/nm^2")


def harm_schema_grid(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    for field in schema["fields"]:
        if field["axis"]:
            field["axis"]["values"] = [value + 1 for value in field["axis"]["values"]]
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_schema_order(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    schema["fields"].reverse()
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_schema_lacks_verb(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    del schema["verbs"]["predict"]
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_schema_promises_verb(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    schema["verbs"]["score"] = schema["verbs"]["predict"]
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_schema_output(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    schema["verbs"]["predict"]["outputs"][0]["name"] = "structures"
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_schema_transforms(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    schema["transforms"].pop()
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_reader_options(folder: Path) -> None:
    schema = json.loads((folder / "schema.json").read_text())
    schema["reader_options"]["n"] += 1
    (folder / "schema.json").write_text(json.dumps(schema))
    reseal(folder)


def harm_swapped_scaler(folder: Path) -> None:
    def swap(state):
        names = [name for name in state if name.startswith("spectrum_input.")]
        assert names
        return state | {name: state[name.replace("input", "target")] * 2 + 1 for name in names}

    change_weights(folder, swap)


def harm_scaler_of_no_rows(folder: Path) -> None:
    def reset(state):
        return state | {name: torch.zeros_like(value) for name, value in state.items() if name.endswith("_input.shift")}

    change_weights(folder, reset)


def harm_nan_weight(folder: Path) -> None:
    def spoil(state):
        name = next(name for name in state if name.startswith("shared_encoder") and name.endswith("weight"))
        state[name].view(-1)[0] = float("nan")

    change_weights(folder, spoil)


def harm_other_weights(folder: Path) -> None:
    """Of the right names and shapes, as those of another trial are."""

    def draw(state):
        return {name: value + 0.01 if name.endswith("weight") else value for name, value in state.items()}

    change_weights(folder, draw)


def harm_rounded_weights(folder: Path) -> None:
    """Saved as half precision by somebody who wished to save room."""

    def rounded(state):
        return {name: value.half().float() if value.is_floating_point() else value for name, value in state.items()}

    change_weights(folder, rounded)


def harm_statistics(folder: Path) -> None:
    """A batch norm that begins anew: what answers in training mode would be answered with."""

    def reset(state):
        found = {name for name in state if name.endswith(("running_mean", "running_var"))}
        assert found
        return state | {name: torch.full_like(state[name], float(name.endswith("var"))) for name in found}

    change_weights(folder, reset)


def harm_variance(folder: Path) -> None:
    """What no answer depends on, but the figure does."""
    change_weights(folder, lambda state: state | {"spectrum_variance": state["spectrum_variance"] * 2})


def harm_split(folder: Path) -> None:
    change_text(folder, "model.json", '"split": "80/20"', '"split": "75/15/10"')


def harm_data(folder: Path) -> None:
    about = json.loads((folder / "model.json").read_text())
    about["sha256"] = "0" * 64
    (folder / "model.json").write_text(json.dumps(about))
    reseal(folder)


def harm_seed(folder: Path) -> None:
    change_text(folder, "pinned.toml", "seed = 0", "seed = 1")


def harm_pinned_split(folder: Path) -> None:
    change_text(folder, "pinned.toml", 'split = "80/20"', 'split = "75/15/10"')


def harm_found(folder: Path) -> None:
    change_text(folder, "pinned.toml", "trial = 1", "trial = 0")


def change_card(folder: Path, change) -> None:
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))
    reseal(folder)


def harm_card_figure(folder: Path) -> None:
    change_card(folder, lambda card: card["figure"].update(value=0.0))


def harm_card_licence(folder: Path) -> None:
    change_card(folder, lambda card: card["data"].update(licence=""))


def harm_card_lacks(folder: Path) -> None:
    change_card(folder, lambda card: card.pop("hardware"))


def harm_card_study(folder: Path) -> None:
    change_text(folder, "card.md", "aegan-0", "another")


def harm_card_page(folder: Path) -> None:
    (folder / "card.md").write_text("# aegan\n")
    reseal(folder)


def harm_deciles(folder: Path) -> None:
    (folder / "training.safetensors").write_bytes((folder / WEIGHTS).read_bytes())
    reseal(folder)


LOADS, PARITY, FIGURE, DRIFT, CARD = 2, 3, 4, 9, 10

RESEALED = [
    (harm_truncated_weights, LOADS, "whole .safetensors file"),
    (harm_lacking_tensor, LOADS, "lacks "),
    (harm_other_shape, LOADS, "weights of that model, but"),
    (harm_pickle, LOADS, "whole .safetensors file"),
    (harm_torn_config, LOADS, "config.json"),
    (harm_other_config, LOADS, "must be one configuration, but differ"),
    (harm_other_activation, LOADS, "must be one configuration, but differ"),
    (harm_other_model, LOADS, ""),
    (harm_unknown_model, LOADS, "no model 'gan'"),
    (harm_open_range, LOADS, ""),
    (harm_schema_shape, LOADS, "same model, fields and shapes"),
    (harm_schema_names, LOADS, "schema.json has other"),
    (harm_schema_renamed, LOADS, "schema.json has other"),
    (harm_schema_unit, LOADS, "schema.json has other fields"),
    (harm_schema_grid, LOADS, "schema.json has other fields"),
    (harm_schema_order, LOADS, "schema.json has other fields"),
    (harm_schema_lacks_verb, LOADS, "schema.json has other verbs"),
    (harm_schema_promises_verb, LOADS, ""),
    (harm_schema_output, LOADS, "predict answers structures"),
    (harm_schema_transforms, LOADS, "schema.json has other transforms"),
    (harm_reader_options, LOADS, "schema.json has other reader_options"),
    (harm_swapped_scaler, PARITY, "of the largest value"),
    (harm_scaler_of_no_rows, PARITY, "of the largest value"),
    (harm_nan_weight, PARITY, ""),
    (harm_other_weights, PARITY, "of the largest value"),
    (harm_rounded_weights, PARITY, "of the largest value"),
    (harm_statistics, PARITY, "of the largest value"),
    (harm_variance, FIGURE, "val/score"),
    (harm_split, FIGURE, "the bundle names the split 75/15/10"),
    (harm_data, FIGURE, "of the data 000000000000"),
    (harm_seed, FIGURE, "pinned.toml is not what the study pins for trial 1"),
    (harm_pinned_split, FIGURE, "pinned.toml is not what the study pins"),
    (harm_found, FIGURE, "pinned.toml is not what the study pins"),
    (harm_deciles, DRIFT, "must hold deciles"),
    (harm_card_figure, CARD, "card.md does not say what card.json says"),
    (harm_card_licence, CARD, "card.json"),
    (harm_card_lacks, CARD, "card.json"),
    (harm_card_study, CARD, "card.md does not say"),
    (harm_card_page, CARD, "card.md does not say"),
]


@pytest.mark.parametrize(("harm", "number", "words"), RESEALED, ids=[harm.__name__[5:] for harm, *_ in RESEALED])
def test_a_resealed_bundle(harm, number, words, candidate, bundle):
    folder = bundle("aegan")
    harm(folder)
    assert words in judged(candidate("aegan"), folder, number)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["advvae", "auxgan"])
def test_statistics_of_other_systems_begun_anew(name, candidate, bundle):
    folder = bundle(name)
    harm_statistics(folder)
    assert "of the largest value" in judged(candidate(name), folder, PARITY)
