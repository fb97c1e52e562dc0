"""An API server in memory: the calls of `kube/client.py`, over HTTP on loopback.

It checks objects and statuses against the schemas of the CRDs (not their CEL rules), fills in their defaults, and counts generations and
resource versions. tests/cluster/test_fake_cluster.py makes the same calls to it and to a real API server.
"""

from __future__ import annotations

import copy
import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import yaml
from jsonschema import Draft202012Validator

from tests.support.prepared import CHECKOUT

Body = dict[str, Any]
CUSTOM = "/apis/jenkins2fa.dev/v1alpha1"
ROOTS = {"/api/v1": "v1", "/apis/events.k8s.io/v1": "events.k8s.io/v1", "/apis/coordination.k8s.io/v1": "coordination.k8s.io/v1",
         CUSTOM: "jenkins2fa.dev/v1alpha1"}  # fmt: skip
LOST = -1  # instead of a status code: the request is carried out, and its reply lost
Place = tuple[str, str, str]  # plural, namespace, name
Watcher = Callable[[str, str, Body], None]  # plural, type of the event, object


class Refused(Exception):
    """An error reply."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str


@dataclass(slots=True)
class FakeCluster:
    """``objects`` by plural, namespace and name. ``watcher`` is called for every change of our custom resources and of namespaces.
    ``refuse``: called before each request; a status code refuses it, LOST loses its reply. ``retry_after``: seconds in a refusal."""

    objects: dict[Place, Body] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    watcher: Watcher = lambda plural, event, body: None
    refuse: Callable[[Request], int | None] = lambda request: None
    retry_after: int = 0
    url: str = ""
    _versions: Any = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self.put("namespaces", {"metadata": {"name": "kube-system"}})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    # --- what people do ---

    def get(self, plural: str, namespace: str, name: str) -> Body:
        return copy.deepcopy(self.objects[plural, namespace, name])

    def put(self, plural: str, body: Body) -> Body:
        """Create an object or replace its spec, data and metadata, as `kubectl apply` does; the status stays."""
        meta = body["metadata"]
        place = plural, meta.get("namespace", ""), meta["name"]
        with self._lock:
            held = self.objects.get(place)
            made = {**_defaulted(plural, body), "metadata": {**meta, **_own(held)}}
            if held is not None and "status" in held:
                made["status"] = held["status"]
            _check(plural, made)
            if held is None or _of_a_generation(held) != _of_a_generation(made):
                made["metadata"]["generation"] = made["metadata"].get("generation", 0) + 1
            if held is not None and {**held, "metadata": _without_version(held)} == {**made, "metadata": _without_version(made)}:
                return held
            return self._store(place, made, "ADDED" if held is None else "MODIFIED")

    def delete(self, plural: str, namespace: str, name: str) -> None:
        with self._lock:
            body = self.objects.pop((plural, namespace, name))
        self.watcher(plural, "DELETED", body)

    def of(self, plural: str, namespace: str | None = None) -> list[Body]:
        with self._lock:
            found = [body for (kind, where, _), body in self.objects.items() if kind == plural and namespace in (None, where)]
        return copy.deepcopy(found)

    # --- what a client calls ---

    def answer(self, method: str, path: str, body: Body | None) -> Body:
        """The reply to a request; raises Refused."""
        request = Request(method, urlsplit(path).path)
        self.requests.append(request)
        status = self.refuse(request)
        if status == LOST:
            self._carry_out(request, body)
            raise Refused(LOST, "")
        if status is not None:
            raise Refused(status, "refused by the test")
        return self._carry_out(request, body)

    def _carry_out(self, request: Request, body: Body | None) -> Body:
        method = request.method
        root = next((one for one in ROOTS if request.path == one or request.path.startswith(one + "/")), None)
        if root is None:
            raise Refused(404, "the server could not find the requested resource")
        words = [unquote(word) for word in request.path.removeprefix(root).split("/")[1:]]
        if not words:
            return {"kind": "APIResourceList"}
        namespace = ""
        if words[0] == "namespaces" and len(words) > 2:
            namespace, words = words[1], words[2:]
        plural, name, *rest = [*words, ""] if len(words) == 1 else words
        with self._lock:
            if method == "GET":
                return self._read(plural, namespace, name)
            if method == "POST":
                assert body is not None
                return self._create(plural, namespace, body)
            held = self._held(plural, namespace, name)
            assert body is not None
            if method == "PUT":
                return self._replace((plural, namespace, name), held, body)
            return self._patch((plural, namespace, name), held, body, status=rest == ["status"])

    def _read(self, plural: str, namespace: str, name: str) -> Body:
        if name:
            return copy.deepcopy(self._held(plural, namespace, name))
        return {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": self.of(plural, namespace or None)}

    def _held(self, plural: str, namespace: str, name: str) -> Body:
        held = self.objects.get((plural, namespace, name))
        if held is None:
            raise Refused(404, f'{plural} "{name}" not found')
        return held

    def _create(self, plural: str, namespace: str, body: Body) -> Body:
        meta = {**body["metadata"], "namespace": namespace, "uid": str(uuid4())}
        if (plural, namespace, meta["name"]) in self.objects:
            raise Refused(409, f'{plural} "{meta["name"]}" already exists')
        return self._store((plural, namespace, meta["name"]), {**copy.deepcopy(body), "metadata": meta}, "ADDED")

    def _replace(self, place: Place, held: Body, body: Body) -> Body:
        if body["metadata"].get("resourceVersion") not in (None, held["metadata"]["resourceVersion"]):
            raise Refused(409, "the object has been modified")
        return self._store(place, {**copy.deepcopy(body), "metadata": {**held["metadata"]}}, "MODIFIED")

    def _patch(self, place: Place, held: Body, patch: Body, *, status: bool) -> Body:
        changed = {"status": patch.get("status", {})} if status else {key: value for key, value in patch.items() if key != "metadata"}
        made = _merged(held, changed)
        _check(place[0], made)
        return copy.deepcopy(held) if made == held else self._store(place, made, "MODIFIED")

    def _store(self, place: Place, body: Body, event: str) -> Body:
        body["metadata"] = {**body["metadata"], "resourceVersion": str(next(self._versions))}
        self.objects[place] = body
        self.watcher(place[0], event, copy.deepcopy(body))
        return copy.deepcopy(body)


def _own(held: Body | None) -> Body:
    """The metadata that the API server itself sets."""
    if held is None:
        return {"uid": str(uuid4()), "creationTimestamp": "2026-11-24T12:00:00Z"}
    return {name: held["metadata"][name] for name in ("uid", "creationTimestamp", "generation") if name in held["metadata"]}


def _of_a_generation(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in ("metadata", "status")}


def _without_version(body: Body) -> Body:
    return {key: value for key, value in body["metadata"].items() if key not in ("resourceVersion", "generation")}


def _merged(held: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, Mapping):
        return patch
    made = dict(held) if isinstance(held, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


# --- schemas ---


def _schemas() -> dict[str, Body]:
    """The OpenAPI schema of each of our custom resources, by plural; fields that it does not know are refused, as with kubectl."""
    found = [yaml.safe_load(file.read_text()) for file in sorted((CHECKOUT / "crds").glob("*.yaml"))]
    return {one["spec"]["names"]["plural"]: _closed(one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]) for one in found}


def _closed(schema: Body) -> Body:
    made = {key: value for key, value in schema.items() if not key.startswith("x-") and key not in ("default", "format", "nullable")}
    if "properties" in schema:
        made["properties"] = {name: _closed(one) for name, one in schema["properties"].items()}
        if schema["properties"] and "metadata" not in schema["properties"] and "apiVersion" not in schema["properties"]:
            made.setdefault("additionalProperties", False)
    if isinstance(schema.get("items"), dict):
        made["items"] = _closed(schema["items"])
    if "default" in schema:
        made["default"] = schema["default"]
    return made


SCHEMAS = _schemas()
VALIDATORS = {plural: Draft202012Validator(schema) for plural, schema in SCHEMAS.items()}


def _check(plural: str, body: Body) -> None:
    if plural in VALIDATORS:
        problems = [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in VALIDATORS[plural].iter_errors(body)]
        if problems:
            raise Refused(422, "; ".join(problems)[:2000])


def _defaulted(plural: str, body: Body) -> Body:
    made = copy.deepcopy(body)
    if plural in SCHEMAS:
        _fill(SCHEMAS[plural], made)
    return made


def _fill(schema: Body, value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in value and "default" in inner:
                value[name] = copy.deepcopy(inner["default"])
            if name in value:
                _fill(inner, value[name])
    if isinstance(value, list):
        for one in value:
            _fill(schema.get("items", {}), one)


def _handler(cluster: FakeCluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, answer = 200, cluster.answer(self.command, self.path, json.loads(data) if data else None)
            except Refused as refused:
                status, answer = refused.status, {"kind": "Status", "message": refused.message}
            if status == LOST:
                self.close_connection = True
                return
            text = json.dumps(answer).encode()
            retry = f"Retry-After: {cluster.retry_after}\r\n" if status == 429 and cluster.retry_after else ""
            head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n{retry}Content-Length: {len(text)}\r\n\r\n".encode()
            self.wfile.write(head + text)

        do_GET = do_POST = do_PUT = do_PATCH = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler
