"""XANESNET's input files as published, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparring.errors import ConfigError
from sparring.models.aegan.input_file import read_published
from sparring.models.aegan.model import AEGAN

BLOCK = """\
hyperparams: 
  model: aegan
  batch_size: 64
  n_hl_gen: 2
  n_hl_shared: 2
  n_hl_dis: 2
  hidden_size: 256
  activation: prelu
  loss_gen:
    loss_fn: mse
    loss_args: 
    loss_reg_type: null
    loss_reg_param: 0.001
  loss_dis:
    loss_fn: bce
    loss_args: null
    loss_reg_type: null
    loss_reg_param: 0.001
  lr_gen: 0.01
  lr_dis: 0.0001
  optim_fn_gen: Adam
  optim_fn_dis: Adam
  dropout: 0.0
  weight_init_seed: 2023
  kernel_init: xavier_uniform
  bias_init: zeros
"""  # noqa: W291 the blank after hyperparams: and loss_args: is published

FILE = """\
x_path: data/fe/xyz_train
y_path: data/fe/xanes_train
descriptor:
  type: wacsf
  params:
    r_min: 1.0
    r_max: 6.0
    n_g2: 16
    n_g4: 32
load_guess: False
loadguess_params:
  model_dir: ./model/model_001/model.pt
  freeze_mlp_params:
    n__encoder2: 0
bootstrap: False
bootstrap_params: {n_boot: 3, n_size: 1.0, seed_boot: [97, 39, 22]}
ensemble: False
ensemble_params: {n_ens: 3, weight_init_seed: [97, 39, 22]}
data_params: False
augment:
  augment_type: random_noise
  augment_params: {normal_mean: 0, normal_sd: 0.1}
kfold: False
kfold_params:
  n_splits: 5
  loss: {loss_fn: mse, loss_args: null}
lr_scheduler:
  scheduler: True
  scheduler_type: Step
  scheduler_param:
    step_size: 100
    gamma: 5e-1
seed: 2021
epochs: 100
variance_threshold: 0.0
model_eval: True
optuna_params: {tune: False, n_trials: 3}
"""

FILE_2025 = """\
dataset:
  type: xanesx
  root_path: data/fe/processed_train
  xyz_path: data/fe/xyz_train
  xanes_path: data/fe/xanes_train
  params:
    preload: True   # into memory
    fourier: True
descriptors:
  - type: wacsf
    params: {r_min: 1.0, r_max: 6.0, n_g2: 16, n_g4: 32}
model:
  type: aegan_mlp
  params:
    hidden_size: 64
    activation: prelu
    num_hidden_layers_gen: 3
    num_hidden_layers_shared: 2
    num_hidden_layers_dis: 1
  weights: {kernel: xavier_uniform, bias: zeros, seed: 2025}
hyperparams:
  batch_size: 16
  epochs: 10
  seed: 2021
  lr: [0.01, 1e-5]
  optim_fn: [Adam, SGD]
  loss: [mse, bce]
  loss_reg: [None, L2]
  loss_lambda: [0.001, 0.002]
kfold: False
kfold_params: {n_splits: 3}
lr_scheduler: False
scheduler_params: {type: step, step_size: 10, gamma: 0.5}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "input.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_published_block_gives_our_defaults_and_its_weight_seed(write) -> None:
    published = read_published(write(BLOCK))
    assert AEGAN.Config(**published.values) == AEGAN.Config(weight_init_seed=2023)
    assert published.values["lr_dis"] == 1e-4
    assert len(published.values) == 20
    assert (published.seed, published.split, published.data_options) == (None, None, {})


def test_the_block_may_stand_bare_and_under_its_other_name(write) -> None:
    lines = BLOCK.replace("model: aegan", "model: aegan_mlp").splitlines()[1:]
    bare = "\n".join(line[2:] for line in lines)
    assert read_published(write(bare)) == read_published(write(BLOCK))


def test_a_whole_file_brings_data_split_seed_and_schedule(write) -> None:
    published = read_published(write(FILE + BLOCK))
    config = AEGAN.Config(**published.values)
    assert (config.lr_schedule, config.schedule_step_size, config.schedule_gamma) == ("step", 100, 0.5)
    assert config.epochs == 100
    assert (published.seed, published.split) == (2021, "75/15/10")
    assert published.data_options == {"r_min": 1.0, "r_max": 6.0, "n_g2": 16, "n_g4": 32}


def test_a_schedule_that_is_off_leaves_the_rate_alone(write) -> None:
    text = FILE.replace("scheduler: True", "scheduler: False").replace("model_eval: True", "model_eval: False")
    published = read_published(write(text + BLOCK))
    assert AEGAN.Config(**published.values).lr_schedule == "none"
    assert published.split == "80/20"


def test_the_form_of_2025_is_read_too(write) -> None:
    published = read_published(write(FILE_2025))
    assert AEGAN.Config(**published.values) == AEGAN.Config(
        hidden_size=64, n_hl_gen=3, n_hl_shared=2, n_hl_dis=1, batch_size=16, epochs=10, lr_gen=0.01, lr_dis=1e-5,
        optim_fn_dis="SGD", loss_dis_reg_type="L2", loss_dis_reg_param=0.002, weight_init_seed=2025,
        fourier=True,
    )  # fmt: skip
    assert published.values["fourier"] is True
    assert published.seed == 2021


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        ("multistep", "{milestones: [3, 9], gamma: 0.2}", {"schedule_milestones": (3, 9), "schedule_gamma": 0.2}),
        ("Exponential", "{gamma: 0.9}", {"schedule_gamma": 0.9}),
        ("linear", "{start_factor: 0.25, total_iters: 7}", {"schedule_factor": 0.25, "schedule_iters": 7}),
        ("constant", "{factor: 0.5, total_iters: 2}", {"schedule_factor": 0.5, "schedule_iters": 2}),
    ],
)
def test_every_published_schedule_is_translated(write, kind: str, params: str, expected: dict) -> None:
    text = f"lr_scheduler: {{scheduler: True, scheduler_type: {kind}, scheduler_param: {params}}}\n{BLOCK}"
    config = AEGAN.Config(**read_published(write(text)).values)
    assert config == AEGAN.Config(weight_init_seed=2023, lr_schedule=kind.lower(), **expected)


def test_numbers_without_a_point_are_numbers(write) -> None:
    values = read_published(write(BLOCK.replace("0.0001", "1e-3").replace("0.01", "1E-2"))).values
    assert (values["lr_dis"], values["lr_gen"]) == (1e-3, 1e-2)


@pytest.mark.parametrize(
    ("word", "split"), [("on", "75/15/10"), ("Yes", "75/15/10"), ("off", "80/20"), ("No", "80/20")]
)
def test_a_switch_may_be_written_as_in_older_yaml(write, word: str, split: str) -> None:
    text = FILE.replace("model_eval: True", f"model_eval: {word}").replace("kfold: False", "kfold: off")
    assert read_published(write(text + BLOCK)).split == split


def test_names_are_read_in_any_case(write) -> None:
    values = read_published(write(BLOCK.replace("prelu", "PReLU").replace("reg_type: null", "reg_type: l2"))).values
    assert (values["activation"], values["loss_gen_reg_type"], values["optim_fn_gen"]) == ("prelu", "L2", "Adam")


def test_the_argument_of_wcc_becomes_its_width(write) -> None:
    text = BLOCK.replace("loss_fn: mse\n    loss_args: ", "loss_fn: wcc\n    loss_args: 7")
    assert AEGAN.Config(**read_published(write(text)).values).wcc_width == 7
    with pytest.raises(ConfigError, match=r"loss_gen.loss_args: read by the loss wcc alone, but got 7; set it to null"):
        read_published(write(text.replace("wcc", "mse")))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hidden_size", "hiden_size", r"hyperparams.hiden_size: no such key .* did you mean hyperparams.hidden_size\?"),
        ("loss_reg_type", "reg_type", r"loss_gen.reg_type: no such key .* mean hyperparams.loss_gen.loss_reg_type\?"),
        ("x_path", "xpath", r"xpath: no such key .* did you mean x_path\?"),
        ("model: aegan", "model: mlp", r"hyperparams.model: must be aegan or aegan_mlp, but got 'mlp'"),
        ("type: wacsf", "type: soap", r"descriptor.type: must be wacsf, but got 'soap'"),
        ("kfold: False", "kfold: True", r"kfold: must be off, but got True; set it to False"),
        ("bootstrap: False", "bootstrap: True", r"bootstrap: must be off"),
        ("ensemble: False", "ensemble: True", r"ensemble: must be off"),
        ("data_params: False", "data_params: True", r"data_params: must be off.*input_noise"),
        ("load_guess: False", "load_guess: True", r"load_guess: must be off.*pretrained"),
        ("tune: False", "tune: True", r"optuna_params.tune: must be off"),
        ("threshold: 0.0", "threshold: 0.1", r"variance_threshold: must be off, but got 0.1"),
        ("model_eval: True", "model_eval: 3", r"model_eval: must be True or False, but got 3"),
        ("seed: 2021", "seed: two", r"seed: must be a whole number, but got 'two'"),
        ("scheduler_type: Step", "scheduler_type:", r"lr_scheduler: it is on, but got no type"),
        ("epochs: 100", "epochs: 100\nepochs: 3", r'line \d+: must be YAML, but found duplicate key "epochs"'),
        ("  batch_size: 64", "  batch_size: 64\n  epochs: 7", r"epochs is given twice, as 7 and 100"),
        ("seed: 2021", "seed: &s 2021", r"line \d+: anchors and aliases are not read, but got 's'"),
        ("seed: 2021", "seed: *s", r"line \d+: anchors and aliases are not read, but got 's'"),
        ("seed: 2021", "seed: !!python/name:os.system 1", r"line \d+: tags are not read"),
        ("seed: 2021", "<<: {seed: 2021}", r"line \d+: merges are not read, but got '<<'"),
        ("seed: 2021", "2021: seed", r"a key must be text, but got 2021"),
        ("seed: 2021", "seed: [2021", r"line \d+: must be YAML"),
        ("seed: 2021", f"seed: {'[' * 30}{']' * 30}", r"at most 20 levels"),
    ],
)
def test_a_file_with_a_fault_is_refused_in_one_sentence(write, old: str, new: str, words: str) -> None:
    text = FILE + BLOCK
    assert old in text
    with pytest.raises(ConfigError, match=rf"input\.yaml: .*{words}") as caught:
        read_published(write(text.replace(old, new, 1)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- 1\n- 2\n", r"must hold keys and values such as 'batch_size: 64', but got \[1, 2\]"),
        (b"", "must hold keys and values"),
        (b"{}", "must hold keys and values"),
        (b"seed: \xff\n", "must be UTF-8 text, but byte 6 is not"),
        (b"#" * 1_000_001, "at most 1000000 bytes"),
    ],
)
def test_a_file_that_is_no_input_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "input.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_published(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        read_published(tmp_path / "nowhere.yaml")
