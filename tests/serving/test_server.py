"""The process: what it prints, where it listens, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from sparring.cli import serve as verb
from sparring.cli.app import app
from sparring.errors import UnknownName, UsageError
from sparring.production.registry.opening import find
from sparring.production.serving.server import ServeRequest, serve


@pytest.mark.slow
def test_the_command_says_where_answers_and_ends_when_told(models, rows):
    command = [sys.executable, "-m", "sparring", "serve", "aegan", "--at", str(models), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        line = process.stdout.readline()
        url = re.fullmatch(r"aegan version 3 at (http://127\.0\.0\.1:\d+)\n", line)[1]
        assert "/docs has its verbs" in process.stdout.readline()  # communicate does not see what readline has buffered
        answer = httpx.post(f"{url}/predict", json={"rows": {"structure": rows["structure"].tolist()}}, timeout=60)
        assert (answer.status_code, answer.json()["version"]) == (200, 3)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert errors == ""
    assert process.returncode == -signal.SIGTERM  # when all that it had was answered


@pytest.mark.parametrize(
    ("changes", "token", "words"),
    [
        ({"host": "0.0.0.0"}, None, "--host: 0.0.0.0 is reached from elsewhere, so a token is wanted"),
        ({"host": "0.0.0.0"}, "short", "a token has 16 characters or more"),
        ({"host": "203.0.113.9"}, "x" * 20, "--port: 203.0.113.9:0 cannot be had"),
    ],
)
def test_what_cannot_be_listened_on_is_refused_before_it_starts(changes, token, words, models, monkeypatch):
    monkeypatch.delenv("SPARRING_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("SPARRING_TOKEN", token)
    with pytest.raises(UsageError, match=re.escape(words)):
        serve(ServeRequest(place=find(models / "aegan"), port=0, **changes), console=None)


def test_a_model_that_is_not_there_is_named_beside_those_that_are(models):
    result = CliRunner().invoke(app, ["serve", "nosuch", "--at", str(models)])
    assert isinstance(result.exception, UnknownName)
    assert f"there are: {models}/aegan, {models}/aux_aae" in str(result.exception)


def test_without_the_extra_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setattr(verb, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["serve", "aegan"])
    assert str(result.exception) == "serve: needs fastapi and uvicorn; pip install fastapi uvicorn"
