"""The look at the test rows in a process of its own: the driver, which starts it, imports no torch.

It starts as soon as the budget is spent, so that torch and the data are loaded while Ray shuts down. The driver holds
the study's lock meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress

from rich.console import Console

from ..ledger import read_looks
from ..models.own import allowed
from ..study import Study, is_complete
from ..study.budget import exhaustion
from ..study.look import is_due
from .watch import open_board

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sparring.study.look import main; sys.exit(main(sys.argv[2]))"
)
"""Imports from where this process does: the package need not be installed."""


class LookProcess:
    """One look; ``finish`` waits for it."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(sys.path), str(study.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        own = allowed(study.spec.model)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as told:  # it has ended already; finish says why
            told.write("" if own is None else own.to_json())
        self._process.stdin = None  # or communicate would write to it

    def finish(self, console: Console) -> None:
        """Waits until the figures are in the ledger and for TensorBoard; says why if they could not be had.

        Ctrl-C gives them up.
        """
        try:
            _, complaint = self._process.communicate()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        if self._process.returncode == 0:
            board = open_board(self._study, console.print)
            board.look(read_looks(self._study.folder)[-1])
            return
        reason = (complaint.strip().splitlines() or ["its process was ended"])[-1]
        rows = len(self._study.split.test)
        console.print(
            f"The {rows:,} test rows were not looked at: {reason}; the same command again looks.",
            style="yellow", soft_wrap=True, markup=False, highlight=False,
        )  # fmt: skip


def begin_look(study: Study) -> LookProcess | None:
    """Starts looking if the study has ended, or its space is exhausted, and trials have ended since the last look."""
    has_ended = is_complete(study) or exhaustion(study.folder, study.space) is not None
    return LookProcess(study) if has_ended and is_due(study) else None
