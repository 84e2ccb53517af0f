"""Ray, started on this machine or joined at an address, and always let go of at the end."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ClusterError
from ..resources import available_cpus

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # Tune's thread, left behind by a second Ctrl-C, would start a Ray of its own
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # The ledger is the truth: Tune's own loggers and snapshots cost 24 ms per trial instead of 12.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "60",
}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What Ray offers. nodes: per node alive its resources by Ray's names; dashboard: its address, for the user."""

    nodes: Sequence[Mapping[str, float]]
    dashboard: str


@contextmanager
def connect(address: str | None) -> Iterator[Cluster]:
    """Ray, on this machine or at ``address``; always shuts down. Raises ClusterError if nothing answers there."""
    if address is not None and address.startswith("ray://"):
        raise ClusterError(
            f"--address: the search runs on a node of the cluster and writes its results there, but {address} is Ray's "
            "way in from outside; use `ray job submit`, or --address auto on a node"
        )
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    _authenticate(local=address is None)
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}
    if address is None:
        # "local", or Ray would join a cluster that happens to run on this machine.
        options |= {"address": "local", "include_dashboard": True, "num_cpus": available_cpus()}
    else:
        options["address"] = address
    # Tune and what it drags in take a second to import, and ray.init waits for other processes meanwhile.
    importing = threading.Thread(target=import_module, args=("ray.tune",), daemon=True, name="import")
    importing.start()
    try:
        try:
            context = ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            if address is None:
                raise
            raise ClusterError(
                f"--address: wants a running Ray cluster of this version and token, but got {address!r} and "
                f"{' '.join(str(error).split())}; start one with `ray start --head`, or leave --address out"
            ) from error
        url = context.dashboard_url
        yield Cluster(
            nodes=[node["Resources"] for node in ray.nodes() if node["Alive"]],  # type: ignore[no-untyped-call]
            dashboard=f"http://{url}" if url else "(the dashboard did not start)",
        )
    finally:
        importing.join()  # modules that appear later would surprise whoever looks through them
        ray.shutdown()


def _authenticate(*, local: bool) -> None:
    """Token authentication, always for a Ray of our own, and for another's where this user has a token.

    Ray would write the token for everybody to read, so it is written here first. It never leaves the file: the user
    reads it with ``ray get-auth-token``.
    """
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    path = Path.home() / ".ray" / "auth_token"
    if local and not given and not path.exists():
        with suppress(OSError):  # a home that cannot be written to: Ray then says what it needs
            path.parent.mkdir(exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
    if local or given or path.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
