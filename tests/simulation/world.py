"""A whole search in one process: one seed drives clock, slots, messages, disk and deaths around the real code.

Real are the referee, its ledger with checkpoints and weights, the mirror, and the trainer of a slot (``slots.py``). The
simulation stands for what lies between them: Ray's messages, which it delays, loses and repeats, Tune, which puts a
fresh slot in a dead one's place, the driver, and the disk under all of it. Nothing here waits: time jumps from event to
event. Two runs of one seed are the same event for event (``World.digest``).
"""

from __future__ import annotations

import errno
import heapq
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from support.frail import Killed
from support.referee import Toy

from sparring.ledger import disk, parts, write_study
from sparring.ledger.checkpoints import CHECKPOINTS, CheckpointFolder
from sparring.ledger.inbox import Inbox
from sparring.ledger.mirror import Mirror, mirror, seeding, store
from sparring.ledger.mirror.claim import Claim
from sparring.ledger.weights import WEIGHTS, WeightsFolder
from sparring.records import WAIT, Objective, StudySpec
from sparring.referee import journal
from sparring.referee.referee import Referee
from sparring.space import Space

from .checks import Checks
from .plan import SPACE, Plan
from .simdisk import SimulatedDisk
from .slots import Call, Epoch, SlotTrainer, without_ray
from .strand import Strand
from .truth import METRICS, Truth

RETRY_S, DELAY_S = 0.5, 0.05
FOLLOW_S, LOOK_S = 2.0, 3.0
"""Seconds between the driver's looks and the mirror's: rarer than in a search, where most of them see nothing new."""
MOST_EVENTS, MOST_SESSIONS = 60_000, 60
"""Beyond these a search hangs: it makes no way any more."""


@dataclass(eq=False)
class Asked:
    """A message on its way, from a slot or from the driver."""

    call: Call
    answered: Callable[[Any], None]
    is_alive: Callable[[], bool]
    token: str = ""
    """The slot's step that asks."""
    is_done: bool = False


@dataclass(eq=False)
class Slot:
    """A slot's process that trains one trial."""

    place: int
    number: int
    token: str
    strand: Strand = field(init=False)
    is_alive: bool = True
    is_left_alone: bool = False
    """It counts as dead, and goes on."""


class World:
    """One search. ``run`` lets it happen; a broken invariant is an AssertionError."""

    def __init__(self, seed: int, plan: Plan, root: Path) -> None:
        self.plan, self.chance, self.root = plan, Random(seed), root
        self.now, self.events, self.digest, self.sessions = 0.0, 0, 0, 0
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
        self.slots: list[Slot] = []
        self.is_driving = self.is_over = self.is_interrupted = False
        self.life = 0
        self._queue: list[tuple[float, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count, self._tokens, self._opening, self._running = 0, 0, 0, None

    # -- time ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The search, session after session, until every trial has ended."""
        with self._surroundings():
            self.begin_session()
            try:
                while self._queue:
                    self.now, _, session, act, arguments = heapq.heappop(self._queue)
                    if session not in (0, self.sessions):
                        continue  # it died with its driver
                    self.events += 1
                    self.digest = zlib.crc32(f"{self.now:.6f} {act.__name__}".encode(), self.digest)
                    assert self.events < MOST_EVENTS, "the search makes no way any more"
                    act(*arguments)
                self.checks.at_the_end()
            finally:
                self._bury()

    def after(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        """An event of this session."""
        self._count += 1
        heapq.heappush(self._queue, (self.now + seconds, self._count, self.sessions, act, arguments))

    def happens(self, chance: float) -> bool:
        return chance > 0 and self.chance.random() < chance

    def delay(self) -> float:
        return DELAY_S * (0.1 + self.chance.random())

    # -- the driver ---------------------------------------------------------------------------------------------------

    def begin_session(self) -> None:
        """The user's command: the study comes back from its mirror or from its folder, or begins."""
        self.sessions += 1
        assert self.sessions < MOST_SESSIONS, "the search is begun again and again, and never ends"
        self.is_driving, self.is_over, self.is_interrupted = True, False, False
        self.cursor, self.elapsed_s, self._opening = 0, 0.0, 0
        self.disk.revive()
        self.checks.session()
        if self.happens(self.plan.referee_cut):
            self.disk.kill_after(self.chance.randint(0, 60))
        try:
            self.folder.mkdir(exist_ok=True)
            if self.plan.mirrors:
                self.mirror = self._mirror()
                self.mirror.seed()
                self._fail_now_and_then(self.mirror)
            if not (self.folder / "study.json").exists():
                write_study(self.folder, {"spec": {"name": "s"}, "kinds": self.space.kinds, "metrics": METRICS})
        except Killed:
            self.driver_dies()
            return
        self.open_referee()
        for place in range(self.plan.slots):
            self.after(0.1 * place, self.place_asks, place)
        self.after(FOLLOW_S, self.follow)
        self.after(1.0, self.second)
        if self.mirror is not None:
            self.after(LOOK_S, self.look)

    def _mirror(self) -> Mirror:
        made = Mirror(self.folder, str(self.address))
        made.claim = Claim(made.store, lambda: self.now, lambda _: None)
        made.check()
        return made

    def _fail_now_and_then(self, made: Mirror) -> None:
        write = made.store.write

        def fails(name: str, data: bytes) -> None:
            if name != "owner.json" and self.happens(self.plan.mirror_fails):
                raise OSError(errno.ETIMEDOUT, "the other side does not answer")
            write(name, data)

        made.store.write = fails

    def place_asks(self, place: int) -> None:
        """Tune wants a configuration for a slot that is free."""
        if not self.is_over:
            self.send(Call("ask", (), {}), lambda number: self.place_gets(place, number), lambda: True)

    def place_gets(self, place: int, number: int | None) -> None:
        if number == WAIT:
            self.after(1.0 + self.delay(), self.place_asks, place)
        elif number is None:
            self.is_over = True
            self.finish()
        else:
            self.open_slot(place, number)

    def follow(self) -> None:
        """The driver looks at the referee."""
        options = {"is_over": self.is_interrupted, "elapsed_s": self.elapsed_s}
        self.send(Call("follow", (self.cursor,), options), self.followed, lambda: True)

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
        is_busy = self._opening or any(not slot.is_left_alone for slot in self.slots)
        if not self.is_over or is_busy or self.referee is None:
            return
        try:
            self.referee.close()
        except Killed:
            self.referee_dies()
            return
        self.end_session()

    def end_session(self) -> None:
        """All is committed. What is left is trained by the same command again."""
        self.checks.closed(self.referee.broken)
        self.leave_mirror()
        self._bury()
        self.disk.revive()
        if self.checks.is_complete:
            self.sessions += 1  # whatever is still under way meets nobody
            return
        self._again()

    def leave_mirror(self) -> None:
        if self.mirror is not None:
            for _ in range(8):  # 30 s of looks
                if self.mirror._try():
                    self.checks.looked(True)
                    break
            self.mirror.claim.give_back()

    def driver_dies(self) -> None:
        """kill -9 of everything, or the machine's power, or the machine."""
        self._bury()
        if self.happens(self.plan.power):
            self.disk.cut_power(self.chance)
            self.checks.power_was_cut = True
        if self.plan.mirrors and self.happens(self.plan.head_lost):
            shutil.rmtree(self.folder)
            self.disk.forget()
            self.checks.head_is_lost()
        self._again()

    def _again(self) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + 5.0, self._count, 0, self.begin_session, ()))
        self.sessions += 1

    def _bury(self) -> None:
        """Every process has ended: the kernel closes what they held."""
        self.life += 1
        for slot in self.slots:
            slot.is_alive = False
            slot.strand.kill()
        self.slots, self.is_driving, self.mirror = [], False, None
        if self.referee is not None:
            self.referee.trials.ledger.close()
        self.referee = None

    # -- slots --------------------------------------------------------------------------------------------------------

    def open_slot(self, place: int, number: int) -> None:
        self._tokens += 1
        slot = Slot(place, number, f"token-{self._tokens}")
        slot.strand = Strand(lambda strand: self._train(slot, strand))
        self.slots.append(slot)
        self.turn(slot)

    def _train(self, slot: Slot, strand: Strand) -> None:
        trainer = SlotTrainer(self.spec, self.truth, self.plan.epoch_s, strand, self.checks.starts)
        trainer.train(slot.number, slot.token)

    def turn(self, slot: Slot, answer: Any = None) -> None:
        """A slot goes on until it waits again."""
        if not slot.is_alive:
            return
        self._running = slot.strand
        wants = slot.strand.resume(answer)
        if slot.strand.error is not None:
            raise slot.strand.error
        if isinstance(wants, Epoch):
            self.after(wants.seconds * (1 + 0.1 * self.chance.random()), self.trained, slot)
        elif isinstance(wants, Call):
            self.send(wants, lambda answer: self.turn(slot, answer), lambda: slot.is_alive, slot.token)
        else:
            slot.is_alive = False
            self.slots.remove(slot)
            if not slot.is_left_alone:
                self.after(self.delay(), self.place_asks, slot.place)
            self.finish()

    def trained(self, slot: Slot) -> None:
        """An epoch's time has passed. Its slot may have died in it; Tune puts a fresh one in its place."""
        if slot.is_alive and not slot.is_left_alone and self.happens(self.plan.slot_dies):
            self.checks.slot_died(slot.number)
            slot.is_left_alone = True
            self._opening += 1
            self.after(3.0, self.open_slot_again, slot)
            self.after(6.0 * self.chance.random() if self.happens(self.plan.lingers) else 0.0, self.slot_ends, slot)
        self.turn(slot)

    def slot_ends(self, slot: Slot) -> None:
        if slot.is_alive:
            slot.is_alive = False
            slot.strand.kill()
            self.slots.remove(slot)

    def open_slot_again(self, slot: Slot) -> None:
        self._opening -= 1
        self.open_slot(slot.place, slot.number)

    # -- messages -----------------------------------------------------------------------------------------------------

    def send(self, call: Call, answered: Callable[[Any], None], is_alive: Callable[[], bool], token: str = "") -> None:
        self.go(Asked(call, answered, is_alive, token))

    def go(self, asked: Asked) -> None:
        """On its way. A lost message is sent again, as Ray does; ``ask`` is repeated only if the referee died."""
        if asked.is_done or not asked.is_alive():
            return
        is_ask = asked.call.method == "ask"
        if not is_ask and self.happens(self.plan.loses):
            self.after(RETRY_S, self.go, asked)
            return
        self.after(self.delay(), self.arrives, asked)
        if not is_ask and self.happens(self.plan.doubles):
            self.after(self.delay() + self.chance.random(), self.arrives, asked)

    def arrives(self, asked: Asked) -> None:
        if self.referee is not None and self.happens(self.plan.referee_dies):
            self.referee_dies()
        if self.referee is None:
            if not asked.is_done and asked.is_alive() and self.is_driving:
                self.after(0.2, self.arrives, asked)
            return
        if self.happens(self.plan.referee_cut):
            self.disk.kill_after(self.chance.randint(0, 25))
        elif self.happens(self.plan.refuses):
            self.disk.refuse_after(self.chance.randint(0, 12), self.chance.choice([errno.ENOSPC, errno.EIO]))
        call = asked.call
        try:
            self.checks.hears(call)
            answer = getattr(self.referee, call.method)(*call.arguments, **call.options)
            self.checks.heard(call, answer, asked.token)
        except Killed:
            self.referee_dies()
            self.after(0.2, self.arrives, asked)
            return
        self.after(self.delay(), self.returns, asked, answer, self.life)
        if call.method != "ask" and self.happens(self.plan.loses):
            self.after(RETRY_S, self.go, asked)

    def returns(self, asked: Asked, answer: Any, life: int) -> None:
        if asked.is_done or not asked.is_alive():
            return
        if life != self.life and self.happens(0.5):  # it died before its answer came through
            self.arrives(asked)
            return
        asked.is_done = True
        asked.answered(answer)

    # -- the referee --------------------------------------------------------------------------------------------------

    def open_referee(self) -> None:
        """From the ledger. It may die of that."""
        if self.referee is not None or not self.is_driving:
            return
        if self.happens(self.plan.referee_cut):
            self.disk.kill_after(self.chance.randint(0, 40))
        try:
            made = Referee(
                self.folder, self.spec, self.space.without_model(), CheckpointFolder(self.folder / CHECKPOINTS),
                epochs=self.plan.epochs, metrics=METRICS, weights=WeightsFolder(self.folder / WEIGHTS),
                clock=lambda: self.now, wait_s=0.0,
            )  # fmt: skip
        except Killed:
            self.disk.revive()
            self.after(0.5, self.open_referee)
            return
        self.referee = made
        self.checks.rebuilt()

    def referee_dies(self) -> None:
        if self.referee is not None:
            self.referee.trials.ledger.close()
        self.referee, self.life = None, self.life + 1
        self.disk.revive()
        self.after(0.5, self.open_referee)

    # -- every second -------------------------------------------------------------------------------------------------

    def second(self) -> None:
        """What befalls a search from outside."""
        if self.happens(self.plan.driver_dies):
            self.driver_dies()
            return
        if self.happens(self.plan.interrupts):
            self.is_interrupted = True
        if self.happens(self.plan.by_hand):
            self.by_hand()
        self.after(1.0, self.second)

    def by_hand(self) -> None:
        inbox = Inbox(self.folder)
        frail, disk.os, disk.shutil = self.disk, *self._real  # another process, which does not die of ours
        try:
            if self.chance.random() < 0.5:
                number = self.chance.randrange(self.plan.trials)
                self.checks.asked_to_stop.add(number)
                inbox.ask(stop=number)
            else:
                width, lr = self.chance.randint(5, 15), self.chance.choice([0.001, 0.1])
                params = self.space.complete({"lr": lr, "loss": "wcc", "width": width, "w": 0.5})
                self.checks.asked_to_run.append(params)
                inbox.ask(params=params)
        finally:
            disk.os = disk.shutil = frail

    def look(self) -> None:
        """The mirror's thread looks at the folder."""
        if self.mirror is None:
            return
        self.checks.looked(self.mirror._try())
        self.after(LOOK_S, self.look)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Inside, the real code reads this world's clock and writes to its disk."""
        self._real = disk.os, disk.shutil
        with pytest.MonkeyPatch.context() as patch, without_ray(lambda: self.now, lambda: self._running):
            patch.setattr(disk, "os", self.disk)
            patch.setattr(disk, "shutil", self.disk)
            patch.setattr(parts, "FULL_BYTES", self.plan.full_bytes)
            patch.setattr(journal, "COMPACT_AT", self.plan.compact_at)
            patch.setattr(mirror, "time", SimpleNamespace(monotonic=lambda: self.now))
            patch.setattr(seeding, "AT_ONCE", 1)  # threads would order the disk's calls by chance
            patch.setattr(store, "AT_ONCE", 1)
            yield
