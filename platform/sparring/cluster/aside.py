"""What is measured beside the end of a search, while Ray shuts down and the test rows are looked at.

Who calls names the module, for this room does not know it: the yardsticks of ``report``. It is waited for only as long
as ``conduct`` allows; what it has not measured by then, ``sparring report`` does.
"""

from __future__ import annotations

import subprocess
from types import TracebackType

from ..study import Study
from ..study.child import start_child


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
