"""`jenkins2fa report` on stand-ins: proven by a probe of its own, off, drifted, dead; names only when asked for; nothing written."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from tests.jenkins.conftest import managed_of
from tests.support.actions import switch_off
from tests.support.commands import Commands
from tests.support.managed import policy
from tests.support.standin import StandIn

DEAD = "http://127.0.0.1:9/"
SECRET_NAMES = ("alice", "bob", "carol", "dave")


@pytest.fixture
def jenkins(javax_standin: StandIn) -> StandIn:
    return javax_standin


@pytest.fixture
def call(tmp_path: Path, jenkins: StandIn, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, managed_of(jenkins), monkeypatch)


def test_an_enforced_controller_is_proven_by_the_reports_own_probe(call: Commands, jenkins: StandIn) -> None:
    call.managed.apply(policy(exemptGroups=["robots"], requireOnBuild={"window": "15m"}))
    before = jenkins.groovy("new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json').text")
    file, place = call.policy(exemptGroups=["robots"], requireOnBuild={"window": "15m"}), call.instance(gate={"mode": "Managed"})
    ended = call.run("report", file, place, "-o", "json")
    found = ended.document["instances"][0]
    assert [ended.code, ended.document["summary"]["proven"], found["proof"]["basis"]] == [0, 1, "Probe"]
    assert [found["proof"][name]["reason"] for name in ("enforced", "drifted")] == ["Probed", "NoDrift"]
    assert found["layers"] == {"disk": True, "memory": True, "live": True, "gate": "in place"}
    rules = found["rules"]
    assert [rules["by"], rules["exemptGroups"], rules["apiTokens"], rules["builds"]] == [
        "Jenkins", ["robots"], "Exempt", "a second factor not older than 15m",
    ]  # fmt: skip
    assert [(one["name"], one["reaches"]) for one in rules["factors"]] == [("SecurityQuestions", "AAL1")]
    assert found["differences"] == []
    users = found["enrolment"]
    assert [users["users"] > 3, users["users"], users["enrolled"]] == [True, users["notEnrolled"], 0]
    assert f"1 of 1 proven. SHA-256 of the JSON: {hashlib.sha256(ended.out.encode()).hexdigest()}" in ended.err
    assert before == jenkins.groovy("new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json').text")


def test_disabled_layers_are_reported_separately(call: Commands, jenkins: StandIn) -> None:
    call.managed.apply(policy())
    switch_off(jenkins)
    ended = call.run("report", call.policy(), call.instance(gate={"mode": "Managed"}), "-o", "json")
    found = ended.document["instances"][0]
    assert [ended.code, ended.document["summary"]["notEnforced"], ended.document["summary"]["drifted"]] == [3, 1, 1]
    assert found["proof"]["enforced"]["reason"] == "NotActive"
    assert any(one.startswith("mode is off") for one in found["differences"])


def test_a_report_without_a_policy_shows_the_settings_in_use(call: Commands) -> None:
    ended = call.run("report", "-o", "json")
    found = ended.document["instances"][0]
    assert [ended.code, found["policy"], found["proof"]["enforced"]["reason"]] == [3, None, "NoPolicy"]
    assert found["layers"]["memory"] is False


def test_user_names_are_included_only_on_request(call: Commands) -> None:
    without, within = call.run("report", "-o", "json"), call.run("report", "-o", "json", "--with-names")
    assert "notEnrolledNames" not in without.document["instances"][0]
    assert [len(one.document["notes"]) for one in (without, within)] == [0, 1]
    assert set(SECRET_NAMES) <= set(within.document["instances"][0]["notEnrolledNames"])
    assert not [name for name in SECRET_NAMES if f'"{name}"' in without.out]
    assert len(within.document["instances"][0]["notEnrolledNames"]) == within.document["instances"][0]["enrolment"]["notEnrolled"]


def test_the_files_are_readable_by_their_owner_only(call: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    ended = call.run("report", call.policy(), "--folder", folder)
    assert sorted(file.name for file in folder.iterdir()) == ["report.html", "report.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    digest = hashlib.sha256((folder / "report.json").read_bytes()).hexdigest()
    page = (folder / "report.html").read_text("utf-8")
    assert [digest in page, digest in ended.err, ended.code, call.managed.account[1] in page] == [True, True, 3, False]


def test_a_dead_controller_and_a_refused_account_among_many(call: Commands) -> None:
    call.managed.apply(policy())
    url = call.managed.connection.url
    files = [call.policy(), call.instance("alive", gate={"mode": "Managed"})]
    files.append(call.instance("dead", url=DEAD, credentialsRef={"name": "dead"}))
    files.append(call.instance("elsewhere", url="https://elsewhere.example.com/"))
    secrets = [call.secret(url.split("/")[2]), call.secret("127.0.0.1:9", "dead")]
    ended = call.run("report", *files, "--secrets", secrets[0], "--secrets", secrets[1], "-o", "json")
    rows = {one["name"]: one for one in ended.document["instances"]}
    assert [ended.code, ended.document["summary"]["proven"], ended.document["summary"]["notProven"]] == [3, 1, 2]
    assert rows["alive"]["proof"]["enforced"]["reason"] == "Probed"
    gaps = {name: rows[name]["notChecked"][0]["why"].partition(":")[0] for name in ("dead", "elsewhere")}
    assert gaps == {"dead": "Unreachable", "elsewhere": "HostNotAllowed"}
    assert [rows["dead"]["rules"]["by"], rows["dead"]["layers"], rows["dead"]["proof"]["basis"]] == ["Policy", None, "Nothing"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recorded"], "--recorded needs --cluster"),
        (["--cluster", "--secrets", "x"], "--secrets is for instances in files"),
        (["--cluster", "file.yaml"], "takes no files"),
        (["--secrets", "absent.yaml"], "absent.yaml"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(call: Commands, options: list[str], said: str) -> None:
    ended = call.run("report", *options)
    assert [ended.code, said in ended.err] == [1, True]
