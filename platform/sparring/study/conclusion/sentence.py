"""A conclusion as one sentence, for summary, report and `sparring best`."""

from __future__ import annotations

from .outcome import Conclusion

SURE = 0.95
"""Below this probability a trial is not called better than the published default."""


def sentence(found: Conclusion, metric: str) -> str:
    """The winner, the tie or the noise, with the leader's figure and what it was taken over."""
    figure = _figure(found, metric)
    if found.kind == "winner":
        chance = found.chances[found.trial]
        return f"trial {found.trial} wins: {figure}; the best of {found.of} with a probability of {_chance(chance)}"
    default = "" if found.better is None else f", {_comparison(found.better)}"
    if found.kind == "tie":
        chances = ", ".join(_chance(found.chances.get(trial, 0.0)) for trial in found.tied)
        return (
            f"a tie of {len(found.tied)}: trials {_names(found.tied)} may be the best (probabilities {chances}); "
            f"trial {found.trial}: {figure}{default}"
        )
    gap = "5 %" if found.scale.is_log else "as much as one re-training moves it"
    return (
        f"noise too large to say which of {found.of} trials is the best: {len(found.tied)} may be, and telling two "
        f"that differ by {gap} takes {found.needed} fresh seeds of each; trial {found.trial}: {figure}{default}"
    )


def _figure(found: Conclusion, metric: str) -> str:
    figure = found.figure
    span = "" if figure.low is None or figure.high is None else f", {figure.low:.4g} to {figure.high:.4g}"
    text = f"{metric} {figure.value:.4g}{span}"
    if not found.seeds:
        return f"{text} (shrunk towards the mean by the noise: it was not trained on fresh seeds)"
    failed = f", {found.failed} more failed" if found.failed else ""
    return f"{text} (mean of {found.seeds} fresh {'seed' if found.seeds == 1 else 'seeds'}{failed})"


def _comparison(better: float) -> str:
    if better >= SURE:
        return f"better than the published default with a probability of {_chance(better)}"
    return f"not shown to be better than the published default (probability {_chance(better)})"


def _chance(value: float) -> str:
    """Two digits; what 10,000 draws cannot tell from certainty is not called certain."""
    return "over 0.99" if value > 0.99 else "under 0.01" if value < 0.01 else f"{value:.2f}"


def _names(trials: tuple[int, ...]) -> str:
    *first, last = map(str, trials)
    return f"{', '.join(first)} and {last}" if first else last
