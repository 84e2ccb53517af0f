"""What may not go through a proxy: a cluster's own addresses.

Ray Train asks the dashboard over HTTP whether a dead group's place is free again. Through a company's proxy that
question never arrives, and no trial of several workers begins any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.request import getproxies_environment

LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAMES = ("no_proxy", "NO_PROXY")
"""Programs read one or the other; where both are set, most take the first."""


def spare(hosts: Iterable[str]) -> None:
    """Adds hosts to those that the environment exempts from its proxies, for what this process starts too.

    Does nothing where no proxy is set, or all hosts are exempt (``*``).
    """
    proxies = getproxies_environment()
    named = next((os.environ[name] for name in NAMES if os.environ.get(name)), "")
    exempt = [each.strip() for each in named.split(",") if each.strip()]
    if not proxies.keys() - {"no"} or "*" in exempt:
        return
    merged = ",".join(dict.fromkeys([*exempt, *hosts]))
    for name in NAMES:
        os.environ[name] = merged
