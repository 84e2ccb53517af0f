"""A process of our own beside a search: the driver, which starts it, imports neither torch nor scikit-learn.

One looks at the test rows. Another, ``Aside``, measures what this room does not know while Ray shuts down: who calls
names the module, the yardsticks of ``report``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from types import TracebackType

from ..models.own import allowed
from .study import Study

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from importlib import import_module; "
    "sys.exit(import_module(sys.argv[2]).main(*sys.argv[3:]))"
)
"""Imports from where this process does: the package need not be installed."""


def start_child(module: str, model: str, *arguments: str) -> subprocess.Popen[str]:
    """Runs ``main(*arguments)`` of a module; its result is the exit code.

    On its standard input stands the model as ``OwnModel.to_json`` wrote it if it is the user's own, else nothing; the
    line ends, the input does not.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(sys.path), module, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    own = allowed(model)
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, and says why
        process.stdin.write("\n" if own is None else f"{own.to_json()}\n")
        process.stdin.flush()
    return process


class Aside:
    """A context manager, whose process ends with it if it was begun. module: one with a ``main(folder)``, or empty."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[str] | None = None

    def begin(self, study: Study) -> None:
        """Starts measuring. The search is over: every trial has ended, and processors fall idle."""
        if self._module:
            self._process = start_child(self._module, study.spec.model, str(study.folder))

    def finish(self, patience_s: float) -> str:
        """What it prints once the test rows have been looked at; empty if it is not there after ``patience_s``."""
        if self._process is None:
            return ""
        try:
            said, _ = self._process.communicate(timeout=patience_s)  # and ends its input: the look is over
        except subprocess.TimeoutExpired:
            return ""
        return said.strip() if self._process.returncode == 0 else ""

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
