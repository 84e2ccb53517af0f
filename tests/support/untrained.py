"""Bundles of models whose weights are drawn, not learned: made in a second."""

from __future__ import annotations

from pathlib import Path

import torch
from support.systems import Setting, few_rows, space_of

from sparring.data import load_dataset, read_card
from sparring.production.handover import bundle, drift
from sparring.production.handover.schema import describe
from sparring.production.loading.loaded import About, Loaded


def trained(name, **changes):
    """A model as training leaves it, but for its weights, which are drawn; its batch norms have seen something."""
    setting = Setting(name, **{"aux_steps": 20} if name == "auxgan" else {}, **changes)
    model = setting.model().float().eval()
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) / 10)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return setting, model


def bundled(folder: Path, setting, model) -> Path:
    space = space_of(setting.name)
    options = few_rows(space, n=600)
    data = load_dataset(space.dataset, options=options)
    about = About(
        model=setting.name, shapes={name: data.shapes[name] for name in setting.fields}, dataset=space.dataset,
        data=options, split="80/20", sha256=data.sha256, version="0",
    )  # fmt: skip
    loaded = Loaded(folder=folder, about=about, model=model, device=torch.device("cpu"))
    schema = describe(loaded, data, read_card(space.dataset), options)
    deciles = drift.pack({name: data.fields[name] for name in setting.fields})
    fixed = {key: value for key, value in model.config.model_dump(mode="json").items() if value is not None}
    pinned = {key: space.raw[key] for key in ("model", "dataset", "objectives")} | {"fixed": fixed}
    bundle.write(folder, setting.name, bundle.pack(loaded, pinned, schema, deciles, card="{}", page=""))
    return folder
