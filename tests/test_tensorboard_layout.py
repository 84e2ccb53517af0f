"""The groups of TensorBoard's page "Custom Scalars", read back by TensorBoard's own plugin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext

from sparring.display.layout import make_layout
from sparring.display.tensorboard import Board
from sparring.metrics import METRICS
from sparring.models import find_config, model_names
from sparring.records import Objective


def shown(folder: Path) -> dict:
    """The layout as TensorBoard's page asks for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what TensorBoard carries with it
        from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin

    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder / "tensorboard"))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    plugin = CustomScalarsPlugin(TBContext(data_provider=provider, logdir=str(folder)))
    return json.loads(plugin.layout_impl(RequestContext(), "e"))


def test_a_study_has_its_layout_where_tensorboard_looks(tmp_path):
    metrics = ("train/loss_gen", "train/lr_gen", "train/lr_dis", "val/score", "val/mse_recon", "health/dis_auc")
    Board(tmp_path, dimensions=(), metrics=metrics, objective=Objective(metric="val/score")).close()
    layout = shown(tmp_path)
    titles = {category["title"]: [chart["title"] for chart in category["chart"]] for category in layout["category"]}
    assert list(titles) == ["Objective", "Validation", "Health", "Learning rates", "Losses"]
    assert titles["Objective"] == ["val/score in share of the target's variance, lower is better"]
    assert titles["Learning rates"] == ["Learning rates"]
    assert [category["title"] for category in layout["category"] if category.get("closed")] == list(titles)[3:]


@pytest.mark.parametrize("model", model_names())
def test_every_metric_of_a_system_is_in_one_chart(model):
    emitted = find_config(model).emitted()
    layout = make_layout(emitted, emitted[0])
    tags = [tag for category in layout.category for chart in category.chart for tag in chart.multiline.tag]
    for name in emitted:
        assert sum(re.search(tag, name) is not None for tag in tags) == 1, name
    assert len(tags) == len(emitted)


def test_a_metric_that_is_new_in_the_table_has_a_chart():
    layout = make_layout(list(METRICS), "val/score")
    charts = [chart for category in layout.category for chart in category.chart]
    assert sum(len(chart.multiline.tag) for chart in charts) == len(METRICS)


def test_figures_on_test_rows_come_first_with_their_intervals():
    layout = make_layout(["val/score"], "val/score", ["test/score"])
    (series,) = layout.category[0].chart[0].margin.series
    assert (series.value, series.lower, series.upper) == ("test/score", "test/score low", "test/score high")


def test_tensorflow_is_not_asked_for():
    program = "import sys, sparring.display.layout; print('tensorflow' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "False"]
