"""What one seed draws before its search begins: the study, and which faults exist and how often they come."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random

SPACE = {
    "model": "toy",
    "dataset": "none",
    "objectives": [{"metric": "val/score"}],
    "search": {
        "lr": {"choice": [0.0001, 0.001, 0.01, 0.1, 0.25, 0.5]},
        "loss": {"choice": ["mse", "wcc"]},
        "width": {"int": [5, 15], "when": {"loss": "wcc"}},
        "w": {"choice": [0.0, 0.125, 0.5, 1.0]},
    },
}
"""288 points: a grid that hands out trials by their numbers alone, so that a search without faults has the same."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One search and its faults. A chance is per message, per epoch of a slot or per second, as its line says."""

    seed: int
    slots: int
    trials: int
    epochs: int
    pruner: str
    sampler: str
    goal: str
    attempts: int
    epoch_s: float
    """Simulated seconds of an epoch, the same for all trials, so that what a budget buys can be counted."""
    checkpoint_s: float
    trains: float | None
    """Whole trainings that the budget of seconds buys; None bounds the search by trials alone."""
    full_bytes: int
    """From here on a merged part counts as full."""
    compact_at: int
    """Parts of a table before they are merged."""
    loses: float = 0.0
    """A message, or its answer, is lost and sent again: per message."""
    doubles: float = 0.0
    """A message arrives a second time, later: per message."""
    slot_dies: float = 0.0
    """A slot's process dies while it trains: per epoch."""
    lingers: float = 0.0
    """A slot that counts as dead goes on for a while: per death."""
    referee_dies: float = 0.0
    """The referee's process dies before it handles a message: per message."""
    referee_cut: float = 0.0
    """It dies at one of its next calls of the disk: per message."""
    driver_dies: float = 0.0
    """The whole search is killed: per second."""
    power: float = 0.0
    """The power fails with it, which undoes what was not synced: per death of the driver."""
    refuses: float = 0.0
    """The disk refuses one of the next calls: per message."""
    interrupts: float = 0.0
    """The user stops the search gently and begins it again: per second."""
    by_hand: float = 0.0
    """The user stops a trial or puts one in line: per second."""
    mirrors: bool = False
    mirror_fails: float = 0.0
    """The mirror refuses a file: per file."""
    head_lost: float = 0.0
    """The study's folder is lost with the driver, and comes back from the mirror: per death of the driver."""

    @property
    def without_faults(self) -> Plan:
        """The same search where nothing goes wrong."""
        return replace(self, **{each.name: each.default for each in fields(self) if each.name in FAULTS})


FAULTS = {
    "loses": (0.003, 0.1),
    "doubles": (0.003, 0.1),
    "slot_dies": (0.002, 0.05),
    "lingers": (0.2, 1.0),
    "referee_dies": (0.001, 0.03),
    "referee_cut": (0.002, 0.05),
    "driver_dies": (0.002, 0.03),
    "power": (0.3, 1.0),
    "refuses": (0.001, 0.005),
    "interrupts": (0.002, 0.03),
    "by_hand": (0.005, 0.05),
    "mirror_fails": (0.01, 0.2),
    "head_lost": (0.3, 1.0),
}
"""The least and the greatest chance of each fault that a seed may draw."""


def draw(seed: int) -> Plan:
    """The plan of a seed. Each fault exists in half of all plans, with a chance between its bounds, evenly in log."""
    chance = Random(seed)
    epochs = chance.choice([9, 9, 27])
    plan = Plan(
        seed=chance.randrange(1000),
        slots=chance.randint(1, 5),
        trials=chance.randint(3, 24 if epochs == 9 else 12),
        epochs=epochs,
        pruner=chance.choice(["halving", "halving", "halving", "hyperband", "median", "none"]),
        sampler=chance.choice(["grid", "grid", "grid", "random"]),
        goal=chance.choice(["minimize", "minimize", "maximize"]),
        attempts=chance.choice([2, 3, 1000]),
        epoch_s=chance.choice([0.25, 0.5, 2.0]),
        checkpoint_s=chance.choice([0.0, 1.0, 5.0, 1000.0]),
        trains=chance.choice([None, None, float(chance.randint(3, 12))]),
        full_bytes=chance.choice([1 << 20, 12_000]),
        compact_at=chance.choice([400, 12, 4]),
        mirrors=chance.random() < 0.4,
    )
    drawn = {}
    for name, (low, high) in FAULTS.items():
        exists, height = chance.random() < 0.5, chance.random()
        if exists:
            drawn[name] = low * (high / low) ** height
    return replace(plan, **drawn)
