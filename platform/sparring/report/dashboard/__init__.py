"""The dashboard: a live page over the ledgers of a folder, while studies run or after; it reads and never writes.

``tables`` follows a study's Parquet parts as they come, ``columns`` makes of them what a browser draws, ``head`` says
in words what is known, ``server`` answers on this machine's loopback address, ``document`` is the page and
``frozen`` the same with its data inside. Its scripts draw on canvases by hand (docs/decisions/0023).
"""

from __future__ import annotations

from .server import Dashboard, make_server

__all__ = ["Dashboard", "make_server"]
