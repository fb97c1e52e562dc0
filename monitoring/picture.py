"""Draw the dashboard's panels without Grafana: `python3 monitoring/picture.py RECORDING OUTPUT.png` (needs matplotlib).

RECORDING: one JSON object a line, {"t": Unix time, "text": what /metrics answered}, a second apart. The queries are the dashboard's own,
and evaluated by Prometheus' engine (tests/promql); only the drawing is not Grafana's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from prometheus_client.parser import text_string_to_metric_families

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from dashboard import dashboard  # noqa: E402 - a script beside it, not a package

from tests.support.prepared import prepared  # noqa: E402

RATE = "20s"


def read(recording: Path) -> tuple[list[dict[str, Any]], int, int]:
    """The series of a recording, and when it begins and ends."""
    series: dict[tuple[tuple[str, str], ...], list[list[float]]] = {}
    times = []
    for line in recording.read_text().splitlines():
        scrape = json.loads(line)
        times.append(round(scrape["t"]))
        for family in text_string_to_metric_families(scrape["text"]):
            for one in family.samples:
                labels = {"__name__": one.name, **one.labels, "job": "operator", "instance": "pod"}
                series.setdefault(tuple(sorted(labels.items())), []).append([times[-1], one.value])
    kept = [{"labels": dict(labels), "samples": [s for s in samples if s[1] == s[1]]} for labels, samples in series.items()]
    return kept, min(times), max(times)


def evaluate(panels: list[dict[str, Any]], recording: Path) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Series by query, and the time of the beginning."""
    series, start, end = read(recording)
    queries = list(dict.fromkeys(target["expr"] for panel in panels for target in panel.get("targets", ())))
    asked = [query.replace("$__rate_interval", RATE).replace("$namespace", ".*") for query in queries]
    question = {"start": start, "end": end, "step": 1, "series": series, "queries": asked}
    done = subprocess.run([prepared("promql") / "promql"], input=json.dumps(question), capture_output=True, text=True, check=True)  # noqa: S603 - our own build
    return {query: answer["series"] for query, answer in zip(queries, json.loads(done.stdout), strict=True)}, start


def name(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend)


def draw(panel: dict[str, Any], axes: Any, results: dict[str, list[dict[str, Any]]], start: int) -> None:
    axes.set_title(panel["title"], fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    lines = [(name(t["legendFormat"], one["labels"]), one["samples"]) for t in panel["targets"] for one in results[t["expr"]]]
    if panel["type"] == "stat":
        axes.set_axis_off()
        texts = [text if panel["options"].get("textMode") == "name" else f"{samples[-1][1]:g}" for text, samples in lines]
        axes.text(0.5, 0.4, ", ".join(texts), fontsize=22, ha="center", va="center")
        return
    for text, samples in lines:
        axes.plot(
            [at - start for at, _ in samples], [float("nan") if value is None else value for _, value in samples], label=text, linewidth=1
        )
    if lines:
        axes.legend(fontsize=6, loc="upper left")
    else:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color="grey")
    axes.grid(alpha=0.3)
    axes.set_xlabel(
        f"seconds{'' if panel['fieldConfig']['defaults']['unit'] == 'short' else '; unit ' + panel['fieldConfig']['defaults']['unit']}",
        fontsize=7,
    )


def main() -> None:
    """Each panel where its gridPos puts it."""
    panels = dashboard()["panels"]
    results, start = evaluate(panels, Path(sys.argv[1]))
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = pyplot.figure(figsize=(15, bottom * 0.34), dpi=100)
    for panel in panels:
        place = panel["gridPos"]
        left, top = place["x"] / 24, 1 - place["y"] / bottom
        if panel["type"] == "row":
            figure.text(0.01, top - 0.7 / bottom, panel["title"], fontsize=11, weight="bold")
            continue
        box = (left + 0.03, top - (place["h"] - 1.5) / bottom, place["w"] / 24 - 0.045, (place["h"] - 2.6) / bottom)
        draw(panel, figure.add_axes(box), results, start)
    figure.savefig(sys.argv[2])


if __name__ == "__main__":
    main()
