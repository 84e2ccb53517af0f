"""Whether a training met the figure that its file was pinned with, and if not, why that may be."""

from __future__ import annotations

from collections.abc import Mapping

from ...space import changes, settings_of, table_of
from ...space.pinned import FOUND_WITH
from ...training.single import Trained


def verdict_of(trained: Trained, metric: str, raw: Mapping[str, object], data_sha256: str) -> str:
    """A sentence or two: the figure, and that of the trial under [found] beside it.

    raw: the configuration as TOML has it. data_sha256: of the data that were trained on. What the file says differently
    from that trial comes before everything else that may be the reason.
    """
    assert trained.best is not None
    found = table_of(raw, "found")
    value = trained.best.metrics[metric]
    line = f"{metric} {value:.6g} at epoch {trained.best.epoch} of {trained.epochs}"
    if found.get("metric") != metric:
        return f"{line}."
    origin = f"trial {found['trial']} of {found['study']}"
    before = found.get(FOUND_WITH)
    edited = changes(before, settings_of(raw)) if isinstance(before, Mapping) else ""
    if value == found["value"]:
        beside = f", though in the file {edited}" if edited else ""
        return f"{line}: exactly the figure of {origin}{beside}."
    there = f"{line}; {origin} had {found['value']:.6g}"
    if edited:
        return f"{there}. The file was edited since it was pinned: {edited}."
    if not data_sha256.startswith(str(found.get("data_sha256", ""))):
        return f"{there}. The data are not those that it was trained on."
    workers = found.get("workers", 1)
    if isinstance(workers, int) and workers > 1:
        return f"{there}, trained by {workers} workers, which one does not repeat to the last bit."
    unless = "" if isinstance(before, Mapping) else "Unless the file was edited: "
    reason = "another processor or torch version rounds differently, and adversarial training amplifies it."
    return f"{there}. {unless}{reason if unless else reason.capitalize()}"
