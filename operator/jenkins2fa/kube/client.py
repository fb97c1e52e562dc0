"""The API server: how it is reached (in-cluster account or kubeconfig, for Kopf as well), and the few calls that we make.

Secrets are read by name, never listed or watched, and never written.

Errors::

    NoConnection     no usable configuration
    KubernetesError
    ├── NotFound     404
    ├── Conflict     409
    ├── Forbidden    403: the message says which right is missing
    └── Unavailable  no answer, a page that expired (410), 429, 5xx: worth another try
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import kopf
import urllib3
from kubernetes import client, config
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config.config_exception import ConfigException

from jenkins2fa.api.meta import GROUP, VERSION, Key

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
Body = dict[str, Any]
TIMEOUT = (3.0, 10.0)  # connect, read; seconds
LONGEST_RETRY_AFTER = 60.0
PAGE = 500
CUSTOM = f"/apis/{GROUP}/{VERSION}"
MERGE_PATCH = "application/merge-patch+json"


class NoConnection(Exception):
    """There is no usable configuration for an API server; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the configuration comes from. With neither path nor context: the pod's service account, else the usual kubeconfig."""

    kubeconfig: str | None = None
    context: str | None = None

    def load(self) -> client.Configuration:
        """A new configuration from what is on disk now (tokens are rotated there). Raises :class:`NoConnection`."""
        configuration = client.Configuration()
        configuration.retries = False
        try:
            if self.kubeconfig is None and self.context is None and IN_CLUSTER in os.environ:
                config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=self.kubeconfig, context=self.context, client_configuration=configuration, persist_config=False
                )
        except (ConfigException, OSError, ValueError) as error:
            raise NoConnection(f"no connection to an API server: {_one_line(error)}. Give --kubeconfig, or run in a pod") from error
        return configuration

    def for_kopf(self) -> kopf.ConnectionInfo:
        """The same for Kopf, which calls this again whenever the API server answers 401."""
        loaded = self.load()
        scheme, _, token = (bearer_of(loaded) or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=loaded.host,
            ca_path=loaded.ssl_ca_cert,
            insecure=not loaded.verify_ssl,
            username=loaded.username or None,
            password=loaded.password or None,
            scheme=scheme or None,
            token=token or None,
            certificate_path=loaded.cert_file,
            private_key_path=loaded.key_file,
        )


def bearer_of(configuration: client.Configuration) -> str | None:
    """The value of the Authorization header, refreshed by the client library where the source asks for it; None = other credentials."""
    value: str | None = configuration.get_api_key_with_prefix("BearerToken", "authorization") or None
    return value or configuration.get_basic_auth_token() or None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


class KubernetesError(Exception):
    """The API server refused or did not answer. ``status`` is the HTTP status, 0 = none."""

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message[:500])


class NotFound(KubernetesError):
    pass


class Conflict(KubernetesError):
    pass


class Forbidden(KubernetesError):
    pass


class Unavailable(KubernetesError):
    """``retry_after``: the seconds that the API server asks us to wait; 0 = it gave none."""

    def __init__(self, message: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class Kubernetes:
    """Thread-safe; connections are kept alive and shared. After a 401, a call reads the credentials again and is repeated once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._configuration, self._http = self._open()

    # --- our custom resources ---

    def served(self) -> bool:
        """Whether the API server serves our group at all (the CRDs are there)."""
        try:
            self._call("GET", CUSTOM)
        except NotFound:
            return False
        return True

    def list(self, plural: str, namespace: str | None) -> Iterator[Body]:
        """Every object of one of our resources, in one namespace or (None) in all."""
        yield from self._pages(custom_path(plural, namespace))

    def get(self, plural: str, key: Key) -> Body:
        return self._call("GET", f"{custom_path(plural, key.namespace)}/{_segment(key.name)}")

    def patch_status(self, plural: str, key: Key, uid: str, status: Mapping[str, Any]) -> Body:
        """Merge ``status`` into the object's status (None removes a field), and return the object.

        ``uid`` is sent along, but API servers ignore it here: an object that was created anew under the same name gets the status too."""
        path = f"{custom_path(plural, key.namespace)}/{_segment(key.name)}/status"
        return self._call("PATCH", path, {"metadata": {"uid": uid}, "status": dict(status)}, MERGE_PATCH)

    # --- objects that they refer to ---

    def secret(self, key: Key) -> Body:
        return self._call("GET", f"/api/v1/namespaces/{_segment(key.namespace)}/secrets/{_segment(key.name)}")

    def config_map(self, key: Key) -> Body:
        return self._call("GET", f"/api/v1/namespaces/{_segment(key.namespace)}/configmaps/{_segment(key.name)}")

    def namespace(self, name: str) -> Body:
        return self._call("GET", f"/api/v1/namespaces/{_segment(name)}")

    def namespaces(self) -> Iterator[Body]:
        yield from self._pages("/api/v1/namespaces")

    # --- Events and the Lease ---

    def create_event(self, namespace: str, event: Body) -> Body:
        return self._call("POST", f"/apis/events.k8s.io/v1/namespaces/{_segment(namespace)}/events", event)

    def patch_event(self, namespace: str, name: str, patch: Body) -> Body:
        return self._call("PATCH", f"/apis/events.k8s.io/v1/namespaces/{_segment(namespace)}/events/{_segment(name)}", patch, MERGE_PATCH)

    def lease(self, key: Key) -> Body:
        return self._call("GET", f"{_leases(key.namespace)}/{_segment(key.name)}")

    def create_lease(self, key: Key, lease: Body) -> Body:
        return self._call("POST", _leases(key.namespace), lease)

    def replace_lease(self, key: Key, lease: Body) -> Body:
        """Write back a Lease that was read. Raises Conflict if someone else has written it since."""
        return self._call("PUT", f"{_leases(key.namespace)}/{_segment(key.name)}", lease)

    # --- the call ---

    def _pages(self, path: str) -> Iterator[Body]:
        parameters: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._call("GET", f"{path}?{urlencode(parameters)}")
            yield from page.get("items") or ()
            token = page["metadata"].get("continue")
            if not token:
                return
            parameters["continue"] = token

    def _call(self, method: str, path: str, body: Body | None = None, content: str = "application/json") -> Body:
        answer = self._send(method, path, body, content)
        if answer.status == 401:
            with self._lock:
                self._configuration, self._http = self._open()
            answer = self._send(method, path, body, content)
        text = answer.data
        if answer.status >= 300:
            raise _error(answer, method, path)
        try:
            parsed: Body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{method} {path}: the answer is not JSON", answer.status) from error
        if not isinstance(parsed, dict):
            raise Unavailable(f"{method} {path}: the answer is not a JSON object", answer.status)
        return parsed

    def _send(self, method: str, path: str, body: Body | None, content: str) -> urllib3.BaseHTTPResponse:
        with self._lock:
            bearer, host, http = bearer_of(self._configuration), self._configuration.host, self._http
        headers = {"Accept": "application/json", "User-Agent": "jenkins-2fa-operator"}
        headers |= {"Authorization": bearer} if bearer else {}
        headers |= {"Content-Type": content} if body is not None else {}
        data = None if body is None else json.dumps(body).encode()
        try:
            return http.request(method, host + path, body=data, headers=headers, timeout=urllib3.Timeout(*TIMEOUT), retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{method} {path}: no answer from the API server ({type(error).__name__})") from error

    def _open(self) -> tuple[Configuration, urllib3.PoolManager]:
        configuration = self._connection.load()
        configuration.connection_pool_maxsize = 64  # as many as reconciles in flight
        return configuration, RESTClientObject(
            configuration
        ).pool_manager  # it supports all that a kubeconfig can ask for in TLS and proxies


def custom_path(plural: str, namespace: str | None) -> str:
    """The path of one of our resources: in a namespace, or (None or empty) in the whole cluster."""
    return f"{CUSTOM}/namespaces/{_segment(namespace)}/{plural}" if namespace else f"{CUSTOM}/{plural}"


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{_segment(namespace)}/leases"


def _error(answer: urllib3.BaseHTTPResponse, method: str, path: str) -> KubernetesError:
    status = answer.status
    try:
        message = json.loads(answer.data).get("message") or ""
    except (ValueError, AttributeError):
        message = ""
    text = f"{method} {path.partition('?')[0]}: {message or f'HTTP {status}'}"
    if status in (410, 429) or status >= 500:
        return Unavailable(text, status, _retry_after(answer.headers.get("Retry-After")))
    return {404: NotFound, 409: Conflict, 403: Forbidden}.get(status, KubernetesError)(text, status)


def _retry_after(header: str | None) -> float:
    """The seconds of the header, at most a minute. API servers send whole seconds; anything else counts as absent."""
    return min(LONGEST_RETRY_AFTER, float(header)) if header and header.strip().isdecimal() else 0.0


def _segment(name: str) -> str:
    """A name, escaped as one segment of a path."""
    return quote(name, safe="")
