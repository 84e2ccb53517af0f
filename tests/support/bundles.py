"""Bundles of a few bytes, for a registry that does not look into them."""

from __future__ import annotations

from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry

NAME = "toy"


def tiny(version, letter="a"):
    return seal(NAME, version, {"model.safetensors": letter.encode() * 1500, "card.json": b"{}"})


def promote(registry: Registry, letter="a", **about):
    """The next version, of files that hold this letter."""
    return registry.promote(NAME, lambda version: tiny(version, letter), seen=registry.current(NAME), **about)


def letter_of(registry: Registry, version=None):
    """Which bundle a version is; raises if it is not whole."""
    return registry.read(NAME, version)["model.safetensors"][:1].decode()
