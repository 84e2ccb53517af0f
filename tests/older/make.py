"""Writes a study, its mirror and a trained folder as a version of Sparring leaves them: ``python tests/older/make.py``.

``tests/test_older.py`` resumes, reports and asks what lies beside this file. That was written by commit 64e5905, the
last before the package was cut into twelve rooms; run this at the commit whose files are to be kept, never to mend a
red test. The search is stopped by its time limit, so that one trial or more stands in the middle with a checkpoint.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent

TINY = ("hidden_size=16", "n_hl_gen=1", "n_hl_shared=1", "n_hl_dis=1", "batch_size=64", "loss_gen=mse", "epochs=150")


def sparring(*arguments: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "sparring", *arguments], cwd=folder, check=True)


def make(folder: Path) -> None:
    """Makes a study, its mirror and a trained folder, all called ``older``, a report and answers of the last."""
    settings = [word for setting in (*TINY, "data.n=200") for word in ("--set", setting)]
    stopped = ("--trials", "40", "--time", "14s", "--slots", "2", "--checkpoint-seconds", "0.5")
    mirrored = ("--mirror", str(folder / "mirror"))
    sparring("search", "aegan", "--name", "older", *settings, *stopped, *mirrored, folder=folder)
    sparring("best", "older", "-o", "best.toml", folder=folder)
    sparring("train", "best.toml", "-o", "trained/older", folder=folder)
    sparring("report", "older", "--format", "json", "--no-yardsticks", "-o", "report.json", folder=folder)
    sparring("predict", "trained/older", "--rows", "20", "-o", "answers", folder=folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        for name in ("answers/predictions.npz", "report.json"):
            shutil.copy(Path(place) / name, HERE / Path(name).name)
        for name in ("results", "mirror", "trained"):
            shutil.rmtree(HERE / name, ignore_errors=True)
            shutil.copytree(
                Path(place) / name, HERE / name, ignore=shutil.ignore_patterns("tensorboard", "LOCK", "*.lock")
            )
