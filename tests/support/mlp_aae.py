"""A small AAE of dense layers, and images for it."""

from __future__ import annotations

import torch

from sparring.models import find_config, find_model
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining

Config, Model = find_config("mlp_aae"), find_model("mlp_aae")


MNIST = {"image": (1, 28, 28)}


SMALL = {"hidden_size": 32, "hidden_size_dis": 16, "latent_dim": 3}


def images(n=40, shape=(1, 8, 8), seed=0):
    """Bytes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)


def model(shapes=MNIST, rows=None, **values):
    torch.manual_seed(0)
    made = Model(Config(**values), shapes)
    made.initialize()
    made.prepare({"image": images(shape=shapes["image"]) if rows is None else rows})
    return made.train()


def small(**values):
    return model({"image": (1, 8, 8)}, **{**SMALL, **values})


def solo(train, valid, seed=0, attempt=1, **values):
    trial = Trial(number=0, params={}, seed=seed, attempt=attempt)
    return TrialTraining(
        Model, Config(**values), train, valid, trial=trial, objective=Objective(metric="val/mmd_sample")
    )
