"""The summary of conditions: the same word and verdict for kubectl, plugin, report, metrics and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, Condition
from jenkins2fa.cli.cluster import ClusterObject
from jenkins2fa.cli.errors import EXIT_CODES, MEANINGS, ExitCode, code_of, code_of_all, worst
from jenkins2fa.cli.kubectl.command import twofactor
from jenkins2fa.cli.kubectl.output import as_table, fleet_rows
from jenkins2fa.cli.main import COMMANDS, main
from jenkins2fa.cli.report.instances import recorded
from jenkins2fa.controller.telemetry.object_metrics import InstanceMetrics, Tally
from jenkins2fa.core.report.document import Report
from jenkins2fa.core.summary import summarize, summary_of
from tests.support.literals import NOW, instance

CHECKOUT = Path(__file__).resolve().parents[3]
Conditions = dict[str, str]
WELL: Conditions = {"Ready": "True/InForce", "Stalled": "False/InForce", "Enforced": "True/Probed", "Drifted": "False/NoDrift"}
STATES: dict[str, tuple[Conditions, str, str, ExitCode]] = {  # changed conditions, state, Enforced, exit code
    "in force": ({}, "InForce", "True", ExitCode.AS_DESIRED),
    "suspended": (
        {"Ready": "True/Suspended", "Enforced": "Unknown/Suspended", "Drifted": "Unknown/Suspended"},
        "Suspended", "Unknown", ExitCode.NOT_ENFORCED,
    ),
    "break-glass": ({"Ready": "True/BreakGlass", "Enforced": "False/BreakGlass"}, "BreakGlass", "False", ExitCode.NOT_ENFORCED),
    "audit, enforced": ({"Ready": "True/Reported", "Drifted": "True/Differs"}, "Reported", "True", ExitCode.DIFFERS),
    "audit, off": (
        {"Ready": "True/Reported", "Drifted": "True/Differs", "Enforced": "False/NotActive"},
        "Reported", "False", ExitCode.NOT_ENFORCED,
    ),
    "without a gate": ({"Ready": "True/PluginAlone", "Enforced": "False/PluginAlone"}, "PluginAlone", "False", ExitCode.NOT_ENFORCED),
    "no probe": ({"Ready": "True/Unverified", "Enforced": "Unknown/Unverified"}, "Unverified", "Unknown", ExitCode.NOT_ENFORCED),
    "in progress": ({"Ready": "False/Progressing"}, "Progressing", "True", ExitCode.DIFFERS),
    "unsupported": ({"Ready": "False/Unsupported", "Stalled": "True/Unsupported"}, "Unsupported", "True", ExitCode.NOT_ENFORCED),
    "off": ({"Ready": "True/Disabled", "Enforced": "False/Disabled"}, "Disabled", "False", ExitCode.NOT_ENFORCED),
}  # fmt: skip


def instance_body(changes: Conditions, generation: int = 1) -> dict[str, Any]:
    """An instance whose status is about generation 1."""
    rows = [(kind, *text.split("/")) for kind, text in {**WELL, **changes}.items()]
    held = [{"type": kind, "status": status, "reason": reason, "message": f"of {kind}"} for kind, status, reason in rows]
    made = "2026-11-01T00:00:00Z"
    return {
        "metadata": {"namespace": "tests", "name": "jenkins", "uid": "u", "generation": generation, "creationTimestamp": made},
        "spec": {"url": "https://jenkins.example.com/"},
        "status": {"observedGeneration": 1, "conditions": held, "summary": {"policy": "p"}, "policy": {"namespace": "tests", "name": "p"}},
    }


@pytest.mark.parametrize("state", STATES)
def test_all_outputs_use_the_same_word(state: str) -> None:
    changes, word, enforced, code = STATES[state]
    body = instance_body(changes)
    summary = summary_of(body)
    assert (summary.reason, summary.enforced, summary.message, code_of(summary)) == (word, enforced, "of Ready", code)
    (row,) = fleet_rows([body])
    assert (row.reason, row.enforced, row.message) == (word, enforced, "of Ready")
    assert ClusterObject("JenkinsInstance", body).summary == summary
    report = recorded(body, instance(), None)
    assert (report.proof.summary.reason, report.proof.summary.enforced) == (word, enforced)
    made = Report(NOW, "1", "here", (report,), asked=False)
    assert (made.all_proven, made.as_desired) == (enforced == "True", code is ExitCode.AS_DESIRED)
    assert metric(body) == {"True": 1.0, "False": 0.0, "Unknown": -1.0}[enforced]


def metric(body: dict[str, Any]) -> float:
    def nothing(reason: str) -> None:
        raise AssertionError(reason)

    families = InstanceMetrics(lambda: [body], Tally(nothing, nothing), lambda: True).collect()
    (sample,) = [one for family in families for one in family.samples if one.name == "jenkins2fa_instance_enforced"]
    return float(sample.value)


def test_the_table_counts_by_the_same_states() -> None:
    table = as_table(fleet_rows(instance_body(STATES[state][0]) for state in ("in force", "suspended", "break-glass", "audit, off")))
    assert "1 of 4 enforced, by proof; 1 drifted; 1 Suspended; 1 BreakGlass; 1 Reported. Why: " in table


@pytest.mark.parametrize("body", [instance_body({}, generation=2), {**instance_body({}), "status": {}}])
def test_a_status_about_an_older_generation_is_unknown(body: dict[str, Any]) -> None:
    summary = summary_of(body)
    assert (summary.enforced, summary.drifted, summary.ready, summary.reason) == ("Unknown", "Unknown", "Unknown", "NotReconciled")
    assert code_of(summary) is ExitCode.NOT_ENFORCED
    assert metric(body) == -1.0 if body["status"] else True


def test_a_condition_that_was_never_set_is_unknown() -> None:
    summary = summarize(None, Condition(ENFORCED, "True", "Probed", ""), Condition(DRIFTED, "False", "NoDrift", ""))
    assert (summary.reason, summary.ready, summary.as_desired) == ("Probed", "Unknown", False)
    assert summarize(Condition(READY, "True", "InForce", "m"), None, None).enforced == "Unknown"


def test_the_worst_exit_code_wins_and_an_empty_list_proves_nothing() -> None:
    assert worst([]) is ExitCode.AS_DESIRED
    assert worst([ExitCode.DIFFERS, ExitCode.AS_DESIRED]) is ExitCode.DIFFERS
    assert worst([ExitCode.DIFFERS, ExitCode.NOT_ENFORCED]) is ExitCode.NOT_ENFORCED
    assert worst([ExitCode.NOT_ENFORCED, ExitCode.ERROR]) is ExitCode.ERROR
    assert code_of_all([]) is ExitCode.NOT_ENFORCED
    assert code_of_all([summary_of(instance_body({})), summary_of(instance_body(STATES["in progress"][0]))]) is ExitCode.DIFFERS


def test_exit_codes_match_the_documentation() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3] == [int(code) for code in MEANINGS]
    for group in (main, twofactor):
        assert EXIT_CODES in " ".join(CliRunner().invoke(group, ["--help"]).output.split())
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    assert all(f"| {code.value} | {meaning} |" in page for code, meaning in MEANINGS.items())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_wrong_usage_is_an_error_everywhere(command: str) -> None:
    assert CliRunner().invoke(main, [command, "--nonsense"]).exit_code == ExitCode.ERROR


@pytest.mark.parametrize("command", sorted(twofactor.commands))
def test_wrong_usage_of_the_kubectl_plugin_is_an_error_everywhere(command: str) -> None:
    assert CliRunner().invoke(twofactor, [command, "--nonsense"]).exit_code == ExitCode.ERROR
