"""The referee's process, and Ray's messages to it: delayed, lost, repeated, and met by a referee that has died."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.frail import Killed

from sparring.ledger.checkpoints import CHECKPOINTS, CheckpointFolder
from sparring.ledger.weights import WEIGHTS, WeightsFolder
from sparring.referee.referee import Referee

from .slots import Call
from .truth import METRICS

if TYPE_CHECKING:
    from .world import World

RETRY_S = 0.5
"""After which a lost message is sent again."""


@dataclass(eq=False)
class Asked:
    """A message on its way, from a slot or from the driver."""

    call: Call
    answered: Callable[[Any], None]
    is_alive: Callable[[], bool]
    token: str = ""
    """The slot's step that asks."""
    is_done: bool = False


class Office:
    """Where the referee is: it opens from the ledger, and comes back if it dies."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open_referee(self) -> None:
        """From the ledger. It may die of that."""
        world = self.world
        if world.referee is not None or not world.is_driving:
            return
        if world.happens(world.plan.referee_cut):
            world.disk.kill_after(world.chance.randint(0, 40))
        try:
            made = Referee(
                world.folder, world.spec, world.space.without_model(), CheckpointFolder(world.folder / CHECKPOINTS),
                epochs=world.plan.epochs, metrics=METRICS, weights=WeightsFolder(world.folder / WEIGHTS),
                clock=lambda: world.now, wait_s=0.0,
            )  # fmt: skip
        except Killed:
            world.disk.revive()
            world.after(0.5, self.open_referee)
            return
        world.referee = made
        world.checks.rebuilt()

    def dies(self) -> None:
        world = self.world
        if world.referee is not None:
            world.referee.trials.ledger.close()
        world.referee, world.life = None, world.life + 1
        world.disk.revive()
        world.after(0.5, self.open_referee)


class Post:
    """The messages of one search."""

    def __init__(self, world: World) -> None:
        self.world = world

    def send(self, call: Call, answered: Callable[[Any], None], is_alive: Callable[[], bool], token: str = "") -> None:
        self.go(Asked(call, answered, is_alive, token))

    def go(self, asked: Asked) -> None:
        """On its way. A lost message is sent again, as Ray does; ``ask`` is repeated only if the referee died."""
        world = self.world
        if asked.is_done or not asked.is_alive():
            return
        is_ask = asked.call.method == "ask"
        if not is_ask and world.happens(world.plan.loses):
            world.after(RETRY_S, self.go, asked)
            return
        world.after(world.delay(), self.arrives, asked)
        if not is_ask and world.happens(world.plan.doubles):
            world.after(world.delay() + world.chance.random(), self.arrives, asked)

    def arrives(self, asked: Asked) -> None:
        world = self.world
        if world.referee is not None and world.happens(world.plan.referee_dies):
            world.office.dies()
        if world.referee is None:
            if not asked.is_done and asked.is_alive() and world.is_driving:
                world.after(0.2, self.arrives, asked)
            return
        if world.happens(world.plan.referee_cut):
            world.disk.kill_after(world.chance.randint(0, 25))
        elif world.happens(world.plan.refuses):
            world.disk.refuse_after(world.chance.randint(0, 12), world.chance.choice([errno.ENOSPC, errno.EIO]))
        call = asked.call
        try:
            world.checks.hears(call)
            answer = getattr(world.referee, call.method)(*call.arguments, **call.options)
            world.checks.heard(call, answer, asked.token)
        except Killed:
            world.office.dies()
            world.after(0.2, self.arrives, asked)
            return
        world.after(world.delay(), self.returns, asked, answer, world.life)
        if call.method != "ask" and world.happens(world.plan.loses):
            world.after(RETRY_S, self.go, asked)

    def returns(self, asked: Asked, answer: Any, life: int) -> None:
        if asked.is_done or not asked.is_alive():
            return
        if life != self.world.life and self.world.happens(0.5):  # it died before its answer came through
            self.arrives(asked)
            return
        asked.is_done = True
        asked.answered(answer)
