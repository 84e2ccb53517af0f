"""What befalls a search from outside: the user, the machine, and the mirror beside it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sparring.ledger import disk
from sparring.ledger.inbox import Inbox
from sparring.ledger.mirror import Mirror
from sparring.ledger.mirror.claim import Claim

if TYPE_CHECKING:
    from .world import World

LOOK_S = 3.0
"""Seconds between the mirror's looks: rarer than in a search, where most of them see nothing new."""


class Outside:
    """All that comes from outside to one search."""

    def __init__(self, world: World) -> None:
        self.world = world

    def second(self) -> None:
        """What befalls a search from outside."""
        world = self.world
        if world.happens(world.plan.driver_dies):
            world.driver_dies()
            return
        if world.happens(world.plan.interrupts):
            world.is_interrupted = True
        if world.happens(world.plan.by_hand):
            self.by_hand()
        world.after(1.0, self.second)

    def by_hand(self) -> None:
        world = self.world
        inbox = Inbox(world.folder)
        frail, disk.os, disk.shutil = world.disk, *world.real  # another process, which does not die of ours
        try:
            if world.chance.random() < 0.5:
                number = world.chance.randrange(world.plan.trials)
                world.checks.asked_to_stop.add(number)
                inbox.ask(stop=number)
            else:
                width, lr = world.chance.randint(5, 15), world.chance.choice([0.001, 0.1])
                params = world.space.complete({"lr": lr, "loss": "wcc", "width": width, "w": 0.5})
                world.checks.asked_to_run.append(params)
                inbox.ask(params=params)
        finally:
            disk.os = disk.shutil = frail

    def look(self) -> None:
        """The mirror's thread looks at the folder."""
        world = self.world
        if world.mirror is None:
            return
        world.checks.looked(world.mirror._try())
        world.after(LOOK_S, self.look)

    def make_mirror(self) -> Mirror:
        world = self.world
        made = Mirror(world.folder, str(world.address))
        made.claim = Claim(made.store, lambda: world.now, lambda _: None)
        made.check()
        return made

    def fail_now_and_then(self, made: Mirror) -> None:
        write = made.store.write

        def fails(name: str, data: bytes) -> None:
            if name != "owner.json" and self.world.happens(self.world.plan.mirror_fails):
                raise OSError(errno.ETIMEDOUT, "the other side does not answer")
            write(name, data)

        made.store.write = fails

    def leave_mirror(self) -> None:
        world = self.world
        if world.mirror is not None:
            for _ in range(8):  # 30 s of looks
                if world.mirror._try():
                    world.checks.looked(True)
                    break
            world.mirror.claim.give_back()
