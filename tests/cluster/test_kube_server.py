"""The API server of the tests itself: what the other cluster tests rely on."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.kube import KubectlFailed, KubeServer
from tests.support.prepared import CHECKOUT
from tests.support.waiting import wait_until


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"key": "value"}}


def connect(kube: KubeServer) -> socket.socket:
    address = urlsplit(kube.url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=1)


def is_forbidden(kube: KubeServer, account: Path, *arguments: str) -> bool:
    try:
        kube.kubectl(*arguments, kubeconfig=account)
    except KubectlFailed as error:
        if "forbidden" not in str(error).lower():
            raise
        return True
    return False


def test_the_server_has_the_version_of_its_kubectl(kube: KubeServer) -> None:
    versions = json.loads(kube.kubectl("version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"]


def test_a_namespace_is_named_after_its_test(namespace: str) -> None:
    assert namespace.startswith("a-namespace-is-named-after-its-test-")


def test_apply_adds_no_last_applied_annotation(kube: KubeServer, namespace: str) -> None:
    kube.apply(config_map("one"), namespace=namespace)
    stored = kube.get("configmap", "one", "-n", namespace)
    assert stored["data"] == {"key": "value"}
    assert "annotations" not in stored["metadata"]


def test_helm_installs_into_this_server(kube: KubeServer, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 1.0.0\n")
    (tmp_path / "templates" / "map.json").write_text(json.dumps(config_map("from-chart")))
    kube.helm("install", "tiny", str(tmp_path), "-n", namespace)
    assert kube.get("configmap", "from-chart", "-n", namespace)["data"] == {"key": "value"}
    kube.helm("uninstall", "tiny", "-n", namespace)


def test_a_kubectl_failure_says_why(kube: KubeServer) -> None:
    with pytest.raises(KubectlFailed, match="NotFound"):
        kube.kubectl("get", "namespace", "no-such-namespace")


def test_a_service_account_has_only_its_granted_rights(kube: KubeServer, namespace: str) -> None:
    account = kube.service_account(namespace, "reader")
    assert is_forbidden(kube, account, "get", "configmaps")
    kube.kubectl("create", "role", "read", "-n", namespace, "--verb=list", "--resource=configmaps")
    kube.kubectl("create", "rolebinding", "read", "-n", namespace, "--role=read", f"--serviceaccount={namespace}:reader")
    wait_until(lambda: not is_forbidden(kube, account, "get", "configmaps"), what="the role is known to the API server")
    assert is_forbidden(kube, account, "create", "configmap", "mine")
    assert is_forbidden(kube, account, "get", "secrets")


def test_objects_without_their_owner_are_garbage_collected(kube: KubeServer, namespace: str) -> None:
    kube.apply(config_map("owner"), namespace=namespace)
    uid = kube.get("configmap", "owner", "-n", namespace)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    kube.apply(config_map("owned", ownerReferences=[owner]), namespace=namespace)
    kube.kubectl("delete", "configmap", "owner", "-n", namespace)
    kube.kubectl("wait", "--for=delete", "configmap/owned", "-n", namespace, "--timeout=50s")


def test_a_deleted_namespace_is_removed_with_its_content(kube: KubeServer) -> None:
    name = kube.new_namespace("short-lived", purpose="test")
    kube.apply(config_map("one"), namespace=name)
    kube.remove_namespace(name)
    kube.kubectl("wait", "--for=delete", f"namespace/{name}", "--timeout=50s")


def test_a_restarted_server_has_the_same_address_objects_and_tokens(kube: KubeServer, namespace: str) -> None:
    kube.apply(config_map("kept"), namespace=namespace)
    account = kube.service_account(namespace, "early")
    before = kube.url, kube.get("configmap", "kept", "-n", namespace)["metadata"]["uid"]
    with kube.stopped(), pytest.raises(ConnectionRefusedError):
        connect(kube)
    assert (kube.url, kube.get("configmap", "kept", "-n", namespace)["metadata"]["uid"]) == before
    who = kube.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", kubeconfig=account)
    assert who == f"system:serviceaccount:{namespace}:early"


def test_a_paused_server_accepts_connections_and_does_not_answer(kube: KubeServer) -> None:
    with kube.paused():
        connect(kube).close()
        with pytest.raises(KubectlFailed, match=r"(?i)timeout|deadline"):
            kube.kubectl("get", "--raw", "/readyz", "--request-timeout=1s")
    assert kube.kubectl("get", "--raw", "/readyz") == "ok"


def test_the_server_does_not_outlive_a_killed_test_run(kube: KubeServer) -> None:
    program = """
import time
from tests.support.kube import KubeServer
server = KubeServer()
server.start()
print(server.pid, server.folder, flush=True)
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, state = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: not Path("/proc", pid).exists(), what=f"process {pid} is gone")
    assert not Path(state).exists()


def test_a_failed_start_shows_the_log(kube: KubeServer) -> None:
    broken = KubeServer(kube.binaries)
    try:
        (broken.folder / "identity.json").write_text("not JSON")
        with pytest.raises(RuntimeError, match="invalid character"):
            broken.start()
    finally:
        broken.close()
