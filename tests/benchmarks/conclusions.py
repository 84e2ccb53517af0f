"""May a conclusion be believed? `python tests/benchmarks/conclusions.py`: studies replayed with a known truth.

The true figures of a study's trials are log-normal about 1, and a training moves one by σ. Trial 0 is as good as its
population's best quarter, as a published default is. A study searches (one seed each), races by the shipped rules and
concludes. Printed by σ: the three sentences, how often a winner was claimed and a trial of that study was truly better
(false), how far the published figure lies from the truth in the mean (the search's own figure beside it), how often a
setting that is truly worse than the default by 1 % was claimed to win or to be better than it (95 %), and how often the
setting that is named, whatever is said of it, and the one that the search led with, are.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sparring.records import Objective
from sparring.study.conclusion import Conclusion, Scale, Standing, conclude, race, scale_of, share_of_budget

SPREAD = 0.25
"""Deviation of the logarithms of the true figures."""
PROBE = 6
SURE = 0.95
SIGMAS = (0.01, 0.05, 0.15, 0.30)


@dataclass(frozen=True)
class Replayed:
    """One study: what it concluded, and the truth as logarithms, by trial."""

    conclusion: Conclusion
    search: Mapping[int, float]
    truth: np.ndarray
    runs: int

    @property
    def is_false(self) -> bool:
        """It named a winner, and another of its trials is better."""
        return self.conclusion.kind == "winner" and self.truth.argmin() != self.conclusion.trial

    @property
    def error(self) -> float:
        """Of the published figure, as a logarithm."""
        return math.log(self.conclusion.figure.value) - float(self.truth[self.conclusion.trial])

    @property
    def optimism(self) -> float:
        """Of the figure that the search itself found for its best trial."""
        best = min(self.search, key=self.search.__getitem__)
        return self.search[best] - float(self.truth[best])

    @property
    def is_praised(self) -> bool:
        """Was the leader called the winner, or better than the default?"""
        return self.conclusion.kind == "winner" or (self.conclusion.better or 0.0) >= SURE

    def is_worse(self, trial: int) -> bool:
        """Is the trial truly worse than the default, by more than 1 %?"""
        return bool(self.truth[trial] > self.truth[0] + 0.01)


def replay(seed: int, trials: int, sigma: float, *, skewed: bool = False, share: float | None = None) -> Replayed:
    """A study of ``trials`` trials. skewed: a long tail of bad settings. share: of the budget; None by the noise."""
    random = np.random.default_rng([seed, trials, round(1000 * sigma)])
    truth = random.normal(0, SPREAD, trials)
    if skewed:
        truth += random.exponential(2 * SPREAD, trials)
    truth[0] = np.quantile(truth, 0.25)
    search = dict(enumerate(truth + random.normal(0, sigma, trials)))

    def most(measured: float | None) -> int:
        part = 0.0 if measured is None else share_of_budget(measured, trials) if share is None else share
        return max(PROBE, int(part * trials))

    results: dict[int, dict[int, float]] = {}
    racing = race(search, most)
    runs = next(racing)
    while True:
        for run in runs:
            results.setdefault(run.trial, {})[run.seed] = float(truth[run.trial] + random.normal(0, sigma))
        try:
            runs = racing.send(results)
        except StopIteration as end:
            standing: Standing = end.value
            break
    scale: Scale = scale_of(Objective(metric="val/score"), [1.0])
    conclusion = conclude(search, standing, scale, draws=2000)
    assert conclusion is not None
    return Replayed(conclusion, search, truth, sum(map(len, results.values())))


def line(studies: list[Replayed]) -> str:
    """The figures of studies of one kind, as columns of a Markdown table."""

    def percent(values: list[bool]) -> str:
        return f"{100 * float(np.mean(values)):.1f} %"

    kinds = [each.conclusion.kind for each in studies]
    figures = [
        *(percent([kind == which for kind in kinds]) for which in ("winner", "tie", "noise")),
        percent([each.is_false for each in studies]),
        f"{100 * float(np.mean([each.error for each in studies])):+.2f} %",
        f"{100 * float(np.mean([each.optimism for each in studies])):+.2f} %",
        percent([each.is_praised and each.is_worse(each.conclusion.trial) for each in studies]),
        percent([each.is_worse(each.conclusion.trial) for each in studies]),
        percent([each.is_worse(min(each.search, key=each.search.__getitem__)) for each in studies]),
        f"{np.mean([each.runs for each in studies]):.0f}",
    ]
    return " | ".join(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--trials", type=int, nargs="*", default=[24, 100])
    parser.add_argument("--skewed", action="store_true", help="a long tail of bad settings")
    parser.add_argument("--share", type=float, help="of the budget, instead of the shipped rule's")
    asked = parser.parse_args()
    print("| trials | σ | winner | tie | noise | false | error | search's | praised worse | named worse | "
          "search's worse | runs |\n|" + "---|" * 12)  # fmt: skip
    for trials in asked.trials:
        for sigma in SIGMAS:
            options = {"skewed": asked.skewed, "share": asked.share}
            studies = [replay(seed, trials, sigma, **options) for seed in range(asked.studies)]
            print(f"| {trials} | {100 * sigma:.0f} % | {line(studies)} |", flush=True)


if __name__ == "__main__":
    main()
