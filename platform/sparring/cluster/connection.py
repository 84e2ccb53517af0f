"""Ray, started on this machine or joined at an address, and always let go of at the end."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ClusterError
from ..resources import available_cpus
from .daemons import proxies
from .daemons.deaths import in_groups_of_their_own, let_go, session_folder, telling_of_the_dead
from .daemons.leftovers import dead_sessions, end, marked

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # Tune's thread, left behind by a second Ctrl-C, would start a Ray of its own
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray ends idle workers after a second; those that it has started for the slots are wanted after three.
    "RAY_idle_worker_killing_time_threshold_ms": "60000",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # The ledger is the truth: Tune's own loggers and snapshots cost 24 ms per trial instead of 12.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "60",
}


MEANWHILE = "sparring.display.tensorboard"
"""What the driver needs once Ray has started."""
ANSWER_S = 5.0
"""Seconds in which a cluster's head must take a connection."""
MOST_BYTES = 107
"""Of the path of a Unix socket on Linux: sun_path, less the byte that ends it."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What Ray offers. nodes: per node alive its resources by Ray's names; dashboard: its address, for the user."""

    nodes: Sequence[Mapping[str, float]]
    dashboard: str


@contextmanager
def connect(address: str | None, about: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Ray, on this machine or at ``address``; always shuts down. Raises ClusterError if nothing answers there,
    ClusterLost for an error inside that comes of a daemon's death.

    about: what Ray's list of jobs says of this one, its metadata.
    """
    if address is not None and address.startswith("ray://"):
        raise ClusterError(
            f"--address: the search runs on a node of the cluster and writes its results there, but {address} is Ray's "
            "way in from outside; use `ray job submit`, or --address auto on a node"
        )
    said = "RAY_ADDRESS" if address is not None and os.environ.get("RAY_ADDRESS") == address else "--address"
    way_out = "unset RAY_ADDRESS" if said == "RAY_ADDRESS" else "leave --address out"
    if address is None:
        _check_sockets()
    else:
        _check_listens(address, said, way_out)
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    _authenticate(local=address is None)
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}
    if about:
        options["job_config"] = ray.job_config.JobConfig(metadata=dict(about))
    if address is None:
        # "local", or Ray would join a cluster that happens to run on this machine.
        options |= {"address": "local", "include_dashboard": True, "num_cpus": available_cpus()}
    else:
        options["address"] = address
    # Both and what they drag in take two seconds to import, and ray.init waits for other processes meanwhile.
    importing = threading.Thread(target=_import, args=("ray.tune", MEANWHILE), daemon=True, name="import")
    importing.start()
    proxies.spare((*proxies.LOOPBACK, ray.util.get_node_ip_address()))  # type: ignore[no-untyped-call]
    if address is None:
        for session in dead_sessions():
            end(session.processes)  # agents outlive a killed search by a minute, and hold ports and 200 MB
    try:
        try:
            with in_groups_of_their_own():
                context = ray.init(**options)
        except Exception as error:  # Exception itself where a process of Ray's does not start in time
            told = " ".join(str(error).split()).rstrip(".")
            if address is None:
                raise ClusterError(
                    f"Ray did not start on this machine: {told}; where the machine is busy or short of memory, the "
                    "same command again may do, or `ray start --head` and --address auto"
                ) from error
            raise ClusterError(
                f"{said}: wants a running Ray cluster of this version and token, but got {address!r} and {told}; start "
                f"one with `ray start --head`, or {way_out}"
            ) from error
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        proxies.spare(node["NodeManagerAddress"] for node in nodes)
        url = context.dashboard_url
        own = session_folder() if address is None else None
        with marked(Path(own)) if own is not None else nullcontext(), telling_of_the_dead():
            yield Cluster(
                nodes=[node["Resources"] for node in nodes],
                dashboard=f"http://{url}" if url else "(the dashboard did not start)",
            )
    finally:
        importing.join()  # modules that appear later would surprise whoever looks through them
        if not let_go():
            ray.shutdown()


def _import(*names: str) -> None:
    for name in names:
        import_module(name)


def _check_listens(address: str, said: str, way_out: str) -> None:
    """Raises ClusterError if nothing answers at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return  # auto, or an address that Ray knows how to refuse
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise ClusterError(
            f"{said}: wants a running Ray cluster, but at {address} nothing answers ({reason}); start one with `ray "
            f"start --head`, or {way_out}"
        ) from error


def _check_sockets() -> None:
    """Raises ClusterError if Ray's sockets would have names too long for this system, as below a job's own TMPDIR."""
    name = next((name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)), None)
    if name is None or sys.platform != "linux":
        return
    longest = f"{os.environ[name]}/ray/session_2000-01-01_00-00-00_000000_{os.getpid()}/sockets/plasma_store"
    if (length := len(os.fsencode(longest))) > MOST_BYTES:
        raise ClusterError(
            f"{name}: Ray puts its sockets below it, whose paths may have {MOST_BYTES} bytes, but {os.environ[name]} "
            f"makes {length}; give it a shorter folder with RAY_TMPDIR=/tmp"
        )


def _authenticate(*, local: bool) -> None:
    """Token authentication, always for a Ray of our own, and for another's where this user has a token.

    Ray would write the token for everybody to read, so it is written here first. It never leaves the file: the user
    reads it with ``ray get-auth-token``.
    """
    if any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        return
    # Not Path.home(): a user without a name, as containers have them, has none, and then ~ stays as it is.
    path = Path(os.path.expanduser("~/.ray/auth_token"))
    if local and not path.exists():
        try:
            if not path.is_absolute():
                raise OSError(errno.ENOENT, "this user has no home")
            path.parent.mkdir(exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass  # another search has written it meanwhile
        except OSError as error:
            raise ClusterError(
                f"Ray keeps the token of its users in {path}, but that cannot be written: {error.strerror}; set "
                "RAY_AUTH_TOKEN_PATH to a file in a folder that can, or RAY_AUTH_TOKEN to the token itself"
            ) from error
    if local or path.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
