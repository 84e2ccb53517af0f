"""What the page shows of one trial: every figure by epoch, and what its optimizers held."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from support.reports import MIXED, study

from sparring.ledger import read_study, spec_from_json
from sparring.models import find_config, model_names
from sparring.report.dashboard.trial import details_of, optimizers_of
from sparring.training.optimizers import make_optimizer


@pytest.mark.parametrize("system", model_names())
@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "RMSprop"])
def test_what_is_said_of_an_optimizer_is_what_torch_is_given(system, name):
    kind = find_config(system)
    config = kind(**{phase.optim_fn: name for phase in kind.phases})
    for phase, said in zip(config.phases, optimizers_of(config), strict=True):
        (group,) = make_optimizer(config, phase, [torch.nn.Parameter(torch.ones(1))]).param_groups
        assert (said["optimizer"], said["lr"]) == (name, group["lr"])
        assert said["weight_decay"] == group["weight_decay"]
        assert said["betas"] == (list(group["betas"]) if "betas" in group else None)


def test_a_trial_has_its_figures_by_epoch_of_the_last_attempt(tmp_path):
    folder = study(tmp_path, MIXED)
    spec = spec_from_json(read_study(folder)["spec"])
    found = details_of(folder, spec, {2: MIXED[2].params, 3: {}})
    assert found[3] == {"trial": 3, "epochs": 0, "figures": {}, "optimizers": found[3]["optimizers"]}
    values = np.frombuffer(base64.b64decode(found[2]["figures"]["val/score"]["data"]), "<f4")
    assert values == pytest.approx([0.1 + 1 / epoch for epoch in range(1, 10)])
