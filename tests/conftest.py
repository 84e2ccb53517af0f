"""What the tests share: a local Ray for those that need one, and the way to the reference data.

The checkout's root is never put on the path: `import platform` means the standard library here, and `sparring` is
imported from where pip installed it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before torch and Ray are imported, here and in every process a test starts: two threads per process on a small machine
# are slower than one, and one thread adds in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

CHECKOUT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what uses Ray, and puts it last: a broken rule of a pure module shows before Ray has started."""
    for item in items:
        if "ray_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.ray)
    items.sort(key=lambda item: item.get_closest_marker("ray") is not None)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds `platform/`, `tests/` and pyproject.toml."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the reference data: $SPARRING_SHARED, or `shared/data` beside the checkout. Skips without it."""
    folder = Path(os.environ.get("SPARRING_SHARED") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set SPARRING_SHARED to the folder that holds it")
    return folder


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """One local Ray for a module's tests, 2 CPUs and the dashboard; yields what `ray.init` returned.

    Not for the session: a search that a test starts brings a Ray of its own, and two at once quarrel over ports.
    """
    # Ray reads these once, at its import. A token of this run alone leaves no file in the user's home.
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    try:
        yield ray.init(address="local", num_cpus=2, include_dashboard=True, log_to_driver=False)
    finally:
        ray.shutdown()
