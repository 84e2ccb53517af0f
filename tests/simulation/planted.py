"""Bugs, each planted into the real code by one patch, and in how many seconds the simulation finds them.

    python tests/simulation/planted.py [--seconds 60] [--only NAME]

A bug counts as found if a seed from 0 on breaks an invariant of ``checks.py`` within so many seconds of the processor.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1])]

from simulation.simulate import Broken, run_seed

from sparring.ledger import checkpoints, disk, parts, weights, writer
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.mirror import seeding
from sparring.ledger.mirror.mirror import Mirror
from sparring.ledger.weights import WeightsFolder
from sparring.ledger.writer import Ledger
from sparring.referee import pruners, rebuild, running, trials
from sparring.referee.ended import EndedTrials
from sparring.referee.journal import Journal
from sparring.referee.order import Order
from sparring.referee.pruners import Halving
from sparring.referee.referee import Referee
from sparring.referee.rungs import Judge
from sparring.referee.running import LiveTrial, Turn
from sparring.referee.trials import Trials

Patch = pytest.MonkeyPatch
BUGS: dict[str, Callable[[Patch], None]] = {}


def bug(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    BUGS[plant.__name__] = plant
    return plant


# -- the disk ---------------------------------------------------------------------------------------------------------


@bug
def a_part_without_its_fsync(patch: Patch) -> None:
    def write(path: Path, data: bytes) -> None:
        descriptor = disk.os.open(path, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_EXCL, 0o666)
        rest = memoryview(data)
        while rest:
            rest = rest[disk.os.write(descriptor, rest) :]
        disk.os.close(descriptor)

    patch.setattr(disk, "_write", write)


@bug
def a_folder_without_its_fsync(patch: Patch) -> None:
    patch.setattr(disk, "sync_folder", lambda folder: None)
    patch.setattr(writer, "sync_folder", lambda folder: None)


@bug
def a_short_write_taken_for_a_whole_one(patch: Patch) -> None:
    def write(path: Path, data: bytes) -> None:
        descriptor = disk.os.open(path, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_EXCL, 0o666)
        disk.os.write(descriptor, data)
        disk.os.fsync(descriptor)
        disk.os.close(descriptor)

    patch.setattr(disk, "_write", write)
    patch.setattr(Path, "read_bytes", _read_back(Path.read_bytes))


def _read_back(real: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    def read(self: Path) -> bytes:
        data = real(self)
        return _Equal(data) if self.suffix == ".tmp" else data

    return read


class _Equal(bytes):
    def __ne__(self, other: object) -> bool:
        return False


@bug
def a_file_under_its_name_before_its_bytes(patch: Patch) -> None:
    def publish(data: bytes, final: Path) -> None:
        disk._write(final, data)
        disk.sync_folder(final.parent)

    patch.setattr(writer, "publish", publish)


@bug
def old_parts_removed_before_the_swap(patch: Patch) -> None:
    def swap(folder: Path, new: Path, old: Path) -> None:
        disk.remove_folder(folder)
        disk.os.rename(new, folder)

    patch.setattr(writer, "swap_folder", swap)


@bug
def a_killed_merger_is_not_finished(patch: Patch) -> None:
    def finish(self: Ledger, name: str) -> None:
        _, merged, old = self._folders(name)
        disk.remove_folder(merged)
        disk.remove_folder(old)

    patch.setattr(Ledger, "_finish_swap", finish)


@bug
def a_merger_forgets_the_full_parts(patch: Patch) -> None:
    patch.setattr(writer, "link", lambda source, target: None)


@bug
def a_refused_disk_is_not_heard(patch: Patch) -> None:
    real = Ledger._commit

    def commit(self: Ledger, *arguments: Any) -> None:
        try:
            real(self, *arguments)
        except Exception:
            return

    patch.setattr(Ledger, "_commit", commit)


@bug
def the_last_row_of_a_table_is_not_read(patch: Patch) -> None:
    real = parts.latest
    patch.setattr(parts, "latest", lambda table, keys: real(table.slice(0, max(len(table) - 1, 0)), keys))


# -- checkpoints and weights ------------------------------------------------------------------------------------------


@bug
def a_checkpoint_is_not_synced(patch: Patch) -> None:
    def put(folder: Path, stem: str, packed: bytes) -> Path:
        final = folder / f"{stem}-{disk.digest(packed)}.safetensors"
        folder.mkdir(exist_ok=True)
        descriptor = disk.os.open(final, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_TRUNC, 0o666)
        rest = memoryview(packed)
        while rest:
            rest = rest[disk.os.write(descriptor, rest) :]
        disk.os.close(descriptor)
        return final

    patch.setattr(checkpoints, "put", put)


@bug
def the_oldest_checkpoint_is_recalled(patch: Patch) -> None:
    real = CheckpointFolder._paths
    patch.setattr(CheckpointFolder, "_paths", lambda self, trial: list(reversed(real(self, trial))))


@bug
def a_paused_trials_checkpoint_is_not_kept(patch: Patch) -> None:
    real = Trials.keep

    def keep(self: Trials, live: LiveTrial, epoch: int, packed: bytes) -> None:
        if live.turn is not Turn.PAUSING:
            real(self, live, epoch, packed)

    patch.setattr(Trials, "keep", keep)


@bug
def a_leaders_weights_are_not_written(patch: Patch) -> None:
    def write(self: WeightsFolder, trial: int, packed: bytes) -> None:
        for old in self._files():
            if weights._trial_of(old) == trial:
                old.unlink()

    patch.setattr(WeightsFolder, "write", write)


@bug
def the_leaders_weights_are_removed(patch: Patch) -> None:
    patch.setattr(EndedTrials, "kept", property(lambda self: {0, *list(self.leaders)[1:]}))


# -- the referee ------------------------------------------------------------------------------------------------------


@bug
def an_off_by_one_rung(patch: Patch) -> None:
    real = Halving.__init__

    def init(self: Halving, epochs: int, depth: int = 2) -> None:
        real(self, epochs, depth)
        self.rungs = tuple(rung + 1 for rung in self.rungs)

    patch.setattr(Halving, "__init__", init)


@bug
def one_too_many_passes_a_rung(patch: Patch) -> None:
    def judge(self: Halving, reached: Any) -> bool:
        scores = self.scores(reached.epoch)
        return pruners.bisect_left(scores, self.score(reached)) > max(1, len(scores) // pruners.REDUCTION)

    patch.setattr(Halving, "judge", judge)


@bug
def a_rung_is_judged_again_at_every_epoch(patch: Patch) -> None:
    def fails(self: Judge, live: LiveTrial, rung: int) -> bool:
        if rung not in live.values:
            return False
        reached = live.reached(rung)
        if reached is None:
            return False
        self._learn(live, reached)
        live.passed.add(rung)
        return not self._shelters(live) and self._pruner.judge(reached)

    patch.setattr(Judge, "_fails", fails)


@bug
def a_rung_is_learnt_twice_after_a_resume(patch: Patch) -> None:
    real = Judge.recall

    def recall(self: Judge, live: LiveTrial) -> None:
        real(self, live)
        live.learnt.clear()

    patch.setattr(Judge, "recall", recall)


@bug
def the_ended_are_forgotten_at_the_rungs(patch: Patch) -> None:
    patch.setattr(Judge, "recall_ended", lambda self, *_: None)


@bug
def a_repeated_epoch_counts_twice(patch: Patch) -> None:
    real = Trials.take

    def take(self: Trials, live: LiveTrial, rows: Any) -> Any:
        for row in rows:
            if row.epoch in live.values:
                self.spending.take(row)
        return real(self, live, rows)

    patch.setattr(Trials, "take", take)


@bug
def an_old_attempt_is_heard(patch: Patch) -> None:
    real = Referee.report

    def report(self: Referee, rows: Any, **about: Any) -> Any:
        live = self.trials.live.get(rows[-1].trial)
        if live is not None:
            rows = [trials.replace(row, attempt=live.trial.attempt) for row in rows]
        return real(self, rows, **about)

    patch.setattr(Referee, "report", report)


@bug
def an_old_attempt_leaves_a_checkpoint(patch: Patch) -> None:
    real = Referee.leave

    def leave(self: Referee, number: int, attempt: int, checkpoint: bytes) -> None:
        live = self.trials.live.get(number)
        real(self, number, attempt if live is None else live.trial.attempt, checkpoint)

    patch.setattr(Referee, "leave", leave)


@bug
def epochs_are_called_durable_before_the_commit(patch: Patch) -> None:
    real = LiveTrial.take

    def take(self: LiveTrial, row: Any, train_s: float) -> None:
        real(self, row, train_s)
        self.durable = row.epoch

    patch.setattr(LiveTrial, "take", take)


@bug
def a_flush_drops_its_last_epoch(patch: Patch) -> None:
    real = Journal.flush

    def flush(self: Journal) -> Any:
        self._buffer = self._buffer[:-1] if len(self._buffer) > 3 else self._buffer
        return real(self)

    patch.setattr(Journal, "flush", flush)


@bug
def a_trial_ends_before_its_epochs_are_there(patch: Patch) -> None:
    real, flush = Trials.end, Trials.flush

    def end(self: Trials, live: LiveTrial, *arguments: Any, **options: Any) -> None:
        self.flush = lambda: None  # type: ignore[method-assign]
        real(self, live, *arguments, **options)
        del self.flush
        flush(self)

    patch.setattr(Trials, "end", end)


@bug
def a_verdict_told_twice(patch: Patch) -> None:
    """A pause is told once more to the slot that takes the trial up again."""
    real = Trials.hand_out

    def hand_out(self: Trials, live: LiveTrial) -> int:
        number = real(self, live)
        if live.passed:
            live.passed.remove(max(live.passed))
        return number

    patch.setattr(Trials, "hand_out", hand_out)


@bug
def a_dead_slots_attempt_goes_on(patch: Patch) -> None:
    real = Trials.open_attempt

    def open_attempt(self: Trials, live: LiveTrial) -> None:
        if live.turn is not Turn.RUNNING:
            real(self, live)

    patch.setattr(Trials, "open_attempt", open_attempt)


@bug
def one_death_too_few_ends_a_trial(patch: Patch) -> None:
    real = Referee.start

    def start(self: Referee, number: int, token: str) -> Any:
        live = self.trials.live.get(number)
        if live is not None and live.token not in ("", token, rebuild.FORGOTTEN):
            live.deaths += 1
        return real(self, number, token)

    patch.setattr(Referee, "start", start)


@bug
def one_trial_too_many(patch: Patch) -> None:
    real = Order.may_begin
    patch.setattr(Order, "may_begin", lambda self, begun, *, is_known: real(self, begun - 1, is_known=is_known))


@bug
def the_budget_begins_anew_with_a_resume(patch: Patch) -> None:
    from sparring.ledger.effort import Effort

    patch.setattr(trials, "read_effort", lambda folder, spec: Effort())


@bug
def the_worst_is_promoted(patch: Patch) -> None:
    patch.setattr(Judge, "may_go_on", lambda self, live: bool(live.passed))


@bug
def the_best_epoch_is_the_last(patch: Patch) -> None:
    real = LiveTrial.take

    def take(self: LiveTrial, row: Any, train_s: float) -> None:
        real(self, row, train_s)
        if running.math.isfinite(self.values[row.epoch]):
            self.best_epoch, self.best_metrics = row.epoch, dict(row.metrics)

    patch.setattr(LiveTrial, "take", take)


# -- messages and the mirror ------------------------------------------------------------------------------------------


@bug
def a_slot_is_told_that_all_is_durable(patch: Patch) -> None:
    real = Referee.report

    def report(self: Referee, rows: Any, **about: Any) -> Any:
        return trials.replace(real(self, rows, **about), durable=rows[-1].epoch)

    patch.setattr(Referee, "report", report)


@bug
def the_mirror_gets_no_weights(patch: Patch) -> None:
    real = Mirror._tensors
    patch.setattr(Mirror, "_tensors", lambda self, folder: {} if folder == "weights" else real(self, folder))


@bug
def a_study_comes_back_without_its_last_part(patch: Patch) -> None:
    real = seeding._fetch

    def fetch(names: Any, folder: Path, store: Any) -> Any:
        ordered = sorted(names, key=lambda name: name.rpartition("/")[2])
        last = [name for name in ordered if name.endswith(".parquet")][-1:]
        return real(set(names) - set(last), folder, store)

    patch.setattr(seeding, "_fetch", fetch)


def seconds_to_find(name: str, limit_s: float) -> tuple[float, str]:
    """Processor seconds until a seed, from 0 on, breaks an invariant, and what it said; empty if none did in time."""
    began, seed = time.process_time(), 0
    with pytest.MonkeyPatch.context() as patch:
        BUGS[name](patch)
        while time.process_time() - began < limit_s:
            try:
                run_seed(seed)
            except Broken as error:
                return time.process_time() - began, str(error)
            seed += 1
    return limit_s, ""


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--seconds", type=float, default=60.0)
    reader.add_argument("--only", default="", help="bugs whose names hold this")
    options = reader.parse_args()
    names = [name for name in BUGS if options.only in name]
    found = 0
    for name in names:
        took_s, said = seconds_to_find(name, options.seconds)
        found += bool(said)
        print(f"{took_s:6.1f} s  {name:46} {said[:140] or 'NOT FOUND'}", flush=True)
    print(f"{found} of {len(names)} found within {options.seconds:g} s of the processor each")


if __name__ == "__main__":
    main()
