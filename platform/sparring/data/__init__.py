"""Data sets: cards, readers, splits. Nothing here knows torch or Ray."""

from __future__ import annotations

from .cards import Card, FieldCard, dataset_names, load_dataset, read_card
from .dataset import Dataset
from .splits import Split, split_rows

__all__ = ["Card", "Dataset", "FieldCard", "Split", "dataset_names", "load_dataset", "read_card", "split_rows"]
