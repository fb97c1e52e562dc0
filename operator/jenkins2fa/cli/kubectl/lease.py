"""Whether the operator that wrote the statuses still lives. A status does not age by itself: without this, a dead operator looks fine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from jenkins2fa.api.fields import parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.cli.cluster import Cluster
from jenkins2fa.kube.client import Body, KubernetesError, NotFound
from jenkins2fa.kube.lease import GONE_AFTER, NAME, OPERATOR, Timing


def silence(cluster: Cluster, bodies: Iterable[Body], now: datetime) -> str | None:
    """One line that says which operators behind these statuses are gone; None = they live, or nobody may tell us."""
    namespaces = sorted({str(named) for body in bodies if (named := (body.get("status") or {}).get(OPERATOR))})
    found = [text for namespace in namespaces if (text := _read(cluster, Key(namespace, NAME), now))]
    if not found:
        return None
    return f"Warning: no operator is running ({'; '.join(found)}). This is the last recorded state, which may be out of date"


def _read(cluster: Cluster, key: Key, now: datetime) -> str | None:
    """What is wrong with one Lease. Whoever may not read it is told nothing: that is no error of theirs."""
    try:
        return told_by(key, cluster.kubernetes.lease(key), now)
    except NotFound:
        return told_by(key, None, now)
    except KubernetesError:
        return None


def told_by(key: Key, lease: Body | None, now: datetime) -> str | None:
    """What a Lease says against its operator; None = nothing."""
    if lease is None:
        return f"there is no Lease {key}"
    spec: dict[str, Any] = lease.get("spec") or {}
    renewed = spec.get("renewTime")
    if renewed is None:
        return f"nobody has renewed Lease {key}"
    seconds = max(Timing().duration, float(spec.get("leaseDurationSeconds") or 0))  # one that was given back says 1
    if now - parse_time(renewed) < GONE_AFTER * timedelta(seconds=seconds):
        return None
    return f"Lease {key} was last renewed at {parse_time(renewed):%Y-%m-%d %H:%M:%S} UTC"
