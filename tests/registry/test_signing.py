"""Signatures of versions: made and verified by model-signing, without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.bundles import NAME, promote
from typer.testing import CliRunner

from sparring.cli.app import app
from sparring.errors import DataError, UsageError
from sparring.production.registry import Registry, signing
from sparring.production.registry.registry import SIGNATURE, SIGNATURES


@pytest.fixture
def keys(tmp_path) -> tuple[Path, Path]:
    """Files of a private key and its public part."""
    for name in ("OpenSSL", "model_signing"):
        pytest.importorskip(name, reason="model-signing is not installed; pip install model-signing pyopenssl")
    return key_pair(tmp_path, "own")


def key_pair(folder, name):
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def verified(models, key):
    return CliRunner().invoke(app, ["production", NAME, "--at", str(models), "--verify", str(key)])


def test_a_signed_version_is_verified_here_and_by_model_signing_itself(keys, tmp_path):
    models = tmp_path / "models"
    promote(Registry(address=str(models)), sign=signing.Signer(keys[0]).sign)
    result = verified(models, keys[1])
    assert result.exit_code == 0, result.exception
    assert "every file is signed with the key of" in result.output
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(models / NAME / "1"), "--signature",
               str(models / NAME / SIGNATURES / "1" / SIGNATURE), "--public_key", str(keys[1])]  # fmt: skip
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


def test_another_key_another_bundle_and_no_signature_are_refused(keys, tmp_path):
    models = tmp_path / "models"
    registry = Registry(address=str(models))
    promote(registry, "a", sign=signing.Signer(keys[0]).sign)
    result = verified(models, key_pair(tmp_path, "other")[1])
    assert isinstance(result.exception, DataError)
    assert "must have a signature by" in str(result.exception)
    promote(registry, "b", sign=signing.Signer(keys[0]).sign)
    place = models / NAME / SIGNATURES
    (place / "2" / SIGNATURE).write_bytes((place / "1" / SIGNATURE).read_bytes())
    result = verified(models, keys[1])
    assert isinstance(result.exception, DataError)
    assert "manifest.json, model.safetensors: not what was signed" in str(result.exception)
    promote(registry, "c")
    result = verified(models, keys[1])
    assert f"{NAME}/3: has no signature; promote with --sign KEY.pem" in str(result.exception)


def test_a_key_that_is_none_is_refused_before_anything_is_promoted(keys, tmp_path):
    (tmp_path / "torn.pem").write_text("-----BEGIN")
    for path in (tmp_path / "torn.pem", tmp_path / "missing.pem", keys[1]):
        with pytest.raises(UsageError, match=r"--sign: .* must be a PEM file of an elliptic-curve key"):
            signing.Signer(path)


def test_without_the_extra_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setattr(signing, "find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match="--sign: needs model-signing and pyopenssl; pip install model-signing pyopenssl"
    ):
        signing.Signer(Path("key.pem"))
