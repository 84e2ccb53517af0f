"""An MLflow server, told what is current in production: a version of a model, and the alias ``champion``.

``sparring train --track`` tells one of its figures, as a run. Spoken over MLflow's REST API
(mlflow.org/docs/latest/rest-api.html), so nothing of MLflow is installed here; its client would ask for an older
pyarrow than ours. A bundle's files go to the artifacts of a run, for MLflow takes no local path as a version's
source. The registry stays the truth: MLflow is told after a switch, and can be told again.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from ...errors import SparringError, UsageError
from .entries import Entry
from .registry import Registry

ALIAS = "champion"
EXPERIMENT = "sparring"
VERSION, MANIFEST = "sparring.version", "sparring.manifest"
"""Tags of a model version: our number, and the SHA-256 of its manifest."""
ARTIFACTS = "mlflow-artifacts:"
TIMEOUT_S = 60.0
MOST_BYTES = 20_000_000
"""Of one answer."""
LONGEST = 250
"""Letters of a parameter's value that every MLflow keeps."""
MOST_PARAMS, MOST_METRICS = 100, 1000
"""That one call may bring."""


class MLflowError(SparringError):
    """The server refused, or was not there."""


class MLflow:
    """One server. flag: what messages call it. limit_s: of one call. Raises UsageError for an address that is none."""

    def __init__(self, uri: str, flag: str = "--mlflow", limit_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise UsageError(
                f"{flag}: wants the address of a server, such as http://127.0.0.1:5000; a user and a password go into "
                "the variables MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, a token into "
                "MLFLOW_TRACKING_TOKEN"
            )
        self.uri, self.flag, self.limit_s = uri.rstrip("/"), flag, limit_s

    def check(self) -> None:
        """Raises UsageError unless the server answers."""
        try:
            self._ask("GET", "registered-models/search", max_results=1)
        except MLflowError as error:
            raise UsageError(f"{error}; start it, or leave {self.flag} out") from error

    def tell(self, registry: Registry, name: str) -> str:
        """Makes the version that is current the champion there, a sentence; a version that it has is not sent again.

        Raises SparringError, with the way to tell it again.
        """
        entry = registry.history(name)[-1]
        try:
            version = next(self._known(entry), None)
            sent = "" if version else " with its files"
            version = version or self._send(entry, registry.read(name, entry.version))
            self._ask("POST", "registered-models/alias", name=name, alias=ALIAS, version=version)
        except MLflowError as error:
            raise SparringError(
                f"{error}; in production {name} is version {entry.version} all the same; tell MLflow again with "
                f"sparring production {name} --at {registry.shown} --mlflow {self.uri}"
            ) from error
        return f"MLflow{sent}: {name} version {version} is {ALIAS}, at {self.uri}"

    def _known(self, entry: Entry) -> Iterator[str]:
        """Numbers there of the entry's version."""
        token = ""
        while True:
            filter = f"name='{entry.name}'"
            found = self._ask("GET", "model-versions/search", filter=filter, max_results=1000, page_token=token)
            for each in found.get("model_versions", ()):
                tags = {tag.get("key"): tag.get("value") for tag in each.get("tags", ())}
                if (tags.get(VERSION), tags.get(MANIFEST)) == (str(entry.version), entry.manifest):
                    yield str(each["version"])
            token = found.get("next_page_token", "")
            if not token:
                return

    def _send(self, entry: Entry, files: Mapping[str, bytes]) -> str:
        """A run that holds the files, and a version of the model from it; the version's number there."""
        tags = {VERSION: str(entry.version), MANIFEST: entry.manifest, "sparring.study": entry.study}
        run, artifacts = self.begin_run(f"{entry.name}-{entry.version}", tags, json.loads(files["config.json"]))
        source = f"{artifacts}/bundle"
        if not source.startswith(ARTIFACTS):
            raise MLflowError(
                f"{self.flag}: {self.uri} keeps artifacts at {source[:100]}, where only its clients reach them; run it "
                "with --serve-artifacts"
            )
        folder = urlsplit(source).path.strip("/")
        for name, data in files.items():
            self._request("PUT", f"mlflow-artifacts/artifacts/{quote(f'{folder}/{name}')}", data)
        self.log(run, [(0, dict(_figures(files)))])
        self.end_run(run)
        self._make_model(entry.name)
        made = self._ask(
            "POST", "model-versions/create", name=entry.name, source=source, run_id=run, tags=_pairs(tags),
            description=files["card.md"].decode(),
        )  # fmt: skip
        return str(made["model_version"]["version"])

    def begin_run(self, name: str, tags: Mapping[str, str], params: Mapping[str, object]) -> tuple[str, str]:
        """A new run in our experiment: its id there, and where its artifacts go. Raises MLflowError, as all do."""
        info = self._ask(
            "POST", "runs/create", experiment_id=self._experiment(), start_time=_now_ms(), tags=_pairs(tags),
            run_name=name,
        )["run"]["info"]  # fmt: skip
        run = str(info["run_id"])
        shown = {name: str(value)[:LONGEST] for name, value in sorted(params.items())}
        self._ask("POST", "runs/log-batch", run_id=run, params=_pairs(shown)[:MOST_PARAMS])
        return run, str(info["artifact_uri"])

    def log(self, run: str, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Figures by step. JSON, and so MLflow, has no NaN and no infinity: those are left out."""
        metrics = [
            {"key": key, "value": value, "timestamp": _now_ms(), "step": step}
            for step, figures in steps
            for key, value in figures.items()
            if math.isfinite(value)
        ]
        for first in range(0, len(metrics), MOST_METRICS):
            self._ask("POST", "runs/log-batch", run_id=run, metrics=metrics[first : first + MOST_METRICS])

    def end_run(self, run: str, status: str = "FINISHED") -> None:
        """status: FINISHED, FAILED or KILLED."""
        self._ask("POST", "runs/update", run_id=run, status=status, end_time=_now_ms())

    def _experiment(self) -> str:
        try:
            found = self._ask("GET", "experiments/get-by-name", experiment_name=EXPERIMENT)
            return str(found["experiment"]["experiment_id"])
        except _Missing:
            return str(self._ask("POST", "experiments/create", name=EXPERIMENT)["experiment_id"])

    def _make_model(self, name: str) -> None:
        try:
            self._ask("GET", "registered-models/get", name=name)
        except _Missing:
            self._ask("POST", "registered-models/create", name=name)

    def _ask(self, method: str, call: str, **fields: Any) -> dict[str, Any]:
        path = f"mlflow/{call}" + (f"?{urlencode(fields)}" if method == "GET" else "")
        body = None if method == "GET" else json.dumps(fields).encode()
        data = self._request(method, path, body)
        try:
            found: dict[str, Any] = json.loads(data or b"{}")
        except ValueError as error:
            raise MLflowError(f"{self.flag}: {self.uri} does not answer as an MLflow server does") from error
        return found

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        kind = "application/json" if path.startswith("mlflow/") else "application/octet-stream"
        headers = {"content-type": kind, **_credentials()}
        request = Request(f"{self.uri}/api/2.0/{path}", data=body, headers=headers, method=method)
        try:
            with urlopen(request, timeout=self.limit_s) as response:
                data: bytes = response.read(MOST_BYTES)
                return data
        except HTTPError as error:
            with error:
                words = _words(error.read(MOST_BYTES))
            kind_of = _Missing if error.code == 404 and "RESOURCE_DOES_NOT_EXIST" in words else MLflowError
            raise kind_of(f"{self.flag}: {self.uri} refused {path.partition('?')[0]}: {error.code} {words}") from error
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise MLflowError(f"{self.flag}: no MLflow server answers at {self.uri}: {reason}") from error


class _Missing(MLflowError):
    """There is no such thing on the server."""


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items() if value]


def _figures(files: Mapping[str, bytes]) -> Iterator[tuple[str, float]]:
    """What the card says of how good the model is."""
    figure: dict[str, Any] = json.loads(files["card.json"]).get("figure", {})
    name = str(figure.get("metric", "")).replace("/", ".")
    for part in ("value", "low", "high", "searched", "default"):
        if name and figure.get(part) is not None:
            yield f"{name}.{part}", float(figure[part])


def _credentials() -> dict[str, str]:
    """As MLflow's own client takes them from the environment."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"authorization": f"Bearer {token}"}
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}


def _words(data: bytes) -> str:
    try:
        content = json.loads(data)
        return f"{content.get('error_code', '')} {content.get('message', '')}".strip()[:300]
    except (ValueError, AttributeError):
        return " ".join(data.decode(errors="replace").split())[:100]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
