"""How well an AdvVAE's scores tell foreign images, as a figure of every epoch; and the embedded set to tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

from sparring.data import load_dataset, read_card
from sparring.data.foreign import ROWS, read_foreign
from sparring.errors import UsageError
from sparring.ledger import trial_rows
from sparring.models.advvae import AdvVAE
from sparring.models.advvae_config import Config
from sparring.models.foreign import Foreign
from sparring.records import Objective, Outcome
from sparring.space import find_space, read_space, write_toml
from sparring.study import open_folder, prepare
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
        model.confront({"image": patches()})
    return model.eval()


def patches() -> torch.Tensor:
    return torch.from_numpy(read_foreign("patches", ["image"], "space").fields["image"].copy())


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
    own, foreign = model.score(digits), model.score(patches())
    sums = {name: float(value) for name, value in model.evaluate(image=digits).items()}
    figures = model.figures(sums)
    for name, values in own.items():
        labels = [0] * len(digits) + [1] * 520
        expected = roc_auc_score(labels, torch.cat([values, foreign[name]]).numpy())
        assert figures[f"val/auroc_{name}"] == pytest.approx(expected, abs=1e-12)
    assert 0 < figures["val/auroc_discriminator"] < 1


def test_it_adds_up_however_rows_come_in_batches(digits):
    model = trained(digits)
    whole = model.foreign.sums(model.score, digits)
    parts = [model.foreign.sums(model.score, rows) for rows in digits.split([50, 7, 63])]
    for name, value in whole.items():
        assert float(value) == pytest.approx(float(sum(part[name] for part in parts)), rel=1e-12)


def test_ties_count_half():
    foreign = Foreign(patches())
    constant = foreign.sums(lambda rows: {"flat": torch.zeros(len(rows))}, torch.zeros(4, 1, 8, 8))
    assert float(constant["auroc_flat"]) == 2.0


def test_without_another_set_nothing_is_measured_and_weights_are_the_models_alone(digits):
    plain, told = trained(digits, out_dataset=None), trained(digits)
    assert not [name for name in plain.evaluate(image=digits) if name.startswith("auroc")]
    assert plain.state_dict().keys() == told.state_dict().keys()
    assert set(Config.emitted()) >= {f"val/{name}" for name in told.evaluate(image=digits) if name.startswith("auroc")}


def test_at_most_so_many_are_drawn_the_same_each_time():
    first, again = (read_foreign("digits", ["image"], "space") for _ in range(2))
    assert len(first) == ROWS
    assert first.sha256 == again.sha256
    assert len(set(first.ids)) == ROWS


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["out_dataset=muons"], r"out_dataset: muons holds .*, no image; choose a set"),
        (["out_dataset=patchs"], r"out_dataset: .*no data set 'patchs'"),
        ([], r"val/auroc_discriminator is measured only where out_dataset is set, .*; add --set out_dataset=…"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_starts(tmp_path, settings, words):
    with pytest.raises(UsageError, match=words):
        prepare("advvae", objectives=["val/auroc_discriminator"], settings=settings, results=tmp_path)


def test_all_trials_are_told_from_the_same_set(tmp_path):
    raw = read_space(find_space("advvae"))
    raw["search"]["out_dataset"] = {"choice": ["digits", "patches"]}
    raw["defaults"]["out_dataset"] = "patches"
    (tmp_path / "two.toml").write_text(write_toml(raw))
    with pytest.raises(UsageError, match=r"search\.out_dataset: all trials are told from the same set"):
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
    monkeypatch.setattr(f"{read_foreign.__module__}.ROWS", 100)  # as if the folder it lies in held another set now
    with pytest.raises(UsageError, match=r"out_dataset_sha256 was .* give this search its own --name"):
        prepare("advvae", **options)


@pytest.mark.ray
@pytest.mark.slow
def test_a_slot_gets_it_with_the_rows_and_reads_no_data_set(ray_cluster, tmp_path, monkeypatch):
    """On another node there may be none to read."""
    import ray

    from sparring.cluster.court import open_court
    from sparring.cluster.search import store
    from sparring.cluster.trainer import Brief, Trainer

    settings = ["out_dataset=patches", "image_size=8", "hidden_dims=[4]", "hidden_dims_dis=[4]", "epochs=1"]
    study = prepare("advvae", settings=settings, results=tmp_path, trials=1, slots=1)
    open_folder(study)
    space, metrics = study.space.without_model(), study.config_class.emitted()
    referee = open_court(study.folder, study.spec, space, epochs=study.epochs, metrics=metrics)
    material = store(study.rows)
    monkeypatch.setattr("sparring.data.cards.read_card", None)
    Trainer(Brief(spec=study.spec, referee=referee, **vars(material))).train(ray.get(referee.ask.remote()), "only")
    ray.get(referee.close.remote())
    ray.kill(referee)
    (row,) = trial_rows(study.folder)
    assert row.outcome is Outcome.COMPLETED
    assert {f"val/{name}" for name in ("auroc_reconstruction", "auroc_discriminator")} < row.metrics.keys()


def test_without_one_nothing_is_handed_out(tmp_path):
    assert prepare("advvae", results=tmp_path).rows("foreign") == {}


def test_training_a_pinned_file_measures_it_too(digits):
    config = Config(**SMALL, out_dataset="patches", batch_size=40, epochs=1)
    rows = {"image": digits.numpy()}
    trained = train_single(
        AdvVAE, config, rows, rows, seed=0, objective=Objective(metric="val/auroc_reconstruction", goal="maximize"),
        watch=lambda row: None, foreign={"image": patches().numpy()},
    )  # fmt: skip
    assert trained.best is not None
    assert 0 <= trained.best.metrics["val/auroc_reconstruction"] <= 1
    assert "foreign.image" not in trained.state
