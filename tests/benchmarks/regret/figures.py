"""Tables and plots of replayed searches: REPORT.md, PNGs, and the rank correlation of each system's epochs as JSON.

cd tests && python -m benchmarks.regret.figures BANK runs.jsonl --out FOLDER
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from .curves import Table
from .forest import Fit
from .play import TRIALS, read_lines, world_of
from .ranking import OURS, Lines, Ranks, worlds_of
from .worlds import ForestWorld

FEW, MANY = f"{TRIALS[0]} trials", f"{TRIALS[-1]} trials"

FELT = 0.01
"""Regret that is felt: a hundredth of the way from the best to the published default."""


def report(bank: Path, runs: Path, out: Path) -> str:
    """Everything as Markdown; the plots are written into ``out``. Systems without a search have no part in it."""
    read = read_lines(runs)
    files = [bank / f"{system}.parquet" for system in sorted({key.system for key in read})]
    parts = ["# Replayed searches\n", *_bank_part([world_of("bank", file).table for file in files])]
    parts += ["\nCells are mean regrets. Best stopped: how often no trial that was finished reaches in truth what the"]
    parts += [f"best of those begun would have; and felt: how often that adds more than {FELT} to the regret; lost by"]
    parts += ["that: the regret it adds, in the mean over all searches."]
    for world in worlds_of(read):
        lines = Lines(read, world)
        parts += [f"\n## World: {world}\n"]
        if world == "forest":
            parts += _fit_part({file.stem: _fit(file) for file in files})
        for budget in lines.budgets:
            ranks = lines.ranks(budget)
            parts += _budget_part(lines, budget, ranks)
            if ranks is not None:
                draw_ranks(ranks, f"{world}, {budget}", out / f"{world}-ranks-{budget.replace(' ', '-')}.png")
        parts += _needed_part(lines)
        draw_paths(lines, out / f"{world}-paths.png")
    return "\n".join(parts) + "\n"


def rank_correlation(tables: Iterable[Table]) -> dict[str, object]:
    """By system: Kendall's tau between the best after each epoch and the end."""
    return {
        table.system: {
            "epochs": table.epochs,
            "configurations": len(table.known),
            "setup": table.setup,
            "tau": [round(tau, 3) for tau in table.rank_correlation],
        }
        for table in tables
    }


def _fit(file: Path) -> Fit:
    world = world_of("forest", file)
    assert isinstance(world, ForestWorld)
    return world.forest.fit


def _bank_part(tables: Sequence[Table]) -> Iterator[str]:
    yield "The bank. σ: of the logarithm of the end over seeds. τ: Kendall's, best after epoch k against the end.\n"
    rows = []
    for table in tables:
        trainings = sum(len(known.curves) for known in table.known)
        ladder = [3**power for power in range(10) if 3**power < table.epochs]
        early = ", ".join(f"{epoch}: {table.rank_correlation[epoch - 1]:.2f}" for epoch in ladder)
        figures = [f"{table.whole_s:.1f}", f"{table.seed_noise:.3f}", f"{table.default.truth:.4g}", f"{table.best:.4g}"]
        rows.append([table.system, len(table.known), trainings, table.epochs, *figures, early])
    yield from _markdown("system|configurations|trainings|epochs|whole, s|σ|default|best|τ at epoch", rows)


def _fit_part(fits: dict[str, Fit]) -> Iterator[str]:
    yield "How well the forest predicts configurations that it was not fitted to:\n"
    rows = [
        [name, fit.configurations, f"{fit.r2:.2f}", f"{fit.tau:.2f}", f"{fit.r2_seconds:.2f}", f"{fit.seed_noise:.3f}"]
        for name, fit in fits.items()
    ]
    yield from _markdown("system|configurations|R², log end|τ, end|R², log seconds|seed noise added, σ", rows)


def _budget_part(lines: Lines, budget: str, ranks: Ranks | None) -> Iterator[str]:
    yield f"\n### {budget}\n"
    rows = []
    for strategy in lines.strategies:
        by_system = [list(lines.regrets(system, strategy, budget).values()) for system in lines.systems]
        if not any(by_system):
            continue
        stopped = np.concatenate([lines.stopped(system, strategy, budget) for system in lines.systems])
        rows.append(
            [strategy, max(map(len, by_system))]
            + [f"{np.mean(regrets):.3f}" if regrets else "" for regrets in by_system]
            + [f"{np.mean([np.mean(regrets) if regrets else np.nan for regrets in by_system]):.3f}"]
            + [f"{ranks.means[strategy]:.2f}" if ranks is not None and strategy in ranks.means else ""]
            + [f"{100 * np.mean(stopped > least):.0f} %" for least in (0, FELT)]
            + [f"{stopped.mean():.4f}"]
            + [f"{lines.mean(strategy, budget, name):.0f}" for name in ("begun", "whole", "seconds")]
        )
    heads = (
        f"strategy|seeds|{'|'.join(lines.systems)}|mean|rank|best stopped|and felt|lost by that|begun|whole|training s"
    )
    yield from _markdown(heads, rows)
    if ranks is not None:
        yield f"\nRanks over {ranks.blocks} blocks, a system and a seed each: Friedman p = {ranks.p:.2g},"
        yield f"critical difference {ranks.critical:.2f} (Nemenyi, 0.05)."


def _needed_part(lines: Lines) -> Iterator[str]:
    if OURS not in lines.strategies or not {FEW, MANY} <= set(lines.budgets):
        return
    yield f"\n### Trials that others need for what ours reaches in {FEW} (medians)\n"
    rows = []
    for strategy in lines.strategies[1:]:
        needed = [lines.needed(system, strategy, FEW, MANY) for system in lines.systems]
        rows.append([strategy, *(f"> {TRIALS[-1]}" if count is None else count for count in needed)])
    yield from _markdown("|".join(["strategy", *lines.systems]), rows)


def _markdown(heads: str, rows: Iterable[Sequence[object]]) -> Iterator[str]:
    names = heads.split("|")
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def draw_ranks(ranks: Ranks, title: str, path: Path) -> None:
    """Mean ranks, best first, with a bar of one critical difference from the best."""
    figure, axes = plt.subplots(figsize=(6, 0.8 + 0.3 * len(ranks.means)), layout="constrained")
    names = list(ranks.means)[::-1]
    best = min(ranks.means.values())
    axes.axvspan(best, best + ranks.critical, color="0.9", label="critical difference")
    axes.plot([ranks.means[name] for name in names], names, "o", color="black")
    axes.set(xlabel="mean rank", title=title)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_paths(lines: Lines, path: Path) -> None:
    """Median regret of what would be named after so many trials, from the longest searches."""
    count = len(lines.systems)
    figure, grid = plt.subplots(1, count, figsize=(4 * count, 4), sharey=True, squeeze=False, layout="constrained")
    for axes, system in zip(grid[0], lines.systems, strict=True):
        for index, strategy in enumerate(lines.strategies):
            paths = lines.paths(system, strategy, MANY)
            color, width = ("black", 2) if strategy == OURS else (f"C{index}", 1)
            if len(paths):
                trials = np.arange(1, paths.shape[1] + 1)
                axes.plot(trials, np.median(paths, axis=0), label=strategy, color=color, lw=width)
        axes.set(xscale="log", title=system, xlabel="trials")
        axes.set_yscale("symlog", linthresh=0.01)
    grid[0][0].set_ylabel("median regret")
    grid[0][-1].legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "REPORT.md").write_text(report(given.bank, given.runs, given.out))
    tables = [world_of("bank", file).table for file in sorted(given.bank.glob("*.parquet"))]
    (given.out / "rank_correlation.json").write_text(json.dumps(rank_correlation(tables), indent=1) + "\n")
    print(given.out / "REPORT.md")


if __name__ == "__main__":
    main()
