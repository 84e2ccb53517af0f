"""A search space of a Config that no system has, with a dimension of every kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1)] = 100
    lr: Annotated[float, Field(gt=0)] = 0.01
    width: Annotated[int, Field(ge=1)] = 64
    depth: Annotated[int, Field(ge=1)] = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    loss: Literal["mse", "l1", "wcc"] = "mse"
    wcc_width: Annotated[float, Field(gt=0)] = 10.0
    w_adv: Annotated[float, Field(ge=0)] = 0.0
    bias: bool = True
    milestones: tuple[int, ...] = (30, 60)
    early_stop: int | None = None

    @model_validator(mode="after")
    def check_size(self) -> Config:
        if self.width * self.depth > 1000:
            raise ValueError("width times depth is at most 1000")
        return self


SPACE: dict[str, Any] = {
    "model": "toy",
    "dataset": "exafs",
    "objectives": [{"metric": "val/score", "goal": "minimize"}],
    "fixed": {"epochs": 27},
    "search": {
        "lr": {"loguniform": [1e-5, 3e-2]},
        "width": {"choice": [32, 64, 512]},
        "depth": {"int": [1, 5]},
        "dropout": {"uniform": [0.0, 0.5], "step": 0.1},
        "loss": {"choice": ["mse", "l1", "wcc"]},
        "wcc_width": {"int": [5, 15], "when": {"loss": "wcc"}},
        "w_adv": {"loguniform": [1e-4, 1.0], "off": 0.0},
        "bias": {"choice": [False, True]},
    },
}
