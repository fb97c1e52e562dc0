"""Custom resources for a test, and their statuses."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.support.kube import KubeServer
from tests.support.specs import spelled_out
from tests.support.waiting import wait_until

Body = dict[str, Any]
Spec = dict[str, Any]
API = "jenkins2fa.dev/v1alpha1"
QUESTIONS: Spec = {"instanceSelector": {}, "mode": "Enforce", "allowedFactors": [{"type": "SecurityQuestions"}], "apiTokens": "Exempt"}


class Scene:
    """One namespace with instances, policies and Secrets."""

    def __init__(self, kube: KubeServer, namespace: str) -> None:
        self.kube, self.namespace = kube, namespace
        self.planted: set[str] = set()

    # --- making ---

    def secret(self, name: str, **data: str) -> None:
        self.planted |= {value for key, value in data.items() if key not in ("host", "username")}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}, namespace=self.namespace)

    def credentials(self, url: str, token: str, *, name: str = "admin", username: str = "admin") -> None:
        self.secret(name, host=url.split("/")[2], username=username, token=token)

    def instance(self, name: str, url: str, *, labels: dict[str, str] | None = None, **spec: Any) -> None:
        wanted = {"url": url + "/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}, "checkInterval": "5s", **spec}
        self._apply("JenkinsInstance", name, {key: value for key, value in wanted.items() if value is not None}, labels)

    def policy(self, name: str, spec: Spec | None = None, **changes: Any) -> None:
        self._apply("TwoFactorPolicy", name, spelled_out({**(spec or QUESTIONS), **changes}), None)

    def cluster_policy(self, name: str, namespaces: dict[str, str], **changes: Any) -> None:
        spec = {**QUESTIONS, "namespaceSelector": {"matchLabels": namespaces}, **changes}
        self.kube.apply({"apiVersion": API, "kind": "ClusterTwoFactorPolicy", "metadata": {"name": name}, "spec": spec})

    def break_glass(self, name: str, expires: str, reason: str, **spec: Any) -> None:
        self._apply("TwoFactorBreakGlass", name, {"instanceSelector": {}, "expiresAt": expires, "reason": reason, **spec}, None)

    def annotate(self, kind: str, name: str, value: str) -> None:
        self.kube.merge({"metadata": {"annotations": {"jenkins2fa.dev/reconcile-at": value}}}, kind, name, "-n", self.namespace)

    def delete(self, kind: str, name: str) -> None:
        self.kube.delete(kind, name, "-n", self.namespace)

    def _apply(self, kind: str, name: str, spec: Spec, labels: dict[str, str] | None) -> None:
        metadata = {"name": name, "labels": labels or {}}
        self.kube.apply({"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}, namespace=self.namespace)

    # --- reading ---

    def get(self, kind: str, name: str) -> Body:
        return self.kube.get(kind, name, "-n", self.namespace)

    def conditions(self, kind: str, name: str) -> dict[str, str]:
        """Condition by type as `status/reason`."""
        return self._conditions(self.get(kind, name))

    @staticmethod
    def _conditions(body: Body) -> dict[str, str]:
        return {one["type"]: f"{one['status']}/{one['reason']}" for one in (body.get("status") or {}).get("conditions") or ()}

    def message(self, kind: str, name: str, condition: str = "Ready") -> str:
        found = [one["message"] for one in self.get(kind, name)["status"]["conditions"] if one["type"] == condition]
        return str(found[0])

    def wait(self, kind: str, name: str, *, seconds: float = 20.0, **wanted: str) -> Body:
        """Wait until conditions are as expected: `Ready="True/InForce"`, or `Ready="False"` for any reason. Returns the object."""

        def check() -> bool:
            body = self.get(kind, name)
            found = self._conditions(body)
            generation = body["metadata"]["generation"] == body.get("status", {}).get("observedGeneration")
            same = all(found.get(one) == value or found.get(one, "").split("/")[0] == value for one, value in wanted.items())
            assert same, json.dumps(found)
            assert generation, "the status is about an older generation"
            return True

        wait_until(check, seconds=seconds, every=0.15, what=f"{kind} {name} has {wanted}")
        return self.get(kind, name)

    def events(self, name: str) -> list[str]:
        """Reasons of the Events about an object, oldest first."""
        return [one["reason"] for one in self._events(name)]

    def notes(self, name: str) -> str:
        """The notes of the Events about an object, one per line, oldest first."""
        return "\n".join(one["note"] for one in self._events(name))

    def _events(self, name: str) -> list[Body]:
        answer = self.kube.get("events.events.k8s.io", "-n", self.namespace)
        found = [one for one in answer["items"] if one["regarding"]["name"] == name]
        return sorted(found, key=lambda one: one["eventTime"])
