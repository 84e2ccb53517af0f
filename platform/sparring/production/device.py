"""The device that the user asks for."""

from __future__ import annotations

from ..errors import UsageError


def check_device(device: str) -> None:
    """Raises UsageError unless it is cpu, or cuda where there is one."""
    import torch

    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device: there are cpu and cuda, but got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: cuda wants a GPU and a PyTorch built for it, but finds none here; use --device cpu")
