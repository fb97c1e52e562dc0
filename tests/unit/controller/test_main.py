"""The assembled operator reports its own health."""

from __future__ import annotations

from pathlib import Path

from jenkins2fa.controller.context import Options
from jenkins2fa.controller.main import Operator
from jenkins2fa.kube.client import Connection

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
"""


def test_the_health_page_names_each_stopped_thread(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    operator = Operator(Options(), Connection(str(tmp_path / "config")))
    assert operator._health().ended_threads == ("kopf", "lists", "work-queue", "lease")
