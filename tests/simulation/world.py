"""A whole search in one process: one seed drives clock, slots, messages, disk and deaths around the real code.

Real are the referee, its ledger with checkpoints and weights, the mirror, and the trainer of a slot (``slots.py``). The
simulation stands for what lies between them: Ray's messages, which it delays, loses and repeats, Tune, which puts a
fresh slot in a dead one's place, the driver, and the disk under all of it. Nothing here waits: time jumps from event to
event. Two runs of one seed are the same event for event (``World.digest``).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.frail import Killed
from support.referee import Toy

from sparring.ledger import disk, parts, write_study
from sparring.ledger.mirror import Mirror, mirror, seeding, store
from sparring.records import Objective, StudySpec
from sparring.referee import journal
from sparring.referee.referee import Referee
from sparring.space import Space

from .checks import Checks
from .clockwork import MOST_SESSIONS, Clockwork
from .messages import Office, Post
from .outside import LOOK_S, Outside
from .places import Places
from .plan import SPACE, Plan
from .simdisk import SimulatedDisk, decoded
from .slots import Call, without_ray
from .truth import METRICS, Truth

FOLLOW_S = 2.0
"""Seconds between the driver's looks: rarer than in a search, where most of them see nothing new."""
BEGIN_S = 5.0
"""After which the user says the command again."""


class World(Clockwork):
    """One search. ``run`` lets it happen; a broken invariant is an AssertionError."""

    def __init__(self, seed: int, plan: Plan, root: Path) -> None:
        super().__init__(seed)
        self.plan, self.root = plan, root
        self.folder, self.address = root / "s", root / "mirror"
        self.truth = Truth(plan.epochs, plan.goal)
        raw = {**SPACE, "objectives": [{"metric": "val/score", "goal": plan.goal}]}
        self.space = Space(raw, Toy)
        whole_s = plan.epochs * plan.epoch_s
        objective = Objective(metric="val/score", goal=plan.goal)
        self.spec = StudySpec(
            name="s", model="toy", dataset="none", space=raw, objectives=(objective,),
            seed=plan.seed, trials=plan.trials if plan.trains is None else None, slots=plan.slots, pruner=plan.pruner,
            train_s=None if plan.trains is None else plan.trains * whole_s / plan.slots, sampler=plan.sampler,
            attempts=plan.attempts, checkpoint_s=plan.checkpoint_s,
        )  # fmt: skip
        self.disk = SimulatedDisk()
        self.checks = Checks(self)
        self.referee: Referee | None = None
        self.mirror: Mirror | None = None
        self.is_driving = self.is_over = self.is_interrupted = False
        self.life = 0
        self.office, self.post, self.places, self.outside = Office(self), Post(self), Places(self), Outside(self)

    def run(self) -> None:
        """The search, session after session, until every trial has ended."""
        with self._surroundings():
            self.begin_session()
            try:
                self.run_events()
                self.checks.at_the_end()
            finally:
                self._bury()

    def begin_session(self) -> None:
        """The user's command: the study comes back from its mirror or from its folder, or begins."""
        self.sessions += 1
        assert self.sessions < MOST_SESSIONS, "the search is begun again and again, and never ends"
        self.is_driving, self.is_over, self.is_interrupted = True, False, False
        self.cursor, self.elapsed_s, self.places.opening = 0, 0.0, 0
        self.disk.revive()
        self.checks.session()
        if self.happens(self.plan.referee_cut):
            self.disk.kill_after(self.chance.randint(0, 60))
        try:
            self.folder.mkdir(exist_ok=True)
            if self.plan.mirrors:
                self.mirror = self.outside.make_mirror()
                self.mirror.seed()
                self.outside.fail_now_and_then(self.mirror)
            if not (self.folder / "study.json").exists():
                write_study(self.folder, {"spec": {"name": "s"}, "kinds": self.space.kinds, "metrics": METRICS})
        except Killed:
            self.driver_dies()
            return
        self.office.open_referee()
        for place in range(self.plan.slots):
            self.after(0.1 * place, self.places.place_asks, place)
        self.after(FOLLOW_S, self.follow)
        self.after(1.0, self.outside.second)
        if self.mirror is not None:
            self.after(LOOK_S, self.outside.look)

    def follow(self) -> None:
        """The driver looks at the referee."""
        options = {"is_over": self.is_interrupted, "elapsed_s": self.elapsed_s}
        self.post.send(Call("follow", (self.cursor,), options), self.followed, lambda: True)

    def followed(self, seen: Any) -> None:
        snapshot, events, self.cursor = seen
        self.elapsed_s = snapshot.elapsed_s
        self.checks.followed(events)
        if snapshot.broken is not None:
            self.is_over = True
        self.finish()
        if self.is_driving:
            self.after(FOLLOW_S, self.follow)

    def finish(self) -> None:
        """Ends the session once no slot trains any more."""
        if not self.is_over or self.places.are_busy or self.referee is None:
            return
        try:
            self.referee.close()
        except Killed:
            self.office.dies()
            return
        self.end_session()

    def end_session(self) -> None:
        """All is committed. What is left is trained by the same command again."""
        self.checks.closed(self.referee.broken)
        self.outside.leave_mirror()
        self._bury()
        self.disk.revive()
        if self.checks.is_complete:
            self.sessions += 1  # whatever is still under way meets nobody
            return
        self.begin_again(BEGIN_S, self.begin_session)

    def driver_dies(self) -> None:
        """kill -9 of everything, or the machine's power, or the machine."""
        self._bury()
        if self.happens(self.plan.power):
            self.disk.cut_power(self.chance)
        if self.plan.mirrors and self.happens(self.plan.head_lost):
            shutil.rmtree(self.folder)
            self.disk.forget()
            self.checks.head_is_lost()
        self.begin_again(BEGIN_S, self.begin_session)

    def _bury(self) -> None:
        """Every process has ended: the kernel closes what they held."""
        self.life += 1
        self.places.bury()
        self.is_driving, self.mirror = False, None
        if self.referee is not None:
            self.referee.trials.ledger.close()
        self.referee = None

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Inside, the real code reads this world's clock and writes to its disk."""
        self.real = disk.os, disk.shutil
        with pytest.MonkeyPatch.context() as patch, without_ray(lambda: self.now, lambda: self.places.running):
            patch.setattr(disk, "os", self.disk)
            patch.setattr(disk, "shutil", self.disk)
            patch.setattr(parts, "FULL_BYTES", self.plan.full_bytes)
            patch.setattr(parts, "read_parquet", decoded)
            patch.setattr(journal, "COMPACT_AT", self.plan.compact_at)
            patch.setattr(mirror, "time", SimpleNamespace(monotonic=lambda: self.now))
            patch.setattr(seeding, "AT_ONCE", 1)  # threads would order the disk's calls by chance
            patch.setattr(store, "AT_ONCE", 1)
            yield
