"""Frequent requests of tests to the API server without a kubectl process, which costs fifty times as much.

Standard library only, as in `kube`. None means that a request is not supported here or failed; the caller then uses kubectl.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
OURS = "/apis/jenkins2fa.dev/v1alpha1"
NAMESPACED = {
    "configmap": "/api/v1 configmaps",
    "secret": "/api/v1 secrets",
    "serviceaccount": "/api/v1 serviceaccounts",
    "lease": "/apis/coordination.k8s.io/v1 leases",
    "events.events.k8s.io": "/apis/events.k8s.io/v1 events",
    **dict.fromkeys(("tfp", "twofactorpolicy"), f"{OURS} twofactorpolicies"),
    **dict.fromkeys(("tfbg", "twofactorbreakglass"), f"{OURS} twofactorbreakglasses"),
    **dict.fromkeys(("ji", "jenkinsinstance"), f"{OURS} jenkinsinstances"),
}
SECONDS = 10.0


class KubeDirect:
    """Thread-safe. ``kubeconfig``: of `KubeServer`, whose token and address stay the same as long as it lives."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._kept = threading.local()

    def get(self, *arguments: str) -> Body | None:
        """One object, for the arguments `kind name -n namespace` of `kubectl get`, or a list, for `kind -n namespace`."""
        path = _path(arguments)
        return self._call("GET", path) if path else None

    def apply(self, body: Body, namespace: str | None) -> bool:
        """Like `kubectl apply --server-side`. Returns whether it succeeded."""
        meta = body["metadata"]
        if body["kind"] == "Namespace":
            path: str | None = f"/api/v1/namespaces/{meta['name']}"
        else:
            path = _path((body["kind"].lower(), meta["name"], "-n", meta.get("namespace") or namespace or "default"))
        if path is None:
            return False
        return self._call("PATCH", f"{path}?fieldManager=kubectl&fieldValidation=Strict", body, "application/apply-patch+yaml") is not None

    def merge(self, body: Body, *arguments: str) -> bool:
        """Merge a patch into one object, named as in `get`. Returns whether it succeeded."""
        path = _path(arguments)
        return path is not None and self._call("PATCH", path, body, "application/merge-patch+json") is not None

    def delete(self, *arguments: str) -> bool:
        """Delete one object, named as in `get`. Returns whether it succeeded."""
        path = _path(arguments)
        return path is not None and len(arguments) == 4 and self._call("DELETE", path) is not None

    def delete_namespace(self, name: str) -> bool:
        return self._call("DELETE", f"/api/v1/namespaces/{name}") is not None

    def _call(self, method: str, path: str, body: Body | None = None, content: str = "application/json") -> Body | None:
        """None if the server was not reached or refused. No retry: after a stale connection, the caller uses kubectl."""
        try:
            connection, headers = self._connection()
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**headers, "Content-Type": content})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._kept.connection = None
            return None
        found: Body = json.loads(text) if answer.status < 300 else {}
        return found if answer.status < 300 else None

    def _connection(self) -> tuple[http.client.HTTPSConnection, Mapping[str, str]]:
        held: tuple[http.client.HTTPSConnection, Mapping[str, str]] | None = getattr(self._kept, "connection", None)
        if held is None:
            config = json.loads(self._kubeconfig.read_text())
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
            context, where = ssl.create_default_context(cadata=authority), urlsplit(cluster["server"])
            opened = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=SECONDS, context=context)
            held = self._kept.connection = (opened, {"Authorization": f"Bearer {user['token']}", "Accept": "application/json"})
        return held


def _path(arguments: tuple[str, ...]) -> str | None:
    if len(arguments) == 2 and arguments[0] == "namespace":
        return f"/api/v1/namespaces/{arguments[1]}"
    if len(arguments) not in (3, 4) or arguments[-2] != "-n" or arguments[0] not in NAMESPACED:
        return None
    group, plural = NAMESPACED[arguments[0]].split(" ")
    return f"{group}/namespaces/{arguments[-1]}/{plural}" + (f"/{arguments[1]}" if len(arguments) == 4 else "")
