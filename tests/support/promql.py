"""Prometheus' own query engine over series that a test makes up from a recorded scrape."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.prepared import prepared

STEP = 30
Labels = Mapping[str, str]
Course = Callable[[int], float | None]  # seconds to a value; None = no sample


@dataclass(frozen=True)
class Line:
    """One series and its values over time."""

    labels: Labels
    course: Course

    def is_(self, name: str, **labels: str) -> bool:
        return self.labels["__name__"] == name and set(labels.items()) <= set(self.labels.items())


def lines_of(exposition: str) -> list[tuple[Labels, float]]:
    """The samples of a scrape."""
    return [
        ({"__name__": one.name, **one.labels}, one.value) for family in text_string_to_metric_families(exposition) for one in family.samples
    ]


def evaluate(lines: Iterable[Line], queries: list[str], end: int) -> list[list[dict[str, Any]]]:
    """Each query at every STEP seconds from 0 to `end`: series as {labels, samples}. Raises AssertionError with the engine's message."""
    series = []
    for line in lines:
        samples = [[at, value] for at in range(0, end + 1, STEP) if (value := line.course(at)) is not None]
        series.append({"labels": dict(line.labels), "samples": samples})
    asked = {"start": 0, "end": end, "step": STEP, "series": series, "queries": queries}
    done = subprocess.run([prepared("promql") / "promql"], input=json.dumps(asked), capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    for query, answer in zip(queries, answers, strict=True):
        assert not answer.get("error"), f"{query}\n{answer['error']}"
    return [answer["series"] for answer in answers]


def fires(result: list[dict[str, Any]], seconds: int) -> list[Labels]:
    """Labels of the series that were there without a gap for `seconds`: what Prometheus does with an alert's `for`."""
    found = []
    for series in result:
        run: list[float] = []
        for at, _ in series["samples"]:
            run = [*run, at] if run and at - run[-1] == STEP else [at]
            if run[-1] - run[0] >= seconds:
                found.append(series["labels"])
                break
    return found
