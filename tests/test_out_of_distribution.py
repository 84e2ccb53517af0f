"""How well an AdvVAE's scores tell foreign images, as a figure of every epoch; and the embedded set to tell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

from sparring.data import load_dataset, read_card
from sparring.data.cards import find_card
from sparring.data.out_of_distribution import ROWS, read_ood
from sparring.errors import UsageError
from sparring.ledger import trial_rows
from sparring.models.advvae.config import Config
from sparring.models.advvae.model import AdvVAE
from sparring.models.metrics.out_of_distribution import Foreign
from sparring.records import Objective, Outcome
from sparring.space import find_space, pin, read_space, write_toml
from sparring.study import Limits, load_ood, open_folder, prepare
from sparring.training.single import train_single

SMALL = {"image_size": 8, "hidden_dims": (4,), "hidden_dims_dis": (4,), "latent_dim": 3}


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return torch.from_numpy(load_dataset("digits").fields["image"][:120].copy())


def trained(digits: torch.Tensor, **fields: object) -> AdvVAE:
    torch.manual_seed(3)
    model = AdvVAE(Config(**{**SMALL, "out_dataset": "patches", **fields}), {"image": (1, 8, 8)})
    model.prepare({"image": digits})
    if model.config.out_dataset is not None:
        model.set_ood_samples({"image": patches()})
    return model.eval()


def patches() -> torch.Tensor:
    return torch.from_numpy(read_ood("patches", ["image"], "space").fields["image"].copy())


def test_patches_are_the_photographs_in_squares():
    data = load_dataset("patches")
    assert data.fields["image"].shape == (520, 3, 32, 32)
    assert read_card("patches").fields["image"].shape == (3, 32, 32)
    china, flower = load_sample_images().images
    row = data.ids.index("flower-032-064")
    assert np.array_equal(data.fields["image"][row], flower[32:64, 64:96].transpose(2, 0, 1))
    assert np.array_equal(data.fields["image"][0], china[:32, :32].transpose(2, 0, 1))
    assert load_dataset("patches", options={"side": 16}).shapes == {"image": (3, 16, 16)}


@torch.no_grad()
def test_each_auroc_is_scikit_learns(digits):
    model = trained(digits)
    own, ood = model.score({"image": digits}), model.score({"image": patches()})
    sums = model.evaluate(image=digits)
    figures = model.figures(sums)
    for name, values in own.items():
        labels = [0] * len(digits) + [1] * 520
        expected = roc_auc_score(labels, torch.cat([values, ood[name]]).numpy())
        assert figures[f"val/auroc_{name}"] == pytest.approx(expected, abs=1e-12)
    assert 0 < figures["val/auroc_discriminator"] < 1


def test_it_adds_up_however_rows_come_in_batches(digits):
    model = trained(digits)
    ood = model.ood_scores()
    whole = model.ood.sums(model.score({"image": digits}), ood)
    parts = [model.ood.sums(model.score({"image": rows}), ood) for rows in digits.split([50, 7, 63])]
    for name, value in whole.items():
        assert float(value) == pytest.approx(float(sum(part[name] for part in parts)), rel=1e-12)


def test_ties_count_half():
    ood = Foreign(patches())
    constant = ood.sums({"flat": torch.zeros(4)}, {"flat": torch.zeros(520)})
    assert float(constant["auroc_flat"]) == 2.0


def test_without_another_set_nothing_is_measured_and_weights_are_the_models_alone(digits):
    plain, told = trained(digits, out_dataset=None), trained(digits)
    assert not [name for name in plain.evaluate(image=digits) if name.startswith("auroc")]
    assert plain.state_dict().keys() == told.state_dict().keys()
    assert set(Config.emitted()) >= {f"val/{name}" for name in told.evaluate(image=digits) if name.startswith("auroc")}


def test_at_most_so_many_are_drawn_the_same_each_time():
    first, again = (read_ood("digits", ["image"], "space") for _ in range(2))
    assert len(first) == ROWS
    assert first.sha256 == again.sha256
    assert len(set(first.ids)) == ROWS


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["out_dataset=muons"], r"out_dataset: muons holds .*, no image; choose a set"),
        (["out_dataset=patchs"], r"out_dataset: .*no data set 'patchs'"),
        (
            ["out_dataset=images"],
            r"out_dataset: data set images: .* not shipped; give --set out_path=…, an \.npy of bytes",
        ),
        (
            ["out_dataset=images", "out_path=no.npy"],
            r"--set out_path=… must exist, but there is no /.*/no\.npy; give an",
        ),
        (
            ["out_dataset=patches", "out_path=x"],
            r"out_dataset: data set patches: it is embedded and takes no path, but",
        ),
        (["out_path=x.npy"], r"out_path leads to the files of out_dataset, but got '/.*/x\.npy' alone; set both"),
        (
            ["out_dataset=shapes"],
            r"out_dataset: shapes is what the model learns, the same samples; name an out-of-distribution set",
        ),
        ([], r"val/auroc_discriminator is measured only where out_dataset is set, .*; add --set out_dataset=…"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_starts(tmp_path, settings, words):
    with pytest.raises(UsageError, match=words):
        prepare("advvae", objectives=["val/auroc_discriminator"], settings=settings, results=tmp_path)


@pytest.mark.parametrize("field", ["out_dataset", "out_path"])
def test_all_trials_are_told_from_the_same_set(tmp_path, field):
    raw = read_space(find_space("advvae"))
    raw["fixed"]["out_dataset"] = raw["defaults"][field] = "patches"
    raw["fixed"] = {key: value for key, value in raw["fixed"].items() if key != field}
    raw["search"][field] = {"choice": ["digits", "patches"]}
    (tmp_path / "two.toml").write_text(write_toml(raw))
    with pytest.raises(UsageError, match=rf"search\.{field}: every trial is compared with the same"):
        prepare("advvae", space=str(tmp_path / "two.toml"), results=tmp_path)


def test_a_search_may_be_led_by_it(tmp_path):
    names = ["val/auroc_discriminator", "val/mse_recon"]
    study = prepare("advvae", objectives=names, settings=["out_dataset=patches"], results=tmp_path)
    assert [(each.metric, each.goal) for each in study.spec.objectives] == [
        (names[0], "maximize"),
        (names[1], "minimize"),
    ]


def test_a_foreign_set_that_has_changed_is_another_search(tmp_path, monkeypatch):
    options = {"settings": ["out_dataset=patches"], "results": tmp_path}
    open_folder(prepare("advvae", **options))
    prepare("advvae", **options)
    monkeypatch.setattr(f"{read_ood.__module__}.ROWS", 100)  # as if the folder it lies in held another set now
    with pytest.raises(
        UsageError, match=r"the samples of out_dataset are others than they were; give this search its own --name"
    ):
        prepare("advvae", **options)


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """The folder the user is in: images of theirs, and others."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, rows in (("mine", 60), ("others", 40)):
        np.save(tmp_path / f"{name}.npy", rng.integers(0, 256, (rows, 8, 8), dtype=np.uint8))
    return tmp_path


TOLD = ["out_dataset=images", "out_path=others.npy"]


def test_ones_own_images_are_told_from_others_of_ones_own(own, monkeypatch):
    asked = {"dataset": "images", "data_path": own / "mine.npy", "results": own}
    study = prepare("advvae", settings=["out_dataset=images", "out_path=others.npy"], **asked)
    np.testing.assert_array_equal(study.rows("ood")["image"][:, 0], np.load(own / "others.npy"))
    np.testing.assert_array_equal(study.dataset.fields["image"][:, 0], np.load(own / "mine.npy"))
    open_folder(study)
    (own / "elsewhere").mkdir()
    monkeypatch.chdir(own / "elsewhere")
    prepare("advvae", settings=["out_dataset=images", "out_path=../others.npy"], **asked)  # the same search, resumed
    pinned = pin(study.space, study.space.baseline(), seed=0, found={})
    assert pinned["fixed"]["out_path"] == str(own / "others.npy")
    ood = load_ood(Config(**pinned["fixed"]), "best.toml")
    assert ood is not None
    assert ood.sha256 == study.ood.sha256


@pytest.mark.parametrize("given", ["mine.npy", "copy.npy"])
def test_the_same_images_are_not_foreign_whatever_their_file(own, given):
    shutil.copy(own / "mine.npy", own / "copy.npy")
    asked = {"dataset": "images", "data_path": Path("mine.npy"), "results": own}
    with pytest.raises(UsageError, match=r"out_dataset: images is what the model learns, the same samples; name a"):
        prepare("advvae", settings=["out_dataset=images", f"out_path={given}"], **asked)


def test_a_foreign_set_may_have_a_card_of_ones_own(own):
    card = find_card("images").read_text(encoding="utf-8").replace('name = "images"', 'name = "few"')
    (own / "few.toml").write_text(card.replace("[fields", "[options]\nrows = 20\n\n[fields"), encoding="utf-8")
    study = prepare("advvae", settings=["out_dataset=few.toml", "out_path=others.npy"], results=own)
    assert study.rows("ood")["image"].shape == (20, 1, 8, 8)
    assert study.spec.space["fixed"]["out_dataset"] == str(own / "few.toml")


def test_a_pinned_file_is_trained_against_them(own, run_verb):
    fixed = {**SMALL, "epochs": 1, "batch_size": 40, "out_dataset": "images", "out_path": "others.npy"}
    raw = {"model": "advvae", "dataset": "images", "data_path": "mine.npy", "fixed": fixed}
    (own / "best.toml").write_text(write_toml(raw | {"objectives": [{"metric": "val/auroc_reconstruction"}]}))
    assert run_verb("train", "best.toml", "-o", own / "out") == 0
    assert 0 <= json.loads((own / "out" / "metrics.json").read_text())["val/auroc_reconstruction"] <= 1


def test_training_names_the_field_that_leads_to_them(own, run_verb, capsys):
    fixed = {**SMALL, "out_dataset": "images"}
    raw = {"model": "advvae", "dataset": "images", "data_path": "mine.npy", "fixed": fixed}
    (own / "best.toml").write_text(write_toml(raw | {"objectives": [{"metric": "val/mse_recon"}]}))
    assert run_verb("train", "best.toml", "-o", own / "out") == 2
    assert (
        "best.toml: out_dataset: data set images: its files are not shipped; give out_path, " in capsys.readouterr().err
    )


@pytest.mark.ray
@pytest.mark.slow
def test_a_slot_gets_it_with_the_rows_and_reads_no_data_set(ray_cluster, tmp_path, monkeypatch):
    """On another node there may be none to read."""
    import ray

    from sparring.cluster.data_refs import store
    from sparring.cluster.referee_actor import open_referee
    from sparring.cluster.trainer import Trainer, WorkerInputs

    settings = ["out_dataset=patches", "image_size=8", "hidden_dims=[4]", "hidden_dims_dis=[4]", "epochs=1"]
    study = prepare("advvae", settings=settings, results=tmp_path, limits=Limits(trials=1, slots=1))
    open_folder(study)
    space, metrics = study.space.without_model(), study.config_class.emitted()
    referee = open_referee(study.folder, study.spec, space, epochs=study.epochs, metrics=metrics)
    material = store(study.rows)
    monkeypatch.setattr("sparring.data.cards.read_card", None)
    Trainer(WorkerInputs(spec=study.spec, referee=referee, **vars(material))).train(
        ray.get(referee.ask.remote()), "only"
    )
    ray.get(referee.close.remote())
    ray.kill(referee)
    (row,) = trial_rows(study.folder)
    assert row.outcome is Outcome.COMPLETED
    assert {f"val/{name}" for name in ("auroc_reconstruction", "auroc_discriminator")} < row.metrics.keys()


def test_without_one_nothing_is_handed_out(tmp_path):
    assert prepare("advvae", results=tmp_path).rows("ood") == {}


def test_training_a_pinned_file_measures_it_too(digits):
    config = Config(**SMALL, out_dataset="patches", batch_size=40, epochs=1)
    rows = {"image": digits.numpy()}
    trained = train_single(
        AdvVAE, config, rows, rows, seed=0, objective=Objective(metric="val/auroc_reconstruction", goal="maximize"),
        watch=lambda row: None, ood={"image": patches().numpy()},
    )  # fmt: skip
    assert trained.best is not None
    assert 0 <= trained.best.metrics["val/auroc_reconstruction"] <= 1
    assert "foreign.image" not in trained.state
