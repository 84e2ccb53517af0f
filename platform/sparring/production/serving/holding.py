"""The model that a server answers with, and the switch to the version that becomes current.

A request takes the model once and keeps it, so its checks, its answer and the version that it names are of one bundle;
the old version goes when its last request is answered. A version that does not load whole is not switched to.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from ...errors import SparringError, UnknownName
from ..handover.asking import ProductionModel
from ..registry.entries import Current
from ..registry.opening import Place, load_found
from .metering import Meter


class Holder:
    """The current version at a place. Raises as ``sparring.load`` does if there is none to begin with."""

    def __init__(self, place: Place, meter: Meter) -> None:
        self._place, self._meter = place, meter
        self._seen: Current | None = None
        self.complaint = ""
        """Why the last look at production failed; empty if it did not."""
        self.model: ProductionModel
        if self.follows:
            self._look()
        else:
            self.model = load_found(place)

    @property
    def follows(self) -> bool:
        """Does it switch? Not where a version, or a bundle outside any registry, was asked for."""
        return self._place.registry is not None and self._place.version is None

    def look(self) -> None:
        """Switches if another version has become current. What fails is a complaint, and the version stays."""
        try:
            is_switched = self._look()
        except Exception as error:  # whatever it is: an address that is away must not end the server
            words = str(error) if isinstance(error, SparringError) else f"{type(error).__name__}: {error}"
            self._meter.failed_looks += 1
            if words != self.complaint:
                self.complaint = words
                print(f"sparring serve: version {self.model.version} stays: {words}", file=sys.stderr, flush=True)
            return
        self.complaint = ""
        if is_switched:
            self._meter.switches += 1
            print(f"sparring serve: {self.model.name} is version {self.model.version} now", file=sys.stderr, flush=True)

    async def watch(self, every_s: float) -> None:
        """Looks at production until it is cancelled."""
        while self.follows:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.look)

    def _look(self) -> bool:
        registry = self._place.registry
        assert registry is not None
        current = registry.current(self._place.name)
        if current is None:
            raise UnknownName(f"{self._place.named}: nothing is current there; promote a version, or roll back to one")
        if current == self._seen:
            return False
        self.model = load_found(replace(self._place, version=current.version))
        self._seen = current
        return True
