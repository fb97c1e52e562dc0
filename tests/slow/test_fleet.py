"""A thousand instances and three policies: statuses stay small, labels decide at once, and nothing is written twice."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes import client, config

from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess, grant
from tests.support.scene import API, Scene
from tests.support.waiting import wait_until

SIZE, HOSTS = 1000, 25
NAMESPACE = "fleet"


class Refusing(BaseHTTPRequestHandler):
    """A controller that accepts nobody: every reply is 401."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(401)
        self.send_header("X-Jenkins", "2.541.3")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hosts() -> Iterator[list[str]]:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Refusing) for _ in range(HOSTS)]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def crowded(hosts: list[str]) -> Iterator[Scene]:
    """An API server of its own: 300 instances of production, 600 others, 100 that nobody selects."""
    with KubeServer() as kube:
        kube.apply_crds()
        grant(kube)
        kube.new_namespace(NAMESPACE)
        kube.apply(*(secret(number, host) for number, host in enumerate(hosts)), namespace=NAMESPACE)
        api = client.CustomObjectsApi(config.new_client_from_config(str(kube.kubeconfig)))  # type: ignore[no-untyped-call]
        with ThreadPoolExecutor(8) as pool:
            created = pool.map(lambda body: create(api, body), bodies(hosts))
            assert len(list(created)) == SIZE
        scene = Scene(kube, NAMESPACE)
        scene.policy("baseline", instanceSelector={"matchLabels": {"managed": "yes"}})
        scene.policy("production", instanceSelector={"matchLabels": {"tier": "production"}}, priority=10)
        scene.policy("nobody", instanceSelector={"matchLabels": {"tier": "moon"}})
        yield scene


def secret(number: int, host: str) -> dict[str, Any]:
    data = {"host": host, "username": "admin", "token": "wrong"}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"host-{number}"}, "data": encoded}


def create(api: client.CustomObjectsApi, body: dict[str, Any]) -> object:
    group, version = API.split("/")
    return api.create_namespaced_custom_object(group, version, NAMESPACE, "jenkinsinstances", body)


def bodies(hosts: list[str]) -> Iterator[dict[str, Any]]:
    for number in range(SIZE):
        tier = {"tier": "production"} if number < 300 else {"tier": "test"}
        labels = {"managed": "yes", **tier} if number < 900 else {}
        spec = {
            "url": f"http://{hosts[number % HOSTS]}/j{number}/",
            "credentialsRef": {"name": f"host-{number % HOSTS}"},
            "gate": {"mode": "Managed"},
            "checkInterval": "1h",
        }
        metadata = {"name": f"jenkins-{number:04}", "labels": labels}
        yield {"apiVersion": API, "kind": "JenkinsInstance", "metadata": metadata, "spec": spec}


def patches(scene: Scene, plural: str) -> int:
    """How many status patches the API server has served for a kind."""
    lines = scene.kube.kubectl("get", "--raw", "/metrics").splitlines()
    ours = [
        line for line in lines if line.startswith("apiserver_request_total{") and f'resource="{plural}"' in line and 'verb="PATCH"' in line
    ]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in ours if 'subresource="status"' in line)


def counts(scene: Scene, name: str) -> dict[str, int]:
    found: dict[str, int] = (scene.get("tfp", name).get("status") or {}).get("instances") or {}
    return found


def test_a_thousand_instances_are_served(crowded: Scene) -> None:
    scene = crowded
    with OperatorProcess(scene.kube) as operator:
        wait_until(lambda: counts(scene, "baseline").get("failing") == 600, seconds=60, every=0.5, what="every instance has been looked at")
        assert "1000 instances are known; no policy selects 100 of them" in operator.text()
        scene.wait("tfp", "production", Ready="False/Unauthorized", Stalled="True")
        scene.wait("tfp", "nobody", Ready="False/NoMatchingInstance")
        assert counts(scene, "baseline") | {"enforced": 0, "drifted": 0} == {
            "selected": 900, "governed": 600, "overridden": 300, "enforced": 0, "drifted": 0, "failing": 600,
        }  # fmt: skip
        assert counts(scene, "production")["governed"] == 300
        looked_at = lambda: all((one.get("status") or {}).get("conditions") for one in instances(scene))  # noqa: E731
        wait_until(looked_at, seconds=30, every=1.0, what="also those without a policy have a status")
        assert sum(one["status"]["summary"]["policy"] == "<none>" for one in instances(scene)) == 100
        _small(scene)
        _no_storm(scene)
        _labels_decide(scene)
    assert not re.search(r"Traceback|failed unexpectedly", operator.text())


def instances(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.kube.get("ji", "-n", NAMESPACE)["items"]
    return found


def _small(scene: Scene) -> None:
    for body in (*instances(scene), *scene.kube.get("tfp", "-n", NAMESPACE)["items"]):
        assert len(json.dumps(body["status"])) < 8 * 1024, body["metadata"]["name"]
    assert len(scene.get("tfp", "baseline")["status"]["failing"]) == 10


def _no_storm(scene: Scene) -> None:
    """One status for each instance; policies at most once a second while that goes on."""
    assert patches(scene, "jenkinsinstances") <= SIZE + SIZE // 20
    assert patches(scene, "twofactorpolicies") <= 120
    before = [patches(scene, plural) for plural in ("jenkinsinstances", "twofactorpolicies")]
    threading.Event().wait(3)
    after = [patches(scene, plural) for plural in ("jenkinsinstances", "twofactorpolicies")]
    assert after == before, "nothing is written while nothing happens"


def _labels_decide(scene: Scene) -> None:
    scene.kube.kubectl("label", "ji", "jenkins-0000", "jenkins-0001", "-n", NAMESPACE, "--overwrite", "tier=test")
    scene.kube.kubectl("label", "ji", "jenkins-0950", "-n", NAMESPACE, "--overwrite", "managed=yes")
    wait_until(lambda: counts(scene, "production")["failing"] == 298, seconds=8, every=0.3, what="two fewer")
    wait_until(lambda: counts(scene, "baseline")["failing"] == 603, seconds=8, every=0.3, what="three more")
    assert scene.get("ji", "jenkins-0950")["status"]["summary"]["policy"] == "baseline"
