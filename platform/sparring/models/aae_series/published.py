"""Reads the AAE's published command line for series: the six arguments of ``models/aae/published.py``.

The published code (github.com/sachaRfd/Adversarial-Autoencoders, 2025) promises time series and has none; so the
default set is one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..aae import published
from .config import Config


class Arguments(published.Arguments):
    """What one command line asks for."""

    model: ClassVar = "aae_series"


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    return published.read_as(Arguments, Config, "ring-downs", words)
