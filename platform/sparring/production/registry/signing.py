"""Signatures of versions, by model-signing (extra ``sign``): who made the bundle, not only that nobody changed it.

A signature is a file ``signatures/VERSION/signature.json`` beside the versions, over every file of the bundle, its
manifest too, made with an elliptic-curve key that lies in a file; no network is asked. ``model_signing verify key``
reads it as well.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import DataError, UsageError

WANTS = "a PEM file of an elliptic-curve key without a password, such as openssl ecparam -name prime256v1 -genkey makes"


class Signer:
    """Signs with a private key. Raises UsageError if it cannot be had."""

    def __init__(self, key: Path) -> None:
        _check_installed("--sign")
        from model_signing import signing

        try:
            self._config: Any = signing.Config().use_elliptic_key_signer(private_key=key)
        except Exception as error:  # no file, no key, another kind of key, a password
            raise UsageError(f"--sign: {key} must be {WANTS}, but: {_reason(error)}") from error

    def sign(self, files: Mapping[str, bytes]) -> bytes:
        """The signature of a bundle, JSON."""
        with tempfile.TemporaryDirectory(prefix="sparring-sign-") as place:
            target = Path(place) / "signature.json"
            self._config.sign(_written(files, Path(place) / "bundle"), target)
            return target.read_bytes()


def check_signature(files: Mapping[str, bytes], signature: bytes, key: Path, where: str) -> None:
    """Raises DataError unless the signature was made of these files with the private part of the public ``key``."""
    _check_installed("--verify")
    from model_signing import verifying

    try:
        config: Any = verifying.Config().use_elliptic_key_verifier(public_key=key)
    except Exception as error:
        raise UsageError(f"--verify: {key} must be {WANTS}, its public part, but: {_reason(error)}") from error
    with tempfile.TemporaryDirectory(prefix="sparring-verify-") as place:
        target = Path(place) / "signature.json"
        target.write_bytes(signature)
        try:
            config.verify(_written(files, Path(place) / "bundle"), target)
        except Exception as error:  # another key, another file, a torn signature: one kind, refused
            raise DataError(
                f"{where}: must have a signature by {key}, but: {_reason(error)}; do not use it, and restore the "
                "version and its signature from a copy"
            ) from error


def _check_installed(flag: str) -> None:
    if None in map(find_spec, ("model_signing", "OpenSSL")):
        raise UsageError(f"{flag}: needs model-signing and pyopenssl; pip install model-signing pyopenssl")


def _written(files: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def _reason(error: Exception) -> str:
    """In a sentence; cryptography's InvalidSignature has no words, and model-signing's list has every digest."""
    if changed := re.findall(r"Hash mismatch for \\?'([^'\\]+)", str(error)):
        return f"{', '.join(changed)}: not what was signed"
    return " ".join(str(error).split())[:300] or type(error).__name__
