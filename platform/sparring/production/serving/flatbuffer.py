"""Tables of a flatbuffer that a stranger wrote: every place is checked before it is read.

A table begins with the distance back to its vtable, which holds by field number where in the table the field lies, 0 if
it does not. Strings, vectors and tables are reached through a distance forward. Source: flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from ...errors import DataError

SIZES: dict[str, int] = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8}
Kind = Literal["b", "B", "h", "H", "i", "I", "q"]
"""As the module struct calls them."""


class Table(NamedTuple):
    """One table of the buffer ``data``."""

    data: bytes
    place: int

    def number(self, field: int, kind: Kind, default: int = 0) -> int:
        """A number, or its default where the field is left out."""
        place = self._find(field)
        return default if place is None else read(self.data, place, kind)

    def table(self, field: int) -> Table | None:
        """Another table; None if there is none."""
        place = self._target(field)
        return None if place is None else Table(self.data, place)

    def text(self, field: int) -> bytes:
        """A string's bytes, empty if there is none."""
        place = self._target(field)
        if place is None:
            return b""
        length = read(self.data, place, "I")
        return cut(self.data, place + 4, length)

    def vector(self, field: int, size: int) -> tuple[int, int]:
        """(how many, where the first begins) of a vector of things of ``size`` bytes; (0, 0) if there is none."""
        place = self._target(field)
        if place is None:
            return 0, 0
        count = read(self.data, place, "I")
        cut(self.data, place + 4, count * size)
        return count, place + 4

    def tables(self, field: int, most: int) -> list[Table]:
        """A vector of tables. Raises DataError if there are more than ``most``."""
        count, first = self.vector(field, 4)
        if count > most:
            raise DataError(f"the body: has {count:,} columns or entries where {most:,} are the most")
        places = (first + 4 * number for number in range(count))
        return [Table(self.data, place + read(self.data, place, "I")) for place in places]

    def _target(self, field: int) -> int | None:
        place = self._find(field)
        return None if place is None else place + read(self.data, place, "I")

    def _find(self, field: int) -> int | None:
        entries = self.place - read(self.data, self.place, "i")
        size, entry = read(self.data, entries, "H"), 4 + 2 * field
        offset = read(self.data, entries + entry, "H") if entry + 2 <= size else 0
        return self.place + offset if offset else None


def root(data: bytes) -> Table:
    """The table that the buffer is about."""
    return Table(data, read(data, 0, "I"))


def read(data: bytes, place: int, kind: Kind) -> int:
    """A little-endian number. Raises DataError if it does not lie within the data."""
    (value,) = struct.unpack(f"<{kind}", cut(data, place, SIZES[kind]))
    return int(value)


def cut(data: bytes, place: int, size: int) -> bytes:
    """So many bytes. Raises DataError if they do not lie within the data."""
    if not 0 <= place <= place + size <= len(data):
        raise DataError("the body must be a whole Arrow stream, but is torn; send it again")
    return data[place : place + size]
