#!/usr/bin/env python
"""Predictions for a folder of Parquet files of any size, by all CPUs of a Ray cluster.

    python docs/recipes/ray_data.py production/aegan rows answers --keep id

Each process that answers loads the model once, checks every byte of it, and is then given a few thousand rows at a
time. Rows come back in no certain order, so at least one column that tells them apart is copied. Without a cluster
(``--address``, ``RAY_ADDRESS``) Ray starts on this machine alone. On several machines model, rows and answers lie where
all of them reach them, such as ``s3://bucket/models/aegan``.
"""

from __future__ import annotations

import argparse
import os

import pyarrow as pa
import ray
import ray.data
from ray.data import SaveMode

import sparring

ROWS = 4096
"""Given to the model at a time, as ``sparring predict`` does."""


class Predictor:
    """The model in one process. A call answers a table of rows; ``DataError`` if the model cannot read one of them."""

    def __init__(self, model: str, keep: list[str]) -> None:
        self.model, self.keep = sparring.load(model), keep

    def __call__(self, rows: pa.Table) -> pa.Table:
        answer = self.model.predict(rows.drop_columns(self.keep))
        return pa.table({**{name: rows[name] for name in self.keep}, **answer.columns()})


def everywhere(place: str) -> str:
    """The same place from any process's current folder."""
    return place if "://" in place else os.path.abspath(place)


def main() -> None:
    parser = argparse.ArgumentParser(description="Predictions for a folder of Parquet files, on a Ray cluster.")
    parser.add_argument("model", help="in production, such as production/aegan or s3://bucket/models/aegan/2")
    parser.add_argument("rows", help="the folder of Parquet files, with the columns that the model's schema names")
    parser.add_argument("answers", help="the folder to write; it must not be there yet")
    parser.add_argument("--keep", nargs="+", required=True, help="columns to copy: those by which a row is found again")
    parser.add_argument("--address", help="of the cluster; else RAY_ADDRESS, else this machine alone")
    parser.add_argument("--models", type=int, help="processes that hold the model; else as many as CPUs keep busy")
    wanted = parser.parse_args()

    ray.init(address=wanted.address)
    rows = ray.data.read_parquet(everywhere(wanted.rows))
    if missing := [name for name in wanted.keep if name not in rows.schema().names]:
        parser.error(f"--keep: {wanted.rows} has no column {missing[0]!r}")
    answers = rows.map_batches(
        Predictor,
        fn_constructor_args=(everywhere(wanted.model), wanted.keep),
        batch_size=ROWS,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=wanted.models) if wanted.models else ray.data.ActorPoolStrategy(),
    )
    # What is there already is refused: the same rows would be added once more.
    answers.write_parquet(everywhere(wanted.answers), mode=SaveMode.ERROR)


if __name__ == "__main__":
    main()
