"""A process of our own beside a search: the driver, which starts it, imports neither torch nor scikit-learn."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress

from ..models.own import allowed

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
