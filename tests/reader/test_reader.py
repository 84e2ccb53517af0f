"""A bundle is read without torch, and answers as torch does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest, spearmanr
from support.systems import variants
from support.untrained import bundled, trained

from sparring.data.embedded.shapes import KINDS
from sparring.errors import DataError, UnknownName, UsageError
from sparring.production.handover import bundle
from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry
from sparring.reader import load
from sparring.reader.layers import normal_share
from sparring.reader.systems import SYSTEMS

TOLERANCE = 1e-5
"""Of the largest value: float32, whose products are added up in another order."""


def close(found, truth):
    truth = truth.numpy()
    assert found.dtype == np.float32
    assert found.shape == truth.shape
    return float(np.abs(found - truth).max()) / (float(np.abs(truth).max()) or 1.0)


CLASSES = [{"classes": len(KINDS)}, {"classes": len(KINDS), "labelled_rows": 20}]
MORE = {"mlp_aae": [*CLASSES, {**CLASSES[1], "encoder": "deterministic"}]}
CASES = [
    pytest.param(name, changes, id=f"{name}-{number}")
    for name in SYSTEMS
    for number, changes in enumerate([{}, *variants(name), *MORE.get(name, [])])
]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_every_verb_answers_as_torch_does(name, changes, tmp_path):
    setting, model = trained(name, **changes)
    read = load(bundled(tmp_path / "bundle", setting, model))
    rows = setting.part("valid", 100)
    arrays = {field: values.numpy() for field, values in rows.items()}
    for verb in ("predict", "reconstruct"):
        if verb not in read.system.verbs:
            continue
        truth = getattr(model, verb)(rows)
        given = {field: arrays[field] for field in read.system.takes(verb)}
        found = getattr(read, verb)(given)
        assert found.keys() == truth.keys()
        for field, values in truth.items():
            assert close(found[field], values) < TOLERANCE, (verb, field)
    if "sample" in read.system.verbs:
        draws = read.draws(50, seed=3)
        (samples,) = read.sample(draws).values()
        assert close(samples, decoded(name, model, {key: torch.from_numpy(each) for key, each in draws.items()})) < (
            TOLERANCE
        )
    if "encode" in read.system.verbs:
        codes = read.encode({field: arrays[field] for field in read.system.takes("encode")})
        for key, values in encoded(name, model, rows).items():
            assert close(codes[key], values) < TOLERANCE, key


def test_an_aegan_that_learned_one_way_answers_that_way_alone(tmp_path):
    read = load(bundled(tmp_path / "bundle", *trained("aegan", mode="train_xanes")))
    assert (read.system.verbs, read.system.takes("predict")) == (("predict",), ("spectrum",))
    structures = np.zeros((2, *read.system.shapes["structure"]), np.float32)
    with pytest.raises(DataError, match="predict: wants spectrum, but got structure"):
        read.predict({"structure": structures})
    with pytest.raises(UsageError, match="reconstruct: aegan cannot; it can predict"):
        read.reconstruct({"structure": structures})
    assert list(read.schema["verbs"]) == ["predict"]
    assert [each["name"] for each in read.schema["verbs"]["predict"]["outputs"]] == ["structure"]


@torch.no_grad()
def decoded(name, model, draws):
    """What torch makes of the draws."""
    if name == "auxgan":
        made = model.generate(draws["noise"], draws["aux"], draws["uniform"])
        return model.frame.unbox(model._outward(made.seen), made.charge)
    if name == "boost_vae":
        return model.made_of(draws | {"code": draws["codes"]})["muons"]
    if name == "aux_aae":
        return model.ranks.inverse(model.decoder(draws["codes"]))
    code = {"code": draws["codes"]} | {key: each for key, each in draws.items() if key == "classes"}
    return model.made_of(code)["image"]


@torch.no_grad()
def encoded(name, model, rows):
    if name == "aux_aae":
        return {"codes": model.encode(rows, seed=0)["codes"]}
    if name == "boost_vae":
        mean, log_variance = model._encode(model._inward(rows["muons"]))
    else:
        mean, log_variance = model.encode_x(model.view(rows["image"]))
    return {"codes": mean} | ({} if log_variance is None else {"log_variances": log_variance})


def test_correlated_auxiliary_values_are_drawn_as_torch_draws_them(tmp_path):
    setting, model = trained("auxgan", aux="1d", aux_draws="correlated")
    correlation = torch.full((4, 4), 0.8) + 0.2 * torch.eye(4)
    model.mixing.copy_(torch.linalg.cholesky(correlation))
    drawn = load(bundled(tmp_path / "bundle", setting, model)).draws(20_000, seed=0)["aux"]
    torchs = model.drawn(20_000)["aux"].numpy()
    np.testing.assert_allclose(spearmanr(drawn).statistic, spearmanr(torchs).statistic, atol=0.03)
    assert spearmanr(drawn).statistic[0, 3] > 0.7
    for column in drawn.T:
        assert kstest(column, "halfnorm").statistic < 0.02


def test_a_mixture_is_drawn_from_as_torch_draws_from_it(tmp_path):
    setting, model = trained("boost_vae", prior="mixture", components=3)
    with torch.no_grad():
        model.mixture.mean.copy_(torch.tensor([-4.0, 0.0, 4.0])[:, None])
        model.mixture.logit.copy_(torch.tensor([0.1, 0.2, 0.7]).log())
    drawn = load(bundled(tmp_path / "bundle", setting, model)).draws(20_000, seed=0)["codes"][:, 0]
    torchs = model.drawn(20_000)["code"][:, 0].detach().numpy()
    assert ks_2samp(drawn, torchs).statistic < 0.02
    shares = [(drawn < -2).mean(), (np.abs(drawn) < 2).mean(), (drawn > 2).mean()]
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.02)


@cache
def _shares():
    x = np.linspace(-10, 10, 20_001)
    return x, torch.special.ndtr(torch.from_numpy(x)).numpy()


def test_the_share_of_a_normal_distribution_is_right():
    x, truth = _shares()
    assert np.abs(normal_share(x) - truth).max() < 1e-9


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return bundled(tmp_path_factory.mktemp("whole") / "bundle", *trained("aegan"))


@pytest.fixture
def models(whole, tmp_path) -> Path:
    """Two versions of it, the first current again."""
    registry = Registry(address=str(tmp_path / "models"))
    files = {path.name: path.read_bytes() for path in whole.iterdir()}
    for _ in range(2):
        registry.promote("aegan", lambda version: seal("aegan", version, files), seen=registry.current("aegan"))
    registry.roll_back("aegan")
    return tmp_path / "models"


def test_the_current_version_is_read_or_the_one_that_is_asked_for(models, whole):
    assert load(models / "aegan").version == 1
    assert load(models / "aegan", 2).version == load(models / "aegan" / "2").version == 2
    assert load(whole).version == 0
    with pytest.raises(UnknownName, match=r"no model in production at .*, version 3"):
        load(models / "aegan", 3)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "schema.json", "manifest.json", "card.md"])
def test_a_changed_byte_is_seen(file, models):
    path = models / "aegan" / "1" / file
    data = bytearray(path.read_bytes() or b" ")
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=rf"{file}.*(was changed|is torn)"):
        load(models / "aegan")


def test_a_file_too_few_or_too_many_is_seen(models):
    (models / "aegan" / "1" / "more").write_text("")
    with pytest.raises(DataError, match="more differs"):
        load(models / "aegan")
    (models / "aegan" / "1" / "more").unlink()
    (models / "aegan" / "1" / "config.json").unlink()
    with pytest.raises(DataError, match=r"config.json differs"):
        load(models / "aegan")


def test_another_bundle_in_its_place_is_seen(models):
    shutil.rmtree(models / "aegan" / "1")
    shutil.copytree(models / "aegan" / "2", models / "aegan" / "1")
    with pytest.raises(DataError, match="the history has another manifest"):
        load(models / "aegan")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "wants structure or spectrum, but got nothing"),
        ({"energy": [1.0]}, "no field 'energy'"),
        ({"structure": np.zeros((2, 48))}, r"wants the shape \(rows, 49\), but got \(2, 48\)"),
        ({"structure": np.zeros((0, 49))}, r"but got \(0, 49\)"),
        ({"structure": np.full((2, 49), np.nan)}, "must be finite"),
        ({"structure": np.full((2, 49), 1e300)}, "must be finite"),
        ({"structure": np.full((2, 49), "a")}, "wants numbers, but got <U1"),
        ({"structure": np.zeros((2, 49)), "spectrum": np.zeros((3, 226))}, "rows: structure 2, spectrum 3"),
    ],
)
def test_what_it_cannot_read_is_refused(given, words, whole):
    with pytest.raises(DataError, match=words):
        load(whole).predict(given)


def test_a_verb_or_a_system_that_it_lacks_is_named(whole, tmp_path):
    with pytest.raises(UsageError, match="sample: aegan cannot; it can predict, reconstruct"):
        load(whole).sample({})
    other = {path.name: path.read_bytes() for path in whole.iterdir()}
    about = json.loads(other["model.json"]) | {"model": "advvae"}
    bundle.write(tmp_path / "other", "advvae", other | {"model.json": json.dumps(about).encode()})
    with pytest.raises(UnknownName, match=r"advvae is not read without torch; aegan, .* are; use sparring.load"):
        load(tmp_path / "other")


def test_neither_torch_nor_ray_nor_pandas_is_imported(whole):
    program = (
        "import sys; from sparring.reader import load; import numpy as np\n"
        f"model = load({str(whole)!r}); print(model.predict({{'structure': np.ones((2, 49))}})['spectrum'].shape)\n"
        "heavy = {'torch', 'ray', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'pydantic', 'optuna', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "(2, 226)\n[]\n"


def test_the_same_seed_draws_the_same_and_a_boost_makes_rarer(tmp_path):
    read = load(bundled(tmp_path / "bundle", *trained("aux_aae")))
    first, again, rarer = (read.draws(5, seed=1), read.draws(5, seed=1), read.draws(5, seed=1, boost=2.0))
    assert np.array_equal(first["codes"], again["codes"])
    assert np.array_equal(2 * first["codes"], rarer["codes"])
    with pytest.raises(DataError, match="wants a whole number of samples from 1, but got 0"):
        read.draws(0)
    with pytest.raises(DataError, match="sample: wants codes, but got noise"):
        read.sample({"noise": first["codes"]})
