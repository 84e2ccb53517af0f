"""A study's sampler on an invented function of eight values, without a referee: conditions, a switch, lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from sparring.records import EarlierTrial, Objective, Outcome, StudySpec, TrialRow, Value
from sparring.referee.sampling.optuna_study import OptunaStudy
from sparring.space import Space

SCORE, COST = Objective(metric="val/score"), Objective(metric="val/cost")

SEARCH: dict[str, Any] = {
    "lr": {"loguniform": [1e-5, 1.0]},
    "loss": {"choice": ["mse", "wcc"]},
    "width": {"int": [5, 15], "when": {"loss": "wcc"}},
    "w": {"loguniform": [1e-4, 1.0], "off": 0.0},
    "depth": {"int": [1, 5]},
    "dropout": {"uniform": [0.0, 0.5], "step": 0.1},
    "dims": {"choice": [[8], [8, 16], [16, 32]]},
}

Params = Mapping[str, Value]


class Config(BaseModel):
    lr: float = 0.01
    loss: str = "mse"
    width: int = 10
    w: float = 0.0
    depth: int = 2
    dropout: float = 0.0
    dims: tuple[int, ...] = (8,)


def space_of(search: Mapping[str, Any] = SEARCH, **more: Any) -> Space[BaseModel]:
    """As the referee gets it."""
    raw = {"model": "toy", "dataset": "none", "objectives": [{"metric": "val/score"}], "search": search, **more}
    return Space(raw, Config).without_model()


def score(params: Params) -> float:
    """0.1 at best: lr 1e-3, wcc of width 12, w 0.1, depth 4, dropout 0.2, the shortest list."""
    value = lambda name, default: float(params.get(name, default))  # noqa: E731
    found = (math.log10(value("lr", 0.01)) + 3) ** 2 / 4
    found += (value("width", 10) - 12) ** 2 / 50 if params.get("loss") == "wcc" else 1.0
    found += (math.log10(params["w"]) + 1) ** 2 / 5 if params.get("w") else 0.3  # type: ignore[arg-type]
    return (
        found + abs(value("depth", 2) - 4) / 4 + abs(value("dropout", 0) - 0.2) + len(str(params.get("dims", ""))) / 30
    )


def cost(params: Params) -> float:
    """Against the score in lr and depth."""
    return float(params.get("depth", 2)) / 5 + math.log10(float(params.get("lr", 0.01))) / 5


def row(number: int, params: Params, outcome: Outcome = Outcome.COMPLETED) -> TrialRow:
    """A trial that ended so, with the figures of its values."""
    counts = outcome in (Outcome.COMPLETED, Outcome.PRUNED)
    figures = {"val/score": score(params), "val/cost": cost(params)} if counts else {}
    return TrialRow(
        trial=number, attempt=1, seed=0, outcome=outcome, params=params, value=figures.get("val/score"), epochs=3,
        metrics=figures,
    )  # fmt: skip


def study_of(
    sampler: str,
    ended: Mapping[int, TrialRow] | None = None,
    *,
    space: Space[BaseModel] | None = None,
    seed: int = 0,
    objectives: tuple[Objective, ...] = (SCORE,),
    earlier: Sequence[EarlierTrial] = (),
) -> OptunaStudy:
    """A study begun, or resumed with these rows."""
    spec = StudySpec(
        name="s", model="toy", dataset="none", sampler=sampler, seed=seed, objectives=objectives, earlier=tuple(earlier)
    )
    study = OptunaStudy(spec, space or space_of())
    study.rebuild(ended or {}, {})
    return study


def search(
    study: OptunaStudy,
    trials: int,
    rows: dict[int, TrialRow] | None = None,
    ends: Callable[[Params], Outcome] = lambda _: Outcome.COMPLETED,
) -> dict[int, TrialRow]:
    """The rows by number after so many more trials, or all there are, one at a time; ``ends`` says how one ends."""
    rows = {} if rows is None else rows
    for _ in range(trials):
        if study.exhausted:
            break
        drawn = study.ask()
        rows[drawn.number] = row(drawn.number, drawn.params, ends(drawn.params))
        study.tell(rows[drawn.number])
    return rows
