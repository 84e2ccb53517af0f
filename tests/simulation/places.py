"""The slots: Tune's places, the processes that train in them, and their deaths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparring.records import WAIT

from .slots import Call, Epoch, SlotTrainer
from .strand import Strand

if TYPE_CHECKING:
    from .world import World


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


class Places:
    """All slots of one search. Tune asks for a trial as soon as one is free, and puts a fresh one where one died."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.slots: list[Slot] = []
        self.opening = 0
        """Slots that died, and whose place has no other yet."""
        self.running: Strand | None = None
        """The process whose code runs at this moment."""
        self._tokens = 0

    @property
    def are_busy(self) -> bool:
        """Whether any slot trains or is about to."""
        return self.opening > 0 or any(not slot.is_left_alone for slot in self.slots)

    def bury(self) -> None:
        """Every slot has ended."""
        for slot in self.slots:
            slot.is_alive = False
            slot.strand.kill()
        self.slots = []

    def place_asks(self, place: int) -> None:
        """Tune wants a configuration for a slot that is free."""
        if not self.world.is_over:
            self.world.post.send(Call("ask", (), {}), lambda number: self.place_gets(place, number), lambda: True)

    def place_gets(self, place: int, number: int | None) -> None:
        world = self.world
        if number == WAIT:
            world.after(1.0 + world.delay(), self.place_asks, place)
        elif number is None:
            world.is_over = True
            world.finish()
        else:
            self.open_slot(place, number)

    def open_slot(self, place: int, number: int) -> None:
        self._tokens += 1
        slot = Slot(place, number, f"token-{self._tokens}")
        slot.strand = Strand(lambda strand: self._train(slot, strand))
        self.slots.append(slot)
        self.turn(slot)

    def _train(self, slot: Slot, strand: Strand) -> None:
        world = self.world
        trainer = SlotTrainer(world.spec, world.truth, world.plan.epoch_s, strand, world.checks.starts)
        trainer.train(slot.number, slot.token)

    def turn(self, slot: Slot, answer: Any = None) -> None:
        """A slot goes on until it waits again."""
        world = self.world
        if not slot.is_alive:
            return
        self.running = slot.strand
        wants = slot.strand.resume(answer)
        if slot.strand.error is not None:
            raise slot.strand.error
        if isinstance(wants, Epoch):
            world.after(wants.seconds * (1 + 0.1 * world.chance.random()), self.trained, slot)
        elif isinstance(wants, Call):
            world.post.send(wants, lambda answer: self.turn(slot, answer), lambda: slot.is_alive, slot.token)
        else:
            slot.is_alive = False
            self.slots.remove(slot)
            if not slot.is_left_alone:
                world.after(world.delay(), self.place_asks, slot.place)
            world.finish()

    def trained(self, slot: Slot) -> None:
        """An epoch's time has passed. Its slot may have died in it; Tune puts a fresh one in its place."""
        world = self.world
        if slot.is_alive and not slot.is_left_alone and world.happens(world.plan.slot_dies):
            world.checks.slot_died(slot.number)
            slot.is_left_alone = True
            self.opening += 1
            world.after(3.0, self.open_slot_again, slot)
            world.after(6.0 * world.chance.random() if world.happens(world.plan.lingers) else 0.0, self.slot_ends, slot)
        self.turn(slot)

    def slot_ends(self, slot: Slot) -> None:
        if slot.is_alive:
            slot.is_alive = False
            slot.strand.kill()
            self.slots.remove(slot)

    def open_slot_again(self, slot: Slot) -> None:
        self.opening -= 1
        self.open_slot(slot.place, slot.number)
