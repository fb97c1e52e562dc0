"""What `jenkins2fa run` prints if it cannot work: one line that says what to do, and exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kube import CHECKOUT, KubeServer
from tests.support.raw_server import Asked, RawServer
from tests.support.running import ACCOUNT, OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.standin import free_port
from tests.support.waiting import wait_until


def run(kubeconfig: Path, *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and the lines on standard error."""
    command = [sys.executable, "-m", "jenkins2fa.cli.main", "run", "--kubeconfig", str(kubeconfig), *arguments]
    result = subprocess.run(command, cwd=CHECKOUT / "operator", capture_output=True, text=True, timeout=60)
    return result.returncode, result.stderr.strip().splitlines()


@pytest.fixture(scope="module")
def bare() -> Iterator[KubeServer]:
    """An API server without our CRDs."""
    with KubeServer() as server:
        yield server


def test_missing_crds_are_named(bare: KubeServer) -> None:
    code, lines = run(bare.kubeconfig)
    assert code == 1
    assert lines == ["Error: the API server does not know jenkins2fa.dev: apply the CRDs in crds/ first"]


def test_a_missing_right_is_named(kube: KubeServer, namespace: str) -> None:
    code, lines = run(kube.service_account(namespace, "nobody"), "--lease-namespace", namespace)
    assert code == 1
    assert len(lines) == 1
    assert "a right is missing (see deploy/rbac.yaml)" in lines[0]
    assert "jenkinsinstances" in lines[0]


def test_an_unreachable_api_server_is_named(kube: KubeServer, tmp_path: Path) -> None:
    config = json.loads(kube.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    code, lines = run(path)
    assert code == 1
    assert len(lines) == 1
    assert "no answer from the API server" in lines[0]


def test_an_api_server_of_another_authority_is_refused(kube: KubeServer, bare: KubeServer, tmp_path: Path) -> None:
    config, other = json.loads(kube.kubeconfig.read_text()), json.loads(bare.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = other["clusters"][0]["cluster"]["certificate-authority-data"]
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    code, lines = run(path)
    assert code == 1
    assert "SSLError" in lines[0]


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    code, lines = run(tmp_path / "nowhere")
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("Error: no connection to an API server")


def test_an_operator_for_one_namespace_needs_no_other_rights(kube: KubeServer, namespace: str) -> None:
    rights = CHECKOUT / "deploy" / "rbac-one-namespace.yaml"
    kube.kubectl("apply", "-n", namespace, "-f", str(rights))
    kube.kubectl("patch", "rolebinding", ACCOUNT, "-n", namespace, "--type=json", "-p", _subject_in(namespace))
    with OperatorProcess(kube, "--namespace", namespace, "-v", namespace=namespace) as operator:
        spec = {"url": f"http://127.0.0.1:{free_port()}/", "credentialsRef": {"name": "none"}, "gate": {"mode": "Managed"}}
        instance = {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": "JenkinsInstance", "metadata": {"name": "build"}, "spec": spec}
        kube.apply(instance, namespace=namespace)
        wait_until(lambda: "SecretMissing" in kube.kubectl("get", "ji", "-n", namespace, "-o", "yaml"), what="a status is written")
        assert "Forbidden" not in operator.text()
        assert "forbidden" not in operator.text()


def _subject_in(namespace: str) -> str:
    return json.dumps([{"op": "add", "path": "/subjects/0/namespace", "value": namespace}])


def test_the_operator_serves_liveness_and_logs_json(kube: KubeServer, namespace: str) -> None:
    kube.kubectl("create", "rolebinding", "all", "-n", namespace, "--clusterrole=cluster-admin", f"--serviceaccount={namespace}:{ACCOUNT}")
    address = f"127.0.0.1:{free_port()}"
    with OperatorProcess(kube, "--namespace", namespace, "--liveness", address, "--log-format", "json", namespace=namespace) as operator:

        def healthy() -> bool:
            try:
                with urllib.request.urlopen(f"http://{address}/healthz", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        wait_until(healthy, what="the liveness endpoint answers")
        lines = [json.loads(line) for line in operator.text().splitlines()]
        assert {"time", "level", "logger", "message"} == set(lines[0])
        assert not [line for line in lines if "healthz" in line["message"]], "a probe is not logged"


@pytest.mark.parametrize(("options", "reason"), [((), "HostNotAllowed"), (("--allow-loopback",), "Unauthorized")])
def test_in_a_pod_a_loopback_target_is_refused(kube: KubeServer, namespace: str, options: tuple[str, ...], reason: str) -> None:
    grant(kube)
    asked: list[Asked] = []
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    scene = Scene(kube, namespace)
    with RawServer(lambda one: asked.append(one) or refusal) as server:
        url = server.url.rstrip("/")
        scene.credentials(url, "t0ken-that-must-not-show")
        scene.instance("build", url)
        with OperatorProcess(kube, "-n", namespace, *options, environment={"KUBERNETES_SERVICE_HOST": "192.0.2.1"}):
            scene.wait("ji", "build", Ready=f"False/{reason}", Stalled="True")
    assert bool(asked) is bool(options)
    if not options:
        assert "correct spec.url" in scene.message("ji", "build")
