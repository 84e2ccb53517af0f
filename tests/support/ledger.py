"""A study's folder and rows for its ledger."""

from __future__ import annotations

KINDS = {"lr": "float", "width": "int", "bias": "bool", "loss": "str"}


METRICS = ("val/score", "train/loss_gen")
