"""Faults between the operator and the API server, and the requests that they can affect (see `kube_faults`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the operator; ``at``: seconds of the monotonic clock."""

    method: str
    path: str
    query: Mapping[str, str]
    at: float

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in ("true", "1")


Which = Callable[[Request], bool]


def everything(request: Request) -> bool:
    return True


def watches(request: Request) -> bool:
    """Watches of our custom resources."""
    return request.watches and "jenkins2fa.dev" in request.path


def status_writes(request: Request) -> bool:
    return request.method == "PATCH" and request.path.endswith("/status")


def instance_status_writes(request: Request) -> bool:
    return status_writes(request) and "/jenkinsinstances/" in request.path


def reconcilers(request: Request) -> bool:
    """The first request of each reconcile: its object."""
    return request.method == "GET" and request.path.count("/") == 7 and "jenkins2fa.dev" in request.path


def lists(request: Request) -> bool:
    """Lists of our custom resources, in one or more pages."""
    return request.method == "GET" and not request.watches and request.path.endswith(("/jenkinsinstances", "/twofactorpolicies"))


def further_pages(request: Request) -> bool:
    return lists(request) and "continue" in request.query


def but_the_lease(request: Request) -> bool:
    return "/leases" not in request.path


@dataclass(frozen=True, slots=True)
class Answer:
    """The API server refuses the request with a Status, and does not carry it out."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "on purpose"


@dataclass(frozen=True, slots=True)
class Cut:
    """The request is carried out; its reply, or the stream, ends after this number of bytes."""

    after: int


@dataclass(frozen=True, slots=True)
class Lose:
    """The request is carried out; the connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The request is carried out; the reply comes after this number of seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gone:
    """A watch whose resource version is too old: 200, and an ERROR in the stream that says 410."""


Fault = Answer | Cut | Lose | Slow | Gone
