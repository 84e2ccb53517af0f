"""What the registry remembers of each promotion and roll-back, and which version is current."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CheckOutcome(BaseModel):
    """How one check of a promotion ended."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    number: Annotated[int, Field(ge=1)]
    name: str
    outcome: Literal["passed", "warned", "failed", "forced"]
    words: str
    """What was found, with its numbers."""
    way_out: str = ""
    """What to do about it; empty if there is nothing to do."""


class Entry(BaseModel):
    """One promotion or roll-back. It never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    number: Annotated[int, Field(ge=1)]
    action: Literal["promoted", "rolled back"]
    name: str
    version: Annotated[int, Field(ge=1)]
    """The version that became current."""
    replaced: Annotated[int, Field(ge=1)] | None = None
    """The version that was current until then."""
    manifest: Digest
    """SHA-256 of the version's manifest.json."""
    when: str
    """UTC, ISO 8601."""
    who: str
    """User and machine."""
    study: str = ""
    trial: int | None = None
    is_refit: bool = False
    """Was it trained anew, on training and validation rows?"""
    figure: str = ""
    """The figure that was checked, as ``val/score 0.0485``."""
    checks: Sequence[CheckOutcome] = ()
    reason: str = ""
    """Why failed comparisons were overruled, or why it was rolled back."""
    sparring: str
    """The version of Sparring that wrote it."""
    before: Digest | None = None
    """SHA-256 of the entry before; None of the first."""
    before_file: str | None = None
    """Its file."""

    def packed(self) -> bytes:
        """The entry as its file holds it."""
        return (self.model_dump_json(indent=2) + "\n").encode()


class Current(BaseModel):
    """What the file ``current`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: Annotated[int, Field(ge=1)]
    entry: str
    """File of the newest entry, in ``history``."""
    sha256: Digest
    """Of that file."""

    def packed(self) -> bytes:
        """As its file holds it."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def file_of(entry: Entry) -> tuple[str, str]:
    """The name of an entry's file, which no other entry has, and the SHA-256 of its bytes."""
    sha256 = hashlib.sha256(entry.packed()).hexdigest()
    return f"{entry.number:06d}-{sha256[:12]}.json", sha256


def now() -> str:
    """The time for an entry: UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def whoami() -> str:
    """The user and the machine for an entry; a user without a name by its number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
