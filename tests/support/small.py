"""A study of two short trials with their weights, a trained folder of images, and what a screen of them leaves out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from rich.console import Console
from support.in_process import conduct
from support.promoted import candidate_of, staged

from sparring.ledger import Ledger
from sparring.production.handover.bundle import read_files
from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry
from sparring.production.retrain.retrain import TrainingRequest, retrain
from sparring.records import AttemptRow
from sparring.space import write_toml
from sparring.study import Limits, prepare
from sparring.study.pinning import pin_trial

QUIET = Console(quiet=True)
SHORT = {"epochs": 2, "steps_per_epoch": 2, "hidden_size": 16}
"""Steps so few that processors which round otherwise have not moved apart by a second digit."""
LAYERS = {"n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1}


def write_small(place: Path) -> None:
    """``small`` in results, whose third trial has begun; best.toml, trained/images; small in production."""
    settings = [f"{key}={value}" for key, value in {**SHORT, **LAYERS, "data.n": 120}.items()]
    study = prepare(
        "aegan", results=place / "results", name="small", settings=settings, limits=Limits(trials=3, slots=1),
        address="none",
    )  # fmt: skip
    conduct(study, None, QUIET)
    with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted(), wait_s=0) as ledger:
        ledger.append_attempt(AttemptRow(trial=2, attempt=1, seed=0, params=study.space.known[2]))
    (place / "best.toml").write_text(write_toml(pin_trial(study.folder, None).raw), encoding="utf-8")
    images = {"model": "mlp_aae", "dataset": "digits", "objectives": [{"metric": "val/balance"}], "fixed": dict(SHORT)}
    (place / "images.toml").write_text(write_toml(images), encoding="utf-8")
    retrain(place / "images.toml", TrainingRequest(output=place / "trained" / "images"), QUIET)
    bundle = staged(candidate_of(study.folder), place / "bundle")
    files = read_files(bundle)
    Registry(address=str(place / "production")).promote(
        "small",
        lambda version: seal("small", version, files),
        seen=None,
        study="small",
        trial=1,
        figure="val/score 1.1",
    )
    shutil.rmtree(bundle)


def blurred(text: str) -> str:
    """A screen of figures that were computed here: two digits of each stay, and nothing of what a machine's speed, its
    rounding and the lengths of its paths make."""
    for pattern, word in (
        (r"\d+ of \d+ to the last bit.*", "(how near)"),
        (r"in \d+\.\d+ s\b", "in N s"),
        (r"[\d.]+ [kM]?B, every", "SIZE, every"),
    ):
        text = re.sub(pattern, word, text)
    return re.sub(r"\d+\.\d+", _two_digits, text)


def _two_digits(found: re.Match[str]) -> str:
    shown, left = "", 2
    for letter in found[0]:
        is_leading = letter == "." or (letter == "0" and left == 2 and not shown.strip("0."))
        shown += letter if is_leading or left > 0 else "x"
        left -= not is_leading
    return shown
