"""What the processes of a search do not import."""

from __future__ import annotations

import subprocess
import sys


def test_who_holds_the_referees_handle_imports_neither_optuna_nor_scipy():
    """Ray imports the actor's module in slots and driver: each of them paid a second and 60 MB for the sampler's."""
    code = (
        "import sys, sparring.cluster.session, sparring.cluster.referee_actor, sparring.cluster.slot; "
        "print(sorted({'optuna', 'scipy', 'torch', 'sklearn', 'tensorboard'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
