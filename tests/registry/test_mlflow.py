"""MLflow is told what is in production: by its real server on loopback, where its command ``mlflow`` is installed."""

from __future__ import annotations

import json
import socket
from urllib.request import urlopen

import pytest
from support.mlflow import asked, running
from typer.testing import CliRunner

from sparring.cli.app import app
from sparring.errors import SparringError, UsageError
from sparring.production.handover.manifest import digest, seal
from sparring.production.registry import Registry
from sparring.production.registry.mlflow import MANIFEST, VERSION, MLflow


def put(registry, letter):
    card = {"figure": {"metric": "val/score", "value": 0.25, "low": 0.2, "high": 0.3}}
    files = {
        "model.safetensors": letter.encode() * 1500,
        "config.json": b'{"lr_gen": 0.01, "activation": "prelu"}',
        "card.json": json.dumps(card).encode(),
        "card.md": f"# toy {letter}\n".encode(),
    }
    return registry.promote("toy", lambda version: seal("toy", version, files), seen=registry.current("toy"), study="s")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri


def champion(uri):
    version = asked(uri, "registered-models/alias?name=toy&alias=champion")["model_version"]
    return {tag["key"]: tag["value"] for tag in version["tags"]}, version


@pytest.mark.slow
def test_a_promotion_becomes_a_version_and_the_champion_and_a_roll_back_moves_that(server, tmp_path):
    registry = Registry(address=str(tmp_path / "models"))
    put(registry, "a")
    told = MLflow(server).tell(registry, "toy")
    assert told == f"MLflow with its files: toy version 1 is champion, at {server}"
    second = put(registry, "b")
    MLflow(server).tell(registry, "toy")
    tags, version = champion(server)
    assert (tags[VERSION], tags[MANIFEST], tags["sparring.study"]) == ("2", second.manifest, "s")
    assert version["description"] == "# toy b\n"
    path = version["source"].removeprefix("mlflow-artifacts:/")
    with urlopen(f"{server}/api/2.0/mlflow-artifacts/artifacts/{path}/manifest.json") as response:
        assert digest(response.read()) == second.manifest  # every byte arrived
    run = asked(server, f"runs/get?run_id={version['run_id']}")["run"]["data"]
    assert {"key": "activation", "value": "prelu"} in run["params"]
    assert {each["key"]: each["value"] for each in run["metrics"]}["val.score.value"] == 0.25
    result = CliRunner().invoke(app, ["rollback", "toy", "--at", registry.address, "--mlflow", server])
    assert result.exit_code == 0, result.exception
    assert "MLflow: toy version 1 is champion" in result.output  # its files are there already
    assert champion(server)[0][VERSION] == "1"
    assert len(asked(server, "model-versions/search?filter=name%3D%27toy%27")["model_versions"]) == 2


def test_a_server_that_is_not_there_is_said_before_and_after_a_switch(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = MLflow(f"http://127.0.0.1:{port}")
    with pytest.raises(UsageError, match=r"no MLflow server answers at .*; start it, or leave --mlflow out"):
        away.check()
    registry = Registry(address=str(tmp_path / "models"))
    put(registry, "a")
    with pytest.raises(SparringError, match="in production toy is version 1 all the same; tell MLflow again with spar"):
        away.tell(registry, "toy")


@pytest.mark.parametrize("uri", ["models", "file:///models", "http://", "http://user:password@127.0.0.1:5000"])
def test_what_is_no_address_of_a_server_is_refused_without_its_password(uri):
    with pytest.raises(UsageError, match="--mlflow: wants the address of a server") as error:
        MLflow(uri)
    assert "password@" not in str(error.value)
