"""The ledger when machines die: killed or cut off at any system call, full and failing disks, damaged parts.

``FrailDisk`` stands in for ``os`` under the ledger. It can kill the process at the k-th call that changes the disk, cut
the power (what was not fsynced is then torn or undone, from the latest change backwards), or refuse one call.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sparring.ledger import (
    Ledger,
    disk,
    write_study,
)
from sparring.records import Outcome, TrialRow

KINDS = {"lr": "float"}


METRICS = ("val/score",)


class Killed(BaseException):
    """The process ends here."""


class FrailDisk:
    """``os`` and ``shutil`` for ``sparring.ledger.disk``, with a life of so many calls."""

    def __init__(self):
        self.calls_left = None
        self.refusal = None
        self.dead = False
        self.opened = {}
        self.unsynced_files = set()
        self.unsynced_names = []
        self.asked_to_sync = []

    @classmethod
    def under_the_ledger(cls, monkeypatch):
        """One in the place of the system's, for whatever ``ledger/disk.py`` writes."""
        made = cls()
        monkeypatch.setattr(disk, "os", made)
        monkeypatch.setattr(disk, "shutil", made)
        return made

    def __getattr__(self, name):
        return getattr(os, name)

    def kill_after(self, calls):
        self.calls_left = calls

    def refuse_after(self, calls, number):
        self.calls_left, self.refusal = calls, number

    def revive(self):
        self.calls_left, self.refusal, self.dead = None, None, False

    def cut_power(self, chance):
        """Undoes a suffix of the unsynced changes of names and tears the unsynced files."""
        for path in self.unsynced_files:
            if path.exists():
                os.truncate(path, chance.randint(0, path.stat().st_size))
        for _ in range(chance.randint(0, len(self.unsynced_names))):
            self.unsynced_names.pop()[-1]()
        self.unsynced_files.clear()
        self.unsynced_names.clear()

    def _live(self):
        if self.dead:
            raise Killed
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                self.calls_left = None
                if self.refusal:
                    raise OSError(self.refusal, os.strerror(self.refusal))
                self.dead = True
                raise Killed

    def open(self, path, flags, mode=0o777):
        if flags & os.O_CREAT:
            self._live()
        descriptor = os.open(path, flags, mode)
        self.opened[descriptor] = Path(path)
        if flags & os.O_CREAT:
            self.unsynced_names.append((Path(path).parent, Path(path), lambda: os.unlink(path)))
        return descriptor

    def write(self, descriptor, data):
        self.unsynced_files.add(self.opened[descriptor])
        try:
            self._live()
        except BaseException:
            os.write(descriptor, data[: len(data) // 2])
            raise
        return os.write(descriptor, data[:1000])

    def fsync(self, descriptor):
        path = self.opened[descriptor]
        self.asked_to_sync.append(path)
        self._live()
        self.unsynced_files.discard(path)
        self.unsynced_names = [change for change in self.unsynced_names if change[0] != path]

    def link(self, source, target):
        self._live()
        os.link(source, target)
        if source in self.unsynced_files:
            self.unsynced_files.add(target)
        self.unsynced_names.append((target.parent, target, lambda: os.unlink(target)))

    def unlink(self, path):
        self._live()
        data = path.read_bytes()
        os.unlink(path)
        self.unsynced_names.append((path.parent, path, lambda: path.write_bytes(data)))

    def rename(self, source, target):
        self._live()
        replaced = target.read_bytes() if target.is_file() else None

        def undo():
            os.rename(target, source)
            if replaced is not None:
                target.write_bytes(replaced)

        os.rename(source, target)
        self.unsynced_names.append((source.parent, source, undo))

    def mkdir(self, path):
        self._live()
        os.mkdir(path)
        self.unsynced_names.append((path.parent, path, lambda: shutil.rmtree(path)))

    def rmtree(self, folder):
        for name in sorted(os.listdir(folder)):
            self._live()
            os.unlink(folder / name)
        self._live()
        os.rmdir(folder)
        self.unsynced_names = [change for change in self.unsynced_names if folder not in change[:2]]


def new_study(folder):
    write_study(folder, {"kinds": KINDS, "metrics": METRICS})
    return folder


def open_ledger(folder, wait_s=0.0):
    return Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=wait_s)


def ended(trial, value=0.5):
    return TrialRow(
        trial=trial, attempt=1, seed=1, outcome=Outcome.COMPLETED, params={"lr": 0.1}, value=value,
        best_epoch=1, epochs=1, metrics={"val/score": value}, wall_s=1.0,
    )  # fmt: skip


def part_names(folder, table="trials"):
    return sorted(path.name for path in (folder / table).iterdir())
