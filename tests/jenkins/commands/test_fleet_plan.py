"""`jenkins2fa plan` for many instances in files: precedence, affected users, weakening, and where accounts may be sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from tests.jenkins.conftest import managed_of
from tests.support.commands import API, Ended
from tests.support.managed import EMAIL, QUESTIONS, policy
from tests.support.proxy import Proxy
from tests.support.specs import spelled_out
from tests.support.standin import StandIn

DEAD = "http://127.0.0.1:9"


class Folder:
    """A folder of manifests, and a file of Secrets, as in a pull request and its target branch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder / "manifests", folder / "secrets.yaml"
        self.folder.mkdir()
        self.secrets: dict[str, dict[str, str]] = {}
        self.environment: dict[str, str] = {}

    def put(self, kind: str, name: str, spec: dict[str, Any], namespace: str = "team", **metadata: Any) -> None:
        body = {"apiVersion": API, "kind": kind, "metadata": {"namespace": namespace, "name": name, **metadata}, "spec": spec}
        (self.folder / f"{kind}-{namespace}-{name}.yaml").write_text(json.dumps(body), encoding="utf-8")

    def policy(self, name: str, namespace: str = "team", **spec: Any) -> None:
        self.put("TwoFactorPolicy", name, spelled_out({**QUESTIONS, **spec}), namespace)

    def instance(self, name: str, url: str, token: str, namespace: str = "team", host: str | None = None, **labels: str) -> None:
        """Its Secret has the same name, and its token comes from an environment variable."""
        spec = {"url": url + "/", "credentialsRef": {"name": name}, "gate": {"mode": "Managed"}}
        self.put("JenkinsInstance", name, spec, namespace, labels=labels)
        variable = f"TOKEN_{name.upper().replace('-', '_')}"
        self.secrets[f"{namespace}/{name}"] = {"host": host or url.split("/")[2], "username": "admin", "token": f"$({variable})"}
        self.environment[variable] = token

    def plan(self, *arguments: str) -> Ended:
        bodies = [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": dict(zip(("namespace", "name"), key.split("/"), strict=True)),
                "stringData": data,
            }
            for key, data in self.secrets.items()
        ]
        self.file.write_text("\n---\n".join(map(json.dumps, bodies)), encoding="utf-8")
        command = ["plan", str(self.folder), "--secrets", str(self.file), *arguments]
        result = CliRunner().invoke(main, command, env={**self.environment, "JENKINS_URL": "", "COLUMNS": "220"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert not any(token in result.output for token in self.environment.values())
        return Ended(result.exit_code, result.stdout, result.stderr)

    def rows(self, *arguments: str) -> dict[str, dict[str, Any]]:
        return {one["instance"]["name"]: one for one in self.plan(*arguments, "-o", "json").document["instances"]}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def second_standin(javax_standin: StandIn) -> Iterator[StandIn]:
    """A second controller beside `javax_standin`."""
    with StandIn(flavour="javax") as running:
        yield running


def test_several_policies_and_instances(folder: Folder, javax_standin: StandIn, second_standin: StandIn) -> None:
    managed_of(javax_standin).apply(policy())
    folder.instance("enforced", javax_standin.url, javax_standin.tokens["admin"], tier="production")
    folder.instance("fresh", second_standin.url, second_standin.tokens["admin"], tier="test")
    folder.instance("alone", DEAD, "some-token", namespace="elsewhere")
    folder.policy("strong", priority=5, instanceSelector={"matchLabels": {"tier": "production"}})
    folder.policy("weak", mode="Disabled")
    folder.policy("nowhere", instanceSelector={"matchLabels": {"tier": "none"}})
    ended = folder.plan("-o", "json")
    rows = {row["instance"]["name"]: row for row in ended.document["instances"]}
    assert [row["instance"]["name"] for row in ended.document["instances"]] == ["alone", "enforced", "fresh"]
    assert [rows["enforced"]["verdict"], rows["enforced"]["plan"]["policy"]["name"], rows["enforced"]["overridden"]] == [
        "NoChange", "strong", ["team/weak"],
    ]  # fmt: skip
    assert [rows["fresh"]["plan"]["policy"]["name"], rows["alone"]["verdict"]] == ["weak", "Unmanaged"]
    assert ended.document["idlePolicies"] == [{"policy": "team/nowhere", "overriddenBy": []}]
    table = folder.plan().out
    assert "overrides team/weak" in table
    assert "policy team/nowhere selects no instance" in table


def test_a_cluster_policy_outranks_a_namespaced_policy(folder: Folder, second_standin: StandIn) -> None:
    folder.instance("build", second_standin.url, second_standin.tokens["admin"])
    folder.policy("ours", priority=100, mode="Disabled")
    without = folder.plan("-o", "json").document
    folder.put("ClusterTwoFactorPolicy", "baseline", {**QUESTIONS, "namespaceSelector": {"matchLabels": {"kind": "team"}}}, None)
    (folder.folder / "namespace.yaml").write_text(
        '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team", "labels": {"kind": "team"}}}'
    )
    within = folder.plan("-o", "json").document
    assert without["instances"][0]["plan"]["policy"]["name"] == "ours"
    assert within["instances"][0]["plan"]["policy"]["name"] == "baseline"
    assert within["idlePolicies"] == [{"policy": "team/ours", "overriddenBy": ["baseline"]}]


def test_the_plan_counts_users_newly_challenged_and_no_longer_challenged(
    folder: Folder, javax_standin: StandIn, second_standin: StandIn
) -> None:
    managed_of(javax_standin).apply(policy(exemptGroups=["robots"]))
    folder.instance("on", javax_standin.url, javax_standin.tokens["admin"])
    folder.instance("off", second_standin.url, second_standin.tokens["admin"])
    users = managed_of(second_standin).observe(users=True).enrolment
    assert users is not None
    assert users.total > 1
    folder.policy("policy")
    people = {name: row["people"] for name, row in folder.rows().items()}
    assert [people["off"]["newlyAsked"], people["off"]["noLongerAsked"], people["off"]["atMost"]] == [users.total, 0, False]
    assert [people["off"]["notEnrolled"], people["off"]["administratorsNotEnrolled"]] == [
        users.not_enrolled, users.administrators_not_enrolled,
    ]  # fmt: skip
    assert [people["on"]["newlyAsked"] > 0, people["on"]["atMost"]] == [True, True]  # the robots
    folder.policy("policy", mode="Disabled")
    people = {name: row["people"] for name, row in folder.rows().items()}
    assert [people["off"]["newlyAsked"], people["off"]["noLongerAsked"]] == [0, 0]
    assert [people["on"]["noLongerAsked"] > 0, people["on"]["atMost"]] == [True, True]


def test_weakening_is_reported_in_every_output(folder: Folder, javax_standin: StandIn) -> None:
    managed_of(javax_standin).apply(policy())
    folder.instance("build", javax_standin.url, javax_standin.tokens["admin"])
    folder.policy("policy", exemptGroups=["everybody"])
    assert folder.rows()["build"]["weakens"] == ["exemptGroups"]
    assert "changes, weakens" in folder.plan().out
    assert "**changes** **weakens**" in folder.plan("-o", "markdown").out
    assert "The protection is weakened at 1." in folder.plan().out


def test_an_unreachable_controller_is_a_row(folder: Folder, second_standin: StandIn) -> None:
    folder.instance("dead", DEAD, "some-token")
    folder.instance("live", second_standin.url, second_standin.tokens["admin"])
    folder.policy("policy")
    ended = folder.plan("-o", "json")
    found = {row["instance"]["name"]: [row["verdict"], row["reason"]] for row in ended.document["instances"]}
    assert [ended.code, found] == [1, {"dead": ["Unknown", "Unreachable"], "live": ["Changes", None]}]
    assert folder.plan("-o", "markdown").out.index("`team/dead`") < folder.plan("-o", "markdown").out.index("`team/live`")


def test_exit_codes(folder: Folder, second_standin: StandIn) -> None:
    folder.instance("build", second_standin.url, second_standin.tokens["admin"])
    folder.policy("policy")
    assert folder.plan().code == 2
    managed_of(second_standin).apply(policy())
    assert [folder.plan().code, folder.plan("-o", "markdown").code] == [0, 0]


def test_a_token_is_sent_only_to_the_host_in_its_secret(folder: Folder, javax_standin: StandIn) -> None:
    with Proxy(javax_standin.url) as elsewhere:
        folder.instance("build", elsewhere.url, javax_standin.tokens["admin"], host="jenkins.example.com")
        folder.policy("policy")
        row = folder.rows()["build"]
        assert [row["verdict"], row["reason"], elsewhere.seen] == ["Unknown", "HostNotAllowed", []]


def test_a_missing_or_incomplete_secret_is_a_row(folder: Folder, second_standin: StandIn) -> None:
    folder.instance("build", second_standin.url, second_standin.tokens["admin"])
    folder.policy("policy")
    data = folder.secrets.pop("team/build")
    row = folder.rows()["build"]
    assert [row["reason"], row["message"].partition(":")[0]] == ["SecretMissing", "no Secret team/build in the files of --secrets"]
    folder.secrets["team/build"] = {**data, "token": "$(NOT_SET_ANYWHERE)"}
    assert "the environment variable NOT_SET_ANYWHERE is empty or not set" in folder.rows()["build"]["message"]
    folder.secrets["team/build"] = {name: value for name, value in data.items() if name != "host"}
    assert "has no key host" in folder.rows()["build"]["message"]
    folder.secrets["team/build"] = data
    assert folder.rows()["build"]["verdict"] == "Changes"


def test_variables_are_replaced_in_secrets_files_only(folder: Folder, javax_standin: StandIn) -> None:
    """A pull request that adds its own Secret gets no token: its manifests are never read as Secrets."""
    with Proxy(javax_standin.url) as elsewhere:
        folder.instance("build", elsewhere.url, javax_standin.tokens["admin"])
        folder.policy("policy")
        data = folder.secrets.pop("team/build")
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "team", "name": "build"}, "stringData": data}
        (folder.folder / "secret.yaml").write_text(json.dumps(body), encoding="utf-8")
        assert [folder.rows()["build"]["reason"], elsewhere.seen] == ["SecretMissing", []]


def test_no_value_of_a_policy_becomes_markup_or_a_mention(folder: Folder, second_standin: StandIn) -> None:
    group = "@admins|<img src=x>`*x*"
    folder.instance("build", second_standin.url, second_standin.tokens["admin"])
    folder.policy("policy", enforcedGroups=[group], allowedFactors=["EmailOTP"], emailOTP=EMAIL)
    text = folder.plan("-o", "markdown").out
    outside = re.sub(r"`[^`]*`", "", text)
    assert "admins" in outside  # the finding about the group nobody is known to be in
    assert not re.search(r"@\w|<img|(?<!\\)\*x\*", outside)
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (5, 7) for line in text.splitlines() if line.startswith("|"))
    assert EMAIL["template"] not in text


def test_many_instances_fit_into_one_comment(folder: Folder, javax_standin: StandIn) -> None:
    for number in range(300):
        folder.instance(f"jenkins-{number:03}-{'x' * 40}", javax_standin.url, javax_standin.tokens["admin"])
    folder.policy("policy", allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL)
    ended = folder.plan("-o", "markdown")
    assert len(ended.out.encode()) <= 60_000
    listed, more = ended.out.count("\n| `team/"), re.search(r"\| … \| and (\d+) more", ended.out)
    assert more
    assert listed + int(more[1]) == 300
    details = re.search(r"Details of (\d+) more", ended.out)
    assert details
    assert ended.out.count("<details>") + int(details[1]) == 300
    assert ended.out.count("<details>") > 5


def test_two_instances_of_one_controller_are_reported(folder: Folder, second_standin: StandIn) -> None:
    for name in ("first", "second"):
        folder.instance(name, second_standin.url, second_standin.tokens["admin"])
    folder.policy("policy")
    assert "team/first and team/second reach the same controller" in folder.plan().out


def test_a_duplicate_object_is_refused(folder: Folder) -> None:
    folder.policy("policy")
    (folder.folder / "again.yaml").write_text((folder.folder / "TwoFactorPolicy-team-policy.yaml").read_text())
    ended = folder.plan()
    assert [ended.code, "is in the files twice" in ended.err] == [1, True]


def test_the_plan_shows_rollout_batches_and_pending_approvals(folder: Folder, javax_standin: StandIn, second_standin: StandIn) -> None:
    managed_of(javax_standin).apply(policy())
    for name, jenkins in (("a", second_standin), ("b", javax_standin)):
        folder.instance(name, jenkins.url, jenkins.tokens["admin"])
    folder.policy("policy", exemptGroups=["robots"], rollout={"batchSize": 1})
    rows = folder.rows("--require-approval")
    assert [rows[name]["batch"] for name in "ab"] == [{"number": 1, "of": 2}, {"number": 2, "of": 2}]
    assert [rows[name]["awaitsApproval"] for name in "ab"] == [bool(rows["a"]["weakens"]), True]
    assert [row["awaitsApproval"] for row in folder.rows().values()] == [False, False]
    for form in ("text", "markdown"):
        told = " ".join(folder.plan("--require-approval", "-o", form).out.split())
        assert "batch 1 of 2 of the roll-out" in told, form
        assert "waits for approval" in told, form
        assert "wait for approval." in told or "waits for approval." in told, form
    folder.policy("policy", exemptGroups=["robots"])
    assert {row["batch"] for row in folder.rows().values()} == {None}


def test_instances_without_changes_take_no_slot_in_a_batch(folder: Folder, javax_standin: StandIn, second_standin: StandIn) -> None:
    for name, jenkins in (("a", javax_standin), ("b", second_standin)):
        folder.instance(name, jenkins.url, jenkins.tokens["admin"])
    folder.policy("policy", rollout={"batchSize": 1})
    assert {name: row["batch"]["of"] for name, row in folder.rows().items()} == {"a": 2, "b": 2}
    managed_of(javax_standin).apply(policy())
    rows = folder.rows()
    assert [rows["a"]["batch"], rows["b"]["batch"]] == [None, {"number": 1, "of": 1}]
