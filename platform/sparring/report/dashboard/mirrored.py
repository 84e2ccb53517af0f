"""Studies at a mirror's address as a folder here, for as long as somebody looks at them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import UsageError
from ...ledger.mirror.following import EVERY_S, Follower, studies_at


@contextmanager
def followed(address: str, say: Callable[[str], object]) -> Iterator[Path]:
    """The folder of the study at the address, or that of several below it, which grows as they do.

    say: hears, once, why the address cannot be read any more. Raises UsageError if it holds no study or cannot be read
    at the beginning.
    """
    found = studies_at(address)
    is_one = len(found) == 1 and address.partition("?")[0].rstrip("/").endswith(f"/{found[0][1]}")
    with TemporaryDirectory(prefix="sparring-dashboard-") as scratch, ExitStack() as stack:
        followers = [stack.enter_context(Follower(parent, name, Path(scratch))) for parent, name in found]
        for follower in followers:
            follower.refresh()
            if follower.complaint:
                raise UsageError(f"STUDY: {follower.complaint}")
        ended = threading.Event()
        thread = threading.Thread(target=_refresh, args=(followers, ended, say), daemon=True, name="follow-mirror")
        thread.start()
        try:
            yield followers[0].folder if is_one else Path(scratch)
        finally:
            ended.set()
            thread.join()


def _refresh(followers: list[Follower], ended: threading.Event, say: Callable[[str], object]) -> None:
    said: dict[str, str] = {}
    while not ended.wait(EVERY_S):
        for follower in followers:
            follower.refresh()
            if follower.complaint and said.get(follower.store.address) != follower.complaint:
                say(f"{follower.complaint}; it is tried again")
            said[follower.store.address] = follower.complaint
