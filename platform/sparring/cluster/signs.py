"""How a slot's process says what it does: its title, and the names of what it asks of the referee.

Ray's dashboard shows the titles of a node's workers, ``ps`` and ``top`` do too, and its list of tasks shows the names.
An actor's own name and repr say only which study it serves: Ray asks for them once, when the actor begins.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .referee_actor import RemoteMethod

T = TypeVar("T")


class Signs:
    """Of one trial in this process; a context manager, which gives the process its title back at the end.

    The title's first word stays: Ray makes a series of memory and processors for each that it sees.
    """

    def __init__(self, study: str, trial: int) -> None:
        self._about = f"{study} trial {trial}"
        self._title = ""

    def __enter__(self) -> Signs:
        self._title = _raylet().getproctitle()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _raylet().setproctitle(self._title)

    def show(self, doing: str, epoch: int | None = None) -> None:
        """What the process does now."""
        _raylet().setproctitle(f"{self._title.split(' ', 1)[0]} {self._words(doing, epoch)}")

    def on(self, method: RemoteMethod[T], doing: str, epoch: int | None = None) -> RemoteMethod[T]:
        """A method of the referee's, whose next call has a name by which the list of tasks shows it."""
        return method.options(name=self._words(doing, epoch))

    def _words(self, doing: str, epoch: int | None) -> str:
        return f"{self._about} {doing}" if epoch is None else f"{self._about} {doing} epoch {epoch}"


def _raylet() -> Any:
    """Ray's own setproctitle lies in a module without types."""
    from ray import _raylet

    return _raylet
