"""What every system promises whoever asks it: each verb that it has is its Protocol's, and answers as that says."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from sparring.data import load_dataset
from sparring.errors import DataError, UsageError
from sparring.models import find_model, model_names
from sparring.models.base import Model
from sparring.models.verbs import Encodes, Predicts, Reconstructs, Samples, Scores
from sparring.space import Space, find_space, read_space

VERBS: dict[type, str] = {
    Samples: "sample", Reconstructs: "reconstruct", Predicts: "predict", Scores: "score", Encodes: "encode",
}  # fmt: skip

SMALL: dict[str, dict[str, Any]] = {
    "aegan": {"hidden_size": 16},
    "advvae": {"image_size": 8, "hidden_dims": (8, 16), "hidden_dims_dis": (8,), "latent_dim": 8},
    "aae": {"image_size": 8, "width": 8, "n_stages": 2, "latent_dim": 8},
    "aae_series": {"width": 4, "latent_dim": 8},
    "mlp_aae": {"hidden_size": 32, "hidden_size_dis": 16},
    "aux_aae": {"hidden_gen": (32, 32), "hidden_dis": (32, 32)},
    "auxgan": {"hidden_gen": (32, 32), "hidden_dis": (32, 32), "aux_steps": 5},
    "boost_vae": {"hidden": (32, 32)},
}
"""Settings that make a system quick; a newcomer's are its baseline's."""


class Asked:
    """A small system, prepared and in training mode, and ten rows of its embedded data set."""

    def __init__(self, name: str) -> None:
        model_class = find_model(name)
        space = Space(read_space(find_space(name)), model_class.Config, name)
        config = model_class.Config(**{**space.values(space.baseline()), **SMALL.get(name, {})})
        data = load_dataset(space.dataset, options=space.data)
        known = {field: torch.tensor(data.fields[field][:200]) for field in config.fields}
        torch.manual_seed(0)
        self.model: Any = model_class(config, {field: values.shape[1:] for field, values in known.items()})
        self.model.initialize()
        self.model.prepare(known)
        self.rows = {field: values[:10] for field, values in known.items()}

    def answers(self) -> dict[str, dict[str, Tensor]]:
        """By verb what it says of the ten rows, or of ten draws."""
        found = {}
        for protocol, verb in VERBS.items():
            if isinstance(self.model, protocol):
                more = {"seed": 1} if protocol in (Samples, Encodes) else {}
                found[verb] = getattr(self.model, verb)(10 if protocol is Samples else self.rows, **more)
        return found


@pytest.fixture(scope="module", params=model_names())
def asked(request: pytest.FixtureRequest) -> Asked:
    return Asked(request.param)


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("protocol", VERBS)
def test_a_verb_has_the_signature_of_its_protocol(name: str, protocol: type) -> None:
    verb = VERBS[protocol]
    model: type[Model] = find_model(name)
    if (method := getattr(model, verb, None)) is not None:
        assert inspect.signature(method) == inspect.signature(getattr(protocol, verb))


def test_answers_are_float_tensors_by_name_one_for_each_row(asked: Asked) -> None:
    before = {name: tensor.clone() for name, tensor in asked.model.state_dict().items()}
    for verb, answer in asked.answers().items():
        assert type(answer) is dict, verb
        assert answer, verb
        for name, values in answer.items():
            assert isinstance(name, str), verb
            assert values.dtype == torch.float32, verb
            assert len(values) == 10, verb
            assert not values.requires_grad, verb
            assert values.isfinite().all(), verb
    assert asked.model.training
    assert all(before[name].equal(tensor) for name, tensor in asked.model.state_dict().items())


def test_answers_come_by_the_names_of_fields_and_of_codes(asked: Asked) -> None:
    answers = asked.answers()
    for verb in {"sample", "reconstruct", "predict"} & answers.keys():
        assert answers[verb].keys() <= set(asked.model.config.fields), verb
    if "score" in answers:
        assert {values.dim() for values in answers["score"].values()} == {1}
    if "encode" in answers:
        assert {"codes", "draws"} <= answers["encode"].keys() <= {"codes", "draws", "given"}
        assert answers["encode"]["codes"].shape == answers["encode"]["draws"].shape


def test_the_same_seed_draws_the_same_and_torchs_generator_stays_where_it_is(asked: Asked) -> None:
    state = torch.get_rng_state()
    first, second = asked.answers(), asked.answers()
    assert torch.get_rng_state().equal(state)
    for verb, answer in first.items():
        assert all(values.equal(second[verb][name]) for name, values in answer.items()), verb
    if "sample" in first:
        other = asked.model.sample(10, seed=2)
        assert not any(values.equal(other[name]) for name, values in first["sample"].items())


def test_a_boost_changes_the_draws_or_is_refused(asked: Asked) -> None:
    if not isinstance(asked.model, Samples):
        return
    plain = asked.model.sample(10, seed=1)
    try:
        boosted = asked.model.sample(10, seed=1, boost=2.0)
    except UsageError as refusal:
        (name,) = (name for name in model_names() if find_model(name) is type(asked.model))
        assert str(refusal) == f"--boost: the model {name} draws without one; leave it out"  # noqa: PT017
    else:
        assert not any(values.equal(boosted[name]) for name, values in plain.items())


def test_rows_of_other_fields_are_ignored_and_none_are_refused(asked: Asked) -> None:
    answers = asked.answers()
    for verb in {"reconstruct", "predict", "score"} & answers.keys():
        method = getattr(asked.model, verb)
        more = method({**asked.rows, "temperature": torch.zeros(10)})
        assert all(values.equal(more[name]) for name, values in answers[verb].items()), verb
        with pytest.raises(DataError, match=r"needs"):
            method({"temperature": torch.zeros(10)})
