"""Alerts and dashboard use only existing metrics, each alert has a page, and derived files are current."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

CHECKOUT = Path(__file__).resolve().parents[3]
MONITORING = CHECKOUT / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
METRIC = re.compile(r"\b(?:jenkins2fa|process)_\w+")


def served() -> set[str]:
    """Names in the recorded scrape, with those of families that have no sample yet."""
    recorded = (CHECKOUT / "tests" / "cluster" / "recorded_metrics.txt").read_text()
    names = set()
    for family in text_string_to_metric_families(recorded):
        names |= {sample.name for sample in family.samples}
        names.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return names


def test_alerts_and_dashboard_use_only_existing_metrics() -> None:
    queries = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
    used = {name for query in queries for name in METRIC.findall(query)}
    assert len(used) > 15
    assert used - served() == set()


def test_every_metric_is_in_the_docs() -> None:
    page = (CHECKOUT / "docs" / "metrics.md").read_text()
    recorded = (CHECKOUT / "tests" / "cluster" / "recorded_metrics.txt").read_text()
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(recorded)
        if family.name.startswith("jenkins2fa") and not family.name.endswith("_created")
    }
    assert {name for name in families if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_page_and_a_severity(rule: dict[str, dict[str, str]]) -> None:
    page = CHECKOUT / rule["annotations"]["runbook_url"]
    assert page.name == f"{rule['alert']}.md"
    text = page.read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    for title in ("## What it means", "## Where to look", "## What to do"):
        assert title in text
    assert rule["labels"]["severity"] in ("info", "warning", "critical")


def rendered(template: str, labels: Mapping[str, str]) -> str:
    """A template with its labels filled in, for the two constructs that our alerts use."""
    text = re.sub(
        r"{{ with \$labels\.(\w+) }}{{ \. }}(.*?){{ end }}", lambda found: labels[found[1]] + found[2] if labels[found[1]] else "", template
    )
    text = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
    assert "{{" not in text, text
    return text


@pytest.mark.parametrize(("namespace", "shown"), [("build", "build/baseline"), ("", "baseline")])
def test_an_alert_about_a_cluster_policy_shows_the_name_alone(namespace: str, shown: str) -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "JenkinsTwoFactorRolloutStopped")
    labels = {"policy_namespace": namespace, "policy": "baseline"}
    assert rendered(rule["annotations"]["summary"], labels) == f"The rollout of policy {shown} has stopped"


def test_every_alert_page_belongs_to_an_alert() -> None:
    assert {page.stem for page in (CHECKOUT / "docs" / "runbooks").glob("*.md")} == {rule["alert"] for rule in RULES}


def test_derived_files_are_current() -> None:
    done = subprocess.run([sys.executable, MONITORING / "generate.py", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_panels_do_not_overlap_and_fit() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
