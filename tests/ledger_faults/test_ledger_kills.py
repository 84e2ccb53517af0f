"""The ledger killed at any call: appends and compactions are whole or absent."""

from __future__ import annotations

import os
import random
from contextlib import suppress

import pyarrow.parquet as pq
import pytest
from support.frail import Killed, ended, new_study, open_ledger, part_names

from sparring.ledger import (
    parts,
    read_trials,
    retraining_rows,
    trial_rows,
)
from sparring.records import Outcome, Retraining


@pytest.mark.parametrize("power", [False, True])
def test_an_append_killed_at_any_call_is_whole_or_absent(frail, tmp_path, power):
    fates = set()
    for calls in range(12):
        folder = new_study(tmp_path / f"study{calls}")
        ledger = open_ledger(folder)
        ledger.append_trial(ended(0))
        frail.kill_after(calls)
        try:
            acknowledged = ledger.append_trial(ended(1))
        except Killed:
            acknowledged = False
        frail.revive()
        if power:
            frail.cut_power(random.Random(calls))
        ledger.close()
        reading = read_trials(folder)
        seen = reading.table["trial"].to_pylist()
        assert reading.torn == ()
        assert seen == [0, 1] or (seen == [0] and not acknowledged)
        with open_ledger(folder):
            assert not any(name.startswith(".") for name in part_names(folder))
        fates.add((acknowledged, len(seen)))
    assert {(False, 1), (True, 2)} <= fates


@pytest.mark.parametrize("power", [False, True])
def test_a_retraining_killed_at_any_call_is_whole_or_absent_and_then_taken(frail, tmp_path, power):
    row = Retraining(trial=0, seed=97, role="probe", outcome=Outcome.CRASHED, error="no")
    fates = set()
    for calls in range(12):
        folder = new_study(tmp_path / f"study{calls}")
        ledger, acknowledged = open_ledger(folder), False
        frail.kill_after(calls)
        with suppress(Killed):
            acknowledged = ledger.append_retraining(row)
        frail.revive()
        if power:
            frail.cut_power(random.Random(calls))
        ledger.close()
        seen = retraining_rows(folder)
        assert seen == [row] or (seen == [] and not acknowledged)
        with open_ledger(folder) as again:
            assert again.append_retraining(row) is (seen == [])
        assert retraining_rows(folder) == [row]
        fates.add((acknowledged, len(seen)))
    assert {(False, 0), (True, 1)} <= fates


def is_compacted(frail, ledger, folder, calls, power):
    """Compacts with a kill after so many calls, and a power cut if there is to be one; did it end before the kill?"""
    frail.kill_after(calls)
    is_whole = False
    with suppress(Killed):
        ledger.compact("trials")
        is_whole = True
    frail.revive()
    ledger.close()
    if power == "cut after the next opening":
        open_ledger(folder).close()
    if power != "stays":
        frail.cut_power(random.Random(calls))
    return is_whole


@pytest.mark.fault(29, stand_in=True)
@pytest.mark.parametrize("power", ["stays", "cut", "cut after the next opening"])
def test_a_compaction_killed_at_any_call_changes_no_query_result(frail, tmp_path, power):
    finished = set()
    for calls in range(25):
        folder = new_study(tmp_path / f"study{calls}")
        ledger = open_ledger(folder)
        for number in range(3):
            ledger.append_trial(ended(number))
        before = read_trials(folder).table
        if is_compacted(frail, ledger, folder, calls, power):
            finished.add(calls)
        assert read_trials(folder).table == before
        with open_ledger(folder) as again:
            assert again.torn == ()
            assert again.part_counts()["trials"] in (1, 3)
            assert again.append_trial(ended(3))
        assert read_trials(folder).table[:3] == before
        assert sorted(path.name for path in folder.iterdir()) == [
            "attempts", "epochs", "retrainings", "study.json", "test", "trials", "writer.lock",
        ]  # fmt: skip
    assert 0 not in finished
    assert 24 in finished


@pytest.mark.slow
@pytest.mark.parametrize("power", ["stays", "cut", "cut after the next opening"])
def test_a_compaction_beside_full_parts_killed_at_any_call_changes_no_query_result(frail, tmp_path, monkeypatch, power):
    monkeypatch.setattr(parts, "FULL_BYTES", 1)
    finished = set()
    for calls in range(30):
        folder = new_study(tmp_path / f"study{calls}")
        ledger = open_ledger(folder)
        for number in range(6):
            ledger.append_trial(ended(number))
            if number in (1, 3):
                ledger.compact("trials")
        before = read_trials(folder).table
        full = [name for name in part_names(folder) if parts.is_full(name)]
        assert len(full) == 2
        if is_compacted(frail, ledger, folder, calls, power):
            finished.add(calls)
        assert read_trials(folder).table == before
        with open_ledger(folder) as again:
            assert again.torn == ()
            assert again.part_counts()["trials"] in (0, 2)
            assert again.append_trial(ended(6))
        assert set(full) < set(part_names(folder))
        assert sorted(pq.read_table(folder / "trials")["trial"].to_pylist()) == list(range(7))
        assert read_trials(folder).table[:6] == before
    assert 0 not in finished
    assert 29 in finished


def test_a_reader_between_two_compactions_is_not_taken_in_by_a_folder_that_is_still_being_filled(folder, monkeypatch):
    """It found no table's folder (first compaction), and then a merged one that is not whole (second compaction)."""
    with open_ledger(folder) as ledger:
        for number in range(2):
            ledger.append_trial(ended(number))
    table, merged = folder / "trials", parts.merged_folder(folder / "trials")
    real, looks = os.listdir, []

    def swap_while_listing(place):
        looks.append(place)
        if len(looks) == 1:
            raise FileNotFoundError(place)
        merged.mkdir(exist_ok=True)
        return real(place)

    monkeypatch.setattr(parts.os, "listdir", swap_while_listing)
    assert [row.trial for row in trial_rows(folder)] == [0, 1]
    assert looks == [table, merged, table]


@pytest.mark.fault(25)
@pytest.mark.slow
def test_a_part_torn_at_any_length_is_left_out_and_named(folder):
    """At its ends every length, between them every seventh: a checksum of the whole file knows no places."""
    with open_ledger(folder) as ledger:
        for number in range(2):
            ledger.append_trial(ended(number))
    torn = folder / "trials" / part_names(folder)[0]
    size = torn.stat().st_size
    for length in sorted({*range(64), *range(64, size, 7), *range(size - 64, size)}, reverse=True):
        os.truncate(torn, length)
        reading = read_trials(folder)
        assert reading.table["trial"].to_pylist() == [1]
        assert reading.torn == (f"trials/{torn.name}: its {length} bytes do not have the checksum in its name",)
