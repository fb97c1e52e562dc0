"""Metrics of each policy: what its status says. A replica without the Lease shows none of them, as of instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jenkins2fa.api.status import READY, STALLED, condition_of


class PolicyMetrics(Collector):
    """``bodies``: all policies as last seen or written; ``leading``: whether this replica answers for them."""

    def __init__(self, bodies: Callable[[], list[Mapping[str, Any]]], leading: Callable[[], bool]) -> None:
        self._bodies, self._leading = bodies, leading

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if not self._leading():
            return
        labels = ("policy_namespace", "policy", "type", "status", "reason")
        family = GaugeMetricFamily("jenkins2fa_policy_condition", "The conditions of policies as they are; always 1", labels=labels)
        for body in self._bodies():
            names = (body["metadata"].get("namespace", ""), body["metadata"]["name"])  # a cluster policy has no namespace
            for held in (condition_of(body, READY), condition_of(body, STALLED)):
                if held is not None:
                    family.add_metric((*names, held.type, held.status, held.reason), 1)
        yield family
