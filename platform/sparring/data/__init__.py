"""Data sets: cards, readers, splits. Nothing here knows torch or Ray."""

from __future__ import annotations

from .cards import Card, FieldCard, dataset_names, load_dataset, read_card, reader_of
from .dataset import Dataset
from .resampling import Member, Plan, member_rows, read_plan
from .splits import Split, split_dataset, split_rows

__all__ = [
    "Card",
    "Dataset",
    "FieldCard",
    "Member",
    "Plan",
    "Split",
    "dataset_names",
    "load_dataset",
    "member_rows",
    "read_card",
    "read_plan",
    "reader_of",
    "split_dataset",
    "split_rows",
]
