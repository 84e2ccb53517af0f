"""TensorBoard's page "Custom Scalars": a study's metrics in groups, each chart with its unit.

What belongs together stands in ``dashboards/tensorboard/layout.toml``, what there is in ``metrics/``: a system's new
metric has its chart from the next search on. The message is built as TensorBoard reads it; TensorBoard's own helper for
that imports TensorFlow.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

from ..ledger.looks import test_name
from ..metrics import known_metric
from ..resources import shipped

OBJECTIVE = "objective"
"""Stands in the file for the metric that leads the search."""

TEST = "Test rows"
"""Title of the category that a study has after its test rows were looked at."""


def layout_file() -> Path:
    """Where the groups are written down."""
    return shipped("dashboards") / "tensorboard" / "layout.toml"


def make_layout(metrics: Sequence[str], objective: str, tested: Iterable[str] = ()) -> layout_pb2.Layout:
    """The page of a study. metrics: all that its system emits. tested: figures of looks at test rows, ``test/…``."""
    left = list(metrics)
    layout = layout_pb2.Layout()
    if figures := [name for name in tested if name.startswith(test_name(""))]:
        layout.category.add(title=TEST, chart=[_margin_chart(name) for name in figures])
    for category in tomllib.loads(layout_file().read_text(encoding="utf-8"))["category"]:
        patterns = [objective if name == OBJECTIVE else name for name in category["metrics"]]
        taken = [name for name in left if any(fnmatchcase(name, pattern) for pattern in patterns)]
        left = [name for name in left if name not in taken]
        if taken:
            layout.category.add(**_category(category, taken))
    return layout


def layout_value(layout: layout_pb2.Layout) -> Summary.Value:
    """As an event file carries it."""
    about = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME), data_class=DATA_CLASS_TENSOR
    )
    tensor = TensorProto(dtype=DT_STRING, string_val=[layout.SerializeToString()])
    return Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, metadata=about, tensor=tensor)


def _category(category: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    if category["charts"] == "together":
        charts = [_chart(category["title"], metrics)]
    else:
        charts = [_chart(_title(name), [name]) for name in metrics]
    return {"title": category["title"], "closed": category.get("closed", False), "chart": charts}


def _chart(title: str, metrics: Sequence[str]) -> layout_pb2.Chart:
    tags = [f"^{re.escape(name)}$" for name in metrics]
    return layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=tags))


def _margin_chart(name: str) -> layout_pb2.Chart:
    """A figure with its interval. Here tags are names, not patterns."""
    series = layout_pb2.MarginChartContent.Series(value=name, lower=f"{name} low", upper=f"{name} high")
    return layout_pb2.Chart(title=name, margin=layout_pb2.MarginChartContent(series=[series]))


def _title(name: str) -> str:
    """With the unit, where there is one that says something, and which way is better."""
    metric = known_metric(name)
    if metric is None:
        return name
    unit = "" if metric.unit in ("", "1") else f" in {metric.unit}"
    better = {"minimize": ", lower is better", "maximize": ", higher is better", "none": ""}[metric.goal]
    return f"{name}{unit}{better}"
