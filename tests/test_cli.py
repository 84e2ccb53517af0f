"""Bad input, as a user meets it: one sentence, exit code 2, nothing started, nothing written."""

from __future__ import annotations

import os
import re

import pytest

from sparring.errors import UsageError
from sparring.ledger import lock_study, write_study
from sparring.study import Limits, open_folder, prepare

SPACE = """
model = "aegan"
dataset = "exafs"
[[objectives]]
metric = "val/score"
[data]
n = 200
[fixed]
epochs = 2
[search]
lr_gen = {{ {lr_gen} }}
"""


@pytest.fixture
def say(tmp_path, monkeypatch, capsys, run_verb):
    """Runs a command in an empty folder; returns its exit code and what it said on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sparring.cluster.session.connect", refuse_to_start)

    def run(*arguments: str) -> tuple[int, str]:
        return run_verb(*arguments), " ".join(capsys.readouterr().err.split())

    return run


def refuse_to_start(*_arguments):
    raise AssertionError("Ray was started")


REFUSED = {
    "unknown model": (["search", "aegam"], r"no model 'aegam'; did you mean 'aegan'\? There are: .*mlp_aae"),
    "unknown space": (["search", "aegan", "--space", "nowhere"], r"no search space 'nowhere'; there are: .*aegan"),
    "space without a file": (["search", "aegan", "--space", "x/no.toml"], r"x/no.toml.*no such file"),
    "unknown data set": (["search", "aegan", "--dataset", "exaf"], r"no data set 'exaf'; did you mean 'exafs'\?"),
    "unknown key": (["search", "aegan", "--set", "hiden_size=64"], r"--set hiden_size=64.*hidden_size"),
    "setting without a value": (["search", "aegan", "--set", "hidden_size"], r"wants key=value"),
    "value the model refuses": (
        ["search", "aegan", "--set", "hidden_size=0"],
        r": --set hidden_size=0: aegan refuses 0: wants at least 1$",
    ),
    "value of another kind": (
        ["search", "aegan", "--set", "epochs=three"],
        r": --set epochs=three: aegan refuses 'three': wants a whole number$",
    ),
    "unknown data option": (
        ["search", "aegan", "--set", "data.sede=3"],
        r": --set data.sede=3: exafs has no option 'sede'; did you mean 'seed'\?",
    ),
    "value the data refuse": (
        ["search", "aegan", "--set", "data.n=no"],
        r": --set data.n=no: the data of exafs refuse 'no': wants a whole number$",
    ),
    "metric that is nearly one": (
        ["search", "aegan", "--objective", "val/scor"],
        r": --objective val/scor: aegan does not measure val/scor; did you mean 'val/score'\? There are: ",
    ),
    "metric of another system": (
        ["search", "aegan", "--objective", "val/auc"],
        r": --objective val/auc: aegan does not measure val/auc; there are: (?!.*val/distance).*val/score",
    ),
    "data set that is nearly one": (
        ["search", "aegan", "--dataset", "mnsit"],
        r"no data set 'mnsit'; did you mean 'mnist'\? Or give",
    ),
    "sampler that is nearly one": (["search", "aegan", "--sampler", "prio"], r"did you mean 'prior'\?"),
    "neither folder nor study": (
        ["predict", "nosuch"],
        r"nosuch: no such folder, and no study of that name; there are: none; make one",
    ),
    "no trials": (["search", "aegan", "--trials", "0"], r"--trials: a search runs at least 1 trial, but got 0"),
    "no slots": (["search", "aegan", "--slots", "0"], r"--slots: .*at least 1 slot, but got 0"),
    "no time": (["search", "aegan", "--time", "0s"], r"--time: .*more than 0 seconds"),
    "time in another form": (["search", "aegan", "--time", "soon"], r"--time: wants a duration such as 90s.*'soon'"),
    "no processor time": (["search", "aegan", "--cpu-hours", "0"], r"--cpu-hours: .*more than 0 hours.*but got 0;?"),
    "less than none": (["search", "aegan", "--cpu-hours", "-2"], r"--cpu-hours: .*more than 0 hours.*but got -2"),
    "processor time without end": (["search", "aegan", "--cpu-hours", "inf"], r"--cpu-hours: .*an end, but got inf"),
    "GPU time that is no number": (
        ["search", "aegan", "--gpu-hours", "nan", "--gpus-per-worker", "1"],
        r"--gpu-hours: .*more than 0 hours.*but got nan",
    ),
    "GPU time without a GPU": (
        ["search", "aegan", "--gpu-hours", "2"],
        r"--gpu-hours: its trials have no GPU.*--gpus-per-worker 1, or use --cpu-hours",
    ),
    "processor time of GPUs": (
        ["search", "aegan", "--cpu-hours", "2", "--gpus-per-worker", "0.5"],
        r"--cpu-hours: training on GPUs is counted on theirs.*use --gpu-hours",
    ),
    "unknown sampler": (
        ["search", "aegan", "--sampler", "bayes"],
        r"--sampler: no sampler 'bayes'; .* prior, tpe, gp, .* grid",
    ),
    "unknown pruner": (
        ["search", "aegan", "--pruner", "sh"],
        r"--pruner: no pruner 'sh'; there are: halving",
    ),
    "name with ..": (["search", "aegan", "--name", "a..b"], r"--name: .*holds no '\.\.', but got 'a\.\.b'"),
    "name with /": (["search", "aegan", "--name", "../x"], r"--name: .*but got '\.\./x'"),
    "results inside a file": (["search", "aegan", "--results", "a-file/x"], r"--results: .*a-file is a file"),
    "fe-xanes without a path": (["search", "aegan", "--dataset", "fe-xanes"], r"--data-path"),
    "data path that is not there": (
        ["search", "aegan", "--dataset", "fe-xanes", "--data-path", "nowhere"],
        r"nowhere",
    ),
    "unknown split": (["search", "aegan", "--split", "90/10"], r"no split '90/10'; there are: 80/20, 75/15/10"),
    "a k-fold as the split": (
        ["search", "aegan", "--split", "kfold"],
        r"no split 'kfold'.* `sparring train`'s, --kfold",
    ),
    "split with one test row": (
        ["search", "aegan", "--split", "75/15/10", "--set", "data.n=10"],
        r"--split 75/15/10: each part needs at least 2 rows, but the 10 of exafs give train 7, valid 2, test 1",
    ),
    "config that is not there": (["search", "aegan", "--config", "no.yaml"], r"no\.yaml"),
    "unknown study": (["report", "nothing"], r"no study 'nothing' under results; there are: none"),
    "train without a file": (["train", "no.toml"], r"no\.toml: no such file; .*`sparring best STUDY -o no\.toml`"),
    "train what is still searched": (["train", "space.toml"], r"nothing to search, but got \[search\] lr_gen"),
    "low above high": (
        ["search", "aegan", "--space", "high.toml"],
        r"high\.toml: search\.lr_gen: .*low=0\.1, high=0\.01",
    ),
    "log from zero": (["search", "aegan", "--space", "log.toml"], r"log\.toml: search\.lr_gen: .*0 < low.*low=0\.0"),
    "empty choice": (["search", "aegan", "--space", "empty.toml"], r"empty\.toml: search\.lr_gen: choice.*\[\]"),
    "default outside": (["search", "aegan", "--space", "out.toml"], r"out\.toml: .*lr_gen.*0\.01"),
}
WRITTEN = {
    "space.toml": "loguniform = [1e-5, 1e-1]",
    "high.toml": "uniform = [0.1, 0.01]",
    "log.toml": "loguniform = [0.0, 0.1]",
    "empty.toml": "choice = []",
    "out.toml": "loguniform = [1e-5, 1e-3]",
}


@pytest.mark.fault(57)
@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_sentence_and_nothing_is_written(case, say, tmp_path):
    arguments, words = REFUSED[case]
    (tmp_path / "a-file").write_text("")
    for name, dimension in WRITTEN.items():
        (tmp_path / name).write_text(SPACE.format(lr_gen=dimension))
    before = sorted(tmp_path.rglob("*"))
    code, said = say(*arguments)
    assert code == 2, said
    assert re.search(words, said), said
    assert "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_published_key_with_a_typo_is_refused_by_name(say, tmp_path):
    (tmp_path / "in.yaml").write_text("hyperparams:\n  model: aegan\n  hiden_size: 64\n")
    code, said = say("search", "aegan", "--config", "in.yaml")
    assert code == 2
    assert "hiden_size" in said
    assert "hidden_size" in said


PUBLISHED = """
hyperparams:
  model: aegan
  batch_size: 64
  n_hl_gen: 3
  n_hl_shared: 2
  n_hl_dis: 2
  hidden_size: 256
  activation: prelu
  loss_gen:
    loss_fn: wcc
    loss_args: 10
    loss_reg_type: null
    loss_reg_param: 0.001
  loss_dis:
    loss_fn: bce
    loss_args: null
    loss_reg_type: null
    loss_reg_param: 0.001
  lr_gen: 0.02
  lr_dis: 0.0001
  optim_fn_gen: Adam
  optim_fn_dis: Adam
  dropout: 0.0
  weight_init_seed: 2023
  kernel_init: xavier_uniform
  bias_init: zeros
lr_scheduler:
  scheduler: True
  scheduler_type: Exponential
  scheduler_param:
    gamma: 0.001
seed: 2021
model_eval: True
"""


def test_a_published_file_is_the_baseline_as_it_stands(tmp_path):
    (tmp_path / "in.yaml").write_text(PUBLISHED)
    study = prepare("aegan", config=tmp_path / "in.yaml", settings=["data.n=200"], results=tmp_path / "results")
    config = study.space.config(study.space.baseline())
    assert (config.lr_gen, config.n_hl_gen, config.loss_gen, config.wcc_width) == (0.02, 3, "wcc", 10.0)
    assert (config.weight_init_seed, config.lr_schedule, config.schedule_gamma) == (2023, "exponential", 0.001)
    assert study.spec.seed == 2021
    assert [len(part) for part in (study.split.train, study.split.valid, study.split.test)] == [150, 30, 20]


def test_more_slots_than_cpus_are_refused_before_ray_starts(say, tmp_path):
    code, said = say("search", "aegan", "--slots", "4096")
    assert code == 2
    assert re.search(
        r"--slots: asked for 4096 slots of 1 CPU, but this machine has room for \d+ .*use --slots \d+ or fewer",
        said,
    ), said
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ("--workers-per-trial 64", r"use --workers-per-trial \d+"),
        ("--cpus-per-worker 4096", r"use --cpus-per-worker \d+"),
        ("--workers-per-trial 2 --gpus-per-worker 0.5", "a GPU each"),
        ("--gpus-per-worker 1.5", "a worker uses one GPU"),
        ("--sync-batchnorm", "several workers"),
        ("--precision fp8", "there are: fp32, tf32, bf16"),
        ("--silence-limit soon", "wants a duration"),
        ("--set batch_size=4 --workers-per-trial 3", "keep batch_size at 6 or above"),
    ],
)
def test_what_workers_cannot_be_given_is_refused_before_ray_starts(say, tmp_path, flags, rule):
    code, said = say("search", "aegan", "--slots", "1", *flags.split())
    assert code == 2
    assert re.search(rule, said), said
    assert "\n" not in said.strip()
    assert not (tmp_path / "results").exists()


def test_a_locked_study_exits_with_3_and_names_the_holder(say, tmp_path):
    folder = tmp_path / "results" / "aegan-exafs"
    folder.mkdir(parents=True)
    with lock_study(folder):
        code, said = say("search", "aegan", "--set", "data.n=200")
    assert code == 3
    assert f"process {os.getpid()}" in said


@pytest.mark.fault(62)
def test_a_study_of_another_search_under_the_same_name_is_refused(say, tmp_path):
    folder = tmp_path / "results" / "aegan-exafs"
    write_study(folder, {"spec": {"name": "aegan-exafs"}, "kinds": {}, "metrics": [], "identity": {"model": "other"}})
    code, said = say("search", "aegan", "--set", "data.n=200")
    assert code == 2
    assert "the same name resumes the same search, but model was 'other' and is 'aegan'" in said
    assert "--name" in said


def test_a_study_without_trials_has_nothing_to_pin(say, tmp_path):
    study = prepare("aegan", settings=["data.n=200"], results=tmp_path / "results")
    study.folder.mkdir(parents=True)
    open_folder(study)
    for verb in ("best", "report"):
        code, said = say(verb, "aegan-exafs")
        assert code == 5, said


@pytest.mark.parametrize("verb", ["search", "report", "best", "train", "models", "datasets"])
def test_every_verb_has_help_with_its_purpose(verb, run_verb, capsys):
    assert run_verb(verb, "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_models_and_datasets_are_listed(capsys, run_verb):
    for verb, word in (("models", "aegan"), ("datasets", "fe-xanes")):
        assert run_verb(verb) == 0
        assert word in (said := capsys.readouterr().out)
        assert verb == "datasets" or re.search(r"^aegan +AEGAN: .* exafs *$", said, re.MULTILINE)
    assert re.search(r"digits .*embedded +aae, advvae, mlp_aae", said), (
        "which works offline, and for whom, in 80 columns"
    )
    assert "embedded sets need no net" in said


def test_a_study_of_cpus_is_not_gone_on_with_on_gpus(tmp_path):
    """Their generators draw other noise, so trials of both would not compare."""
    asked = {"settings": ["data.n=80"], "results": tmp_path}
    open_folder(prepare("aegan", **asked, limits=Limits(trials=2, slots=1)))
    with pytest.raises(UsageError, match=r"device was 'cpu' and is 'gpu'; give this search its own --name"):
        prepare("aegan", **asked, limits=Limits(trials=2, slots=1, gpus_per_worker=1.0))


def test_two_searches_of_one_name_differ_in_fields_and_values_not_in_checksums(tmp_path):
    asked = {"results": tmp_path, "limits": Limits(trials=2, slots=1)}
    open_folder(prepare("aegan", **asked, settings=["data.n=80", "epochs=2"]))
    with pytest.raises(UsageError) as refused:
        prepare(
            "aegan",
            **asked,
            settings=["data.n=90", "epochs=3", "hidden_size=64"],
            objectives=["val/mse_recon_spectrum"],
        )
    said = str(refused.value)
    assert "epochs was 2 and is 3" in said
    assert "hidden_size was {'choice': [" in said
    assert "and is 64" in said
    assert "objectives was [{'metric': 'val/score'" in said
    assert "the data of exafs are others than they were" in said
    assert "data.n was 80 and is 90" in said
    assert not re.search(r"[0-9a-f]{16}", said)


def test_a_study_that_another_has_begun_since_is_looked_at_again_under_the_lock(tmp_path):
    mine, others = (
        prepare("aegan", settings=["data.n=80"], results=tmp_path, limits=Limits(trials=2, slots=1, seed=seed))
        for seed in (None, 5)
    )
    open_folder(others)
    with pytest.raises(UsageError, match=r"seed was 5 and is 0"):
        open_folder(mine)
