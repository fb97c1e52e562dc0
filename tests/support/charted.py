"""The chart on a real API server, and the operator run as its Deployment says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube import CHECKOUT, KubectlFailed, KubeServer
from tests.support.rights import Right, granted
from tests.support.running import ACCOUNT, NAMESPACE, OperatorProcess
from tests.support.standin import free_port

CHART = CHECKOUT / "charts" / "jenkins-2fa-operator"
RELEASE = "jenkins-2fa-operator"
Values = Mapping[str, Any]
Body = dict[str, Any]


def rendered(kube: KubeServer, values: Values, *arguments: str, release: str = RELEASE, namespace: str = NAMESPACE) -> list[Body]:
    """The objects of `helm template`, hooks included."""
    text = kube.helm("template", release, str(CHART), "-n", namespace, "-f", "-", *arguments, input=json.dumps(values))
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(kube: KubeServer, values: Values) -> str:
    """Helm's error for values that it must refuse."""
    try:
        rendered(kube, values)
    except KubectlFailed as error:
        return str(error)
    raise AssertionError(f"helm takes {values}")


def one(objects: list[Body], kind: str, name: str = "") -> Body:
    """The only object of a kind (and a name)."""
    found = [body for body in objects if body["kind"] == kind and name in ("", body["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]


def package(kube: KubeServer, folder: Path, version: str, changes: Mapping[str, tuple[str, str]]) -> Path:
    """A modified copy of the chart. `changes`: file to (old text, new text)."""
    copy = folder / f"chart-{version}" / CHART.name
    shutil.copytree(CHART, copy)
    current = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    for file, (old, new) in {"Chart.yaml": (f"ersion: {current}", f"ersion: {version}"), **changes}.items():
        text = (copy / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (copy / file).write_text(text.replace(old, new))
    kube.helm("package", str(copy), "-d", str(folder))
    return folder / f"{CHART.name}-{version}.tgz"


def rights_of(kube: KubeServer, namespace: str = NAMESPACE, account: str = ACCOUNT) -> set[Right]:
    """Every right that the account has through roles in the cluster."""
    roles = kube.get("roles,clusterroles", "-A")["items"]
    bindings = kube.get("rolebindings,clusterrolebindings", "-A")["items"]
    return granted(roles, bindings, (namespace, account))


def operator_of(kube: KubeServer, namespace: str = NAMESPACE, name: str = RELEASE) -> OperatorProcess:
    """The operator with the service account and options of its Deployment, but serving on an address of this machine."""
    pod = kube.get("deployment", name, "-n", namespace)["spec"]["template"]["spec"]
    account = pod["serviceAccountName"]
    kube.get("serviceaccount", account, "-n", namespace)  # fail here if the chart does not create it: OperatorProcess would
    assert account == ACCOUNT
    command, *options = pod["containers"][0]["args"]
    assert command == "run"
    options = [option.replace("0.0.0.0:8080", f"127.0.0.1:{free_port()}") for option in options]
    return OperatorProcess(kube, *options, namespace=namespace)


def run_python(script: str, environment: Mapping[str, str], python: Path) -> subprocess.CompletedProcess[str]:
    """Run what a container with `command: [python, -c]` runs."""
    return subprocess.run([python, "-c", script], env=dict(environment), capture_output=True, text=True, timeout=60)
