"""How much, how many and how long; and a refusal with its HTTP status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServeLimits:
    """What a server accepts. ``requests`` × ``body_bytes`` bounds its memory, and what two bodies take as numbers."""

    body_bytes: int = 8_000_000
    """Of one request; more: 413."""
    rows: int = 4096
    """Of one request, or samples drawn; more: 413."""
    requests: int = 64
    """That are read or answered at the same time; more: 429."""
    seconds: float = 10.0
    """For a body to arrive (else 408), and again for the answer (else 503)."""
    batch_rows: int = 1024
    """Rows of requests that are asked together."""


class Refusal(Exception):
    """A request that is not answered, in one sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words
