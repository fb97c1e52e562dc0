"""`jenkins2fa plan` against a running controller: changes per field, unsupported fields, weakening, refusals; it writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Commands
from tests.support.managed import EMAIL, Managed, policy
from tests.support.standin import StandIn

GATED = ("--gate", "Managed")
ALL_FACTORS = ["EmailOTP", "SMSOTP", "MobileAuthenticator", "DuoPush", "SecurityQuestions", "BackupCodes", "WebAuthn", "YubiKey"]


def test_a_plan_for_a_fresh_controller_field_by_field(commands: Commands, standin: StandIn) -> None:
    file = commands.policy(allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL, exemptGroups=["robots"])
    ended = commands.run("plan", file, *GATED, "-o", "json")
    assert ended.code == 2
    by_layer = [(one["path"], one["layer"], one["before"], one["after"]) for one in ended.plan["changes"]]
    assert {(path, layer): after for path, layer, _, after in by_layer if path.startswith(("mode", "emailOTP", "allowed"))} == {
        **{("mode", layer): "on" for layer in ("disk", "memory", "live")},
        **{(f"allowedFactors.{factor}", layer): "on" for factor in ("SecurityQuestions", "EmailOTP") for layer in ("disk", "memory")},
        **{("emailOTP.senderAddress", layer): "jenkins@lab.invalid" for layer in ("disk", "memory")},
        **{("emailOTP.subject", layer): "a text of 9 characters" for layer in ("disk", "memory")},
        **{("emailOTP.template", layer): f"a text of {len(EMAIL['template'])} characters" for layer in ("disk", "memory")},
    }
    gate = {(path, layer): (before, after) for path, layer, before, after in by_layer if layer in ("gate", "start-up")}
    assert gate["gate", "gate"] == ("absent", "first in the chain")
    assert gate["gate", "start-up"] == ("absent", "this version")
    assert gate["exemptGroups", "gate"] == ("nobody", "robots")
    assert gate["apiTokens", "start-up"] == ("the plugin's own rule", "Exempt")
    assert not ended.plan["refused"]
    assert "Grüß" not in ended.out  # mail templates are never shown
    assert [standin.browser("alice").status(), (standin.home / "jenkins2fa").exists()] == [200, False]


def test_an_applied_policy_has_no_changes(commands: Commands) -> None:
    file = commands.policy(allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL)
    assert commands.run("apply", file, *GATED, "--yes").code == 0
    ended = commands.run("plan", file, *GATED)
    assert [ended.code, "Nothing would change." in ended.out] == [0, True]


def test_a_controller_managed_by_a_cluster_is_reported(commands: Commands, managed: Managed) -> None:
    managed.apply(policy())
    ended = commands.run("plan", commands.policy(), *GATED)
    assert [ended.code, "Nothing would change. Refused: OwnedElsewhere." in ended.out] == [3, True]


def test_unsupported_fields_are_reported_per_field(commands: Commands) -> None:
    file = commands.policy(
        allowedFactors=ALL_FACTORS,
        emailOTP=EMAIL,
        smsOTP={"gateway": "Twilio"},
        rememberDevice="12h",
        requireOnBuild={"window": "15m"},
        enforcedGroups=["a"],
    )
    gated, bare = (commands.run("plan", file, "-o", "json", *more).plan for more in (GATED, ()))
    assert [one["path"] for one in gated["unsupported"]] == ["allowedFactors", "smsOTP", "rememberDevice"]
    assert [one["path"] for one in bare["unsupported"]] == [
        "allowedFactors",
        "smsOTP",
        "rememberDevice",
        "enforcedGroups",
        "apiTokens",
        "requireOnBuild",
    ]
    assert "BackupCodes, DuoPush, MobileAuthenticator, SMSOTP, WebAuthn, YubiKey" in gated["unsupported"][0]["message"]
    assert "gate.mode" in bare["unsupported"][3]["message"]
    assert any(one["path"] == "allowedFactors.SecurityQuestions" for one in bare["changes"])  # the rest would be applied
    assert [bare["findings"][0]["reason"], bare["refused"]] == ["OperatorLockedOut", True]


def test_weakening_changes_are_marked_only_on_a_protected_controller(commands: Commands, managed: Managed) -> None:
    weaker = commands.policy(allowedFactors=["EmailOTP"], emailOTP=EMAIL, exemptGroups=["robots"], apiTokens="Exempt")
    assert not [one for one in commands.run("plan", weaker, *GATED, "-o", "json").plan["changes"] if one["weakens"]]
    managed.apply(policy(apiTokens="Challenge"))
    found = commands.run("plan", weaker, *GATED, "-o", "json").plan
    assert {one["path"] for one in found["changes"] if one["weakens"]} == {"allowedFactors.SecurityQuestions", "exemptGroups", "apiTokens"}
    off = commands.run("plan", commands.policy(mode="Disabled", apiTokens="Challenge"), *GATED)
    assert "1 of them weakens the protection" in off.out


@pytest.mark.parametrize(
    ("spec", "reasons"),
    [
        ({}, ["ApiTokensExempt"]),
        ({"apiTokens": None}, ["ApiTokensChallenged"]),
        ({"apiTokens": "Challenge"}, []),
        ({"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL}, ["UsersWithoutAddress", "ApiTokensExempt"]),
        ({"enforcedGroups": ["nobody-at-all"]}, ["ApiTokensExempt", "GroupUnverified"]),
        ({"enforcedGroups": ["authenticated"]}, ["ApiTokensExempt"]),
        ({"minimumAssurance": "AAL2", "allowedFactors": ["WebAuthn"]}, ["NoFactor", "AssuranceNotMet", "ApiTokensExempt"]),
        ({"allowedFactors": ["WebAuthn"]}, ["NoFactor", "ApiTokensExempt"]),
    ],
)
def test_findings_are_listed(managed: Managed, spec: dict[str, object], reasons: list[str]) -> None:
    assert managed.reasons(policy(**spec)) == reasons


def test_audit_mode_says_that_nothing_is_written(commands: Commands) -> None:
    ended = commands.run("plan", commands.policy(mode="Audit"), *GATED)
    assert [ended.code, "mode is Audit: nothing is written" in ended.out] == [2, True]


def test_one_of_several_policies_is_chosen_by_name(commands: Commands) -> None:
    commands.policy("one")
    commands.policy("two", mode="Disabled")
    both = commands.run("plan", commands.folder, *GATED)
    assert [both.code, both.err.strip()] == [1, "Error: the files hold 2 policies (one, two): choose one with --policy NAME"]
    assert commands.run("plan", commands.folder, *GATED, "--policy", "two", "-o", "json").plan["policy"]["name"] == "two"
    assert "no TwoFactorPolicy called three" in commands.run("plan", commands.folder, "--policy", "three").err


def test_an_instance_in_the_files_provides_url_and_gate(commands: Commands) -> None:
    commands.policy()
    commands.instance(gate={"mode": "Managed"})
    ended = commands.run("plan", commands.folder, "-o", "json", environment={"JENKINS_URL": ""})
    assert [ended.code, ended.plan["unsupported"], ended.plan["jenkins"]["edition"]] == [2, [], "Free"]
    commands.instance("second")
    assert "the files hold 2 instances" in commands.run("plan", commands.folder).err
    chosen = commands.run("plan", commands.folder, "--secrets", commands.folder, "--policy", "policy")
    assert [chosen.code, "--policy and --gate are for one controller" in chosen.err] == [1, True]


def test_standard_input_and_a_token_from_a_file(commands: Commands) -> None:
    body = commands.policy().read_text()
    token = commands.folder / "token"
    token.write_text(f"{commands.managed.account[1]}\n")
    assert commands.run("plan", "-", "--token-file", token, *GATED, text=body, environment={"JENKINS_TOKEN": ""}).code == 2


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"JENKINS_TOKEN": ""}, "no API token"),
        ({"JENKINS_USER": ""}, "no account"),
        ({"JENKINS_URL": ""}, "no controller"),
        ({"JENKINS_URL": "http://jenkins.example.com/"}, "must use https"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(commands: Commands, environment: dict[str, str], said: str) -> None:
    ended = commands.run("plan", commands.policy(), environment=environment)
    assert [ended.code, ended.out, len(ended.err.strip().splitlines())] == [1, "", 1]
    assert said in ended.err


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"JENKINS_TOKEN": "not-the-token-at-all"}, "Unauthorized: Jenkins refused the user name or API token (401)"),
        ({"JENKINS_URL": "http://127.0.0.1:9/"}, "Unreachable: 127.0.0.1:9: connection refused"),
    ],
)
def test_a_controller_that_cannot_be_read_is_a_row_and_exit_code_1(commands: Commands, environment: dict[str, str], said: str) -> None:
    ended = commands.run("plan", commands.policy(), "-o", "json", environment=environment)
    (row,) = ended.document["instances"]
    assert [ended.code, row["verdict"], row["plan"]] == [1, "Unknown", None]
    assert f"{row['reason']}: {row['message']}".startswith(said)
    assert "not-the-token-at-all" not in ended.out + ended.err


def test_invalid_files_and_wrong_usage_are_errors(commands: Commands, tmp_path: Path) -> None:
    wrong = commands.write(
        "wrong.yaml", {"kind": "TwoFactorPolicy", "metadata": {"name": "x"}, "spec": {"instanceSelector": {}, "mode": "Enforced"}}
    )
    ended = commands.run("plan", wrong)
    assert ended.code == 1
    assert "wrong.yaml:1" in ended.err
    assert "mode" in ended.err
    assert [commands.run("plan", tmp_path / "none.yaml").code, commands.run("plan").code, commands.run("plan", "--nonsense").code] == [
        1,
        1,
        1,
    ]
    wrong.write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n")
    assert "no TwoFactorPolicy" in commands.run("plan", wrong).err


def test_an_account_without_administer_is_an_error(commands: Commands, standin: StandIn) -> None:
    ended = commands.run("plan", commands.policy(), environment={"JENKINS_USER": "alice", "JENKINS_TOKEN": standin.tokens["alice"]})
    assert [ended.code, "Forbidden: the account lacks Jenkins' Administer permission" in " ".join(ended.out.split())] == [1, True]


def test_the_json_output_has_a_stable_digest(commands: Commands) -> None:
    first, second = (commands.run("plan", commands.policy(), *GATED, "-o", "json").out for _ in range(2))
    assert json.loads(first) == json.loads(second)
    assert len(json.loads(first)["instances"][0]["plan"]["digest"]) == 12
