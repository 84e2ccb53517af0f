"""Published command lines of the AEGAN, the AAE of series and the dense AAE; ``test_published`` reads input files."""

from __future__ import annotations

import json

import pytest

from sparring.errors import ConfigError
from sparring.models.aae_series import published as aae_series
from sparring.models.aegan import published as aegan
from sparring.models.mlp_aae import published as mlp_aae

BLOCK = """\
hyperparams:
  model: aegan
  batch_size: 32
  n_hl_gen: 1
  n_hl_shared: 1
  n_hl_dis: 1
  hidden_size: 8
  lr_gen: 0.02
  epochs: 2
  seed: 7
model_eval: False
"""


@pytest.fixture
def in_file(tmp_path):
    path = tmp_path / "in_aegan.yaml"
    path.write_text(BLOCK)
    return path


def test_xanesnets_input_file_and_mode_are_read(in_file):
    found = aegan.read_arguments(["--mode", "train_xyz", "--in_file", str(in_file), "--save", "yes"])
    asked = {"mode": "train_xyz", "hidden_size": 8, "lr_gen": 0.02, "epochs": 2}
    assert {name: found.values[name] for name in asked} == asked
    assert (found.dataset, found.more) == ("exafs", {"seed": 7, "split": "80/20"})


def test_the_series_take_the_arguments_of_the_aae():
    found = aae_series.read_arguments(["--adversarial", "True", "--dim", "8"])
    assert (found.model, found.dataset) == ("aae_series", "ring-downs")
    asked = {"adversarial": True, "latent_dim": 8, "width": 8, "width_dis": 8, "batch_size": 64, "epochs": 10}
    assert found.values == asked | {"dropout": 0.1}


def test_the_dense_aae_has_the_arguments_and_the_form_of_its_torch_twin():
    found = mlp_aae.read_arguments(["--n_epochs", "3", "--lr", "0.001", "--sample_interval", "100"])
    asked = {"epochs": 3, "lr_gen": 1e-3, "lr_dis": 1e-3, "beta1": 0.5, "image_size": 32, "channels": 1,
             "latent_dim": 10, "batch_size": 64, "loss_recon": "l1", "norm": "batch"}  # fmt: skip
    assert (found.dataset, found.values) == ("mnist", asked)
    assert [found.snapshot_every(rows, 64) for rows in (60_000, 640, 64)] == [1, 10, 100]


@pytest.mark.parametrize(
    ("read", "words", "said"),
    [
        (aegan.read_arguments, "", "aegan: --in_file: names XANESNET's input file, a .yaml; give one"),
        (aegan.read_arguments, "--in_file none.yaml", "none.yaml: no such file"),
        (aegan.read_arguments, "--mode predict_xyz --in_file x.yaml", "aegan: argument --mode: invalid choice"),
        (aae_series.read_arguments, "--adversarial yes", "aae_series: argument --adversarial: wants True or False"),
        (mlp_aae.read_arguments, "--b2 0.9", "mlp_aae: --b2: Adam's second decay is 0.999 here, but got 0.9"),
        (mlp_aae.read_arguments, "--sample_interval 0", "mlp_aae: --sample_interval: wants at least 1, but got 0"),
        (mlp_aae.read_arguments, "--epochs 3", "mlp_aae: unrecognized arguments: --epochs 3"),
        (mlp_aae.read_arguments, "--latent_dim 0", "mlp_aae: latent_dim"),
    ],
)
def test_a_bad_argument_is_one_sentence(read, words, said):
    with pytest.raises(ConfigError) as caught:
        read(words.split())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_commands_train_what_they_say(in_file, tmp_path, run_verb):
    tiny = {
        "aegan": ["--in_file", in_file, "--save-every", "2"],
        "aae_series": ["--adversarial", "True", "--dim", "4", "--epochs", "1", "--batchsize", "400"],
        "mlp_aae": ["--dataset", "digits", "--img_size", "8", "--n_epochs", "1", "--batch_size", "400",
                    "--sample_interval", "3"],
    }  # fmt: skip
    for name, words in tiny.items():
        assert run_verb("train", name, *words, "-o", tmp_path / name) == 0, name
        assert json.loads((tmp_path / name / "model.json").read_text())["model"] == name
        assert len(list((tmp_path / name / "snapshots").iterdir())) == 1, name
