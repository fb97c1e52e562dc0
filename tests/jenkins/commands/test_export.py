"""`jenkins2fa export` describes the controller: a plan of its files has no changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from jenkins2fa.cli.yaml_writing import names_for
from tests.jenkins.conftest import managed_of, shared
from tests.support.commands import Commands, Ended
from tests.support.doors import Doors
from tests.support.managed import CLUSTER, EMAIL, Managed, policy
from tests.support.standin import StandIn

DEAD = "http://127.0.0.1:9/"


def off(managed: Managed) -> None:
    """As after the first start."""


def a_factor_by_hand(managed: Managed) -> None:
    """An administrator has selected a factor on the web page, and not switched 2FA on yet."""
    managed.console(
        "import io.jenkins.plugins.twofactor.jenkins.*\n"
        "def config = MoGlobalConfig.get(); config.setEnableSecurityQuestionsAuthentication(true); config.save()"
    )


def mail_with_texts(managed: Managed) -> None:
    managed.apply(policy(allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL))


def mail_without_texts(managed: Managed) -> None:
    managed.apply(policy(allowedFactors=["EmailOTP"], emailOTP={"senderAddress": "a@lab.invalid"}))


def gate_with_groups(managed: Managed) -> None:
    managed.apply(
        policy(enforcedGroups=["Devs", "Ops: 1"], exemptGroups=["robots, #2"], apiTokens="Challenge", requireOnBuild={"window": "90m"})
    )


def switched_off_again(managed: Managed) -> None:
    managed.apply(policy(exemptGroups=["robots"]))
    managed.apply(policy(exemptGroups=["robots"], mode="Disabled"))


def own_rule_for_tokens(managed: Managed) -> None:
    managed.apply(policy(apiTokens=None))


STATES = (off, a_factor_by_hand, mail_with_texts, mail_without_texts, gate_with_groups, switched_off_again, own_rule_for_tokens)


def export(commands: Commands, *arguments: str) -> Ended:
    return commands.run("export", commands.managed.connection.url, *arguments)


def documents(text: str) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def released(managed: Managed) -> None:
    """A controller without owner: the owner record is removed, as if somebody edited our file."""
    managed.console(
        "def note = new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json')\n"
        "def held = note.file ? new groovy.json.JsonSlurperClassic().parse(note).subMap(['hold']) : null\n"
        "if (held != null) note.text = groovy.json.JsonOutput.toJson(held)"
    )


@pytest.mark.parametrize("as_is", [False, True], ids=["report", "as-is"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_an_exported_policy_needs_no_changes(commands: Commands, managed: Managed, state: Callable[[Managed], None], as_is: bool) -> None:
    state(managed)
    released(managed)
    written = export(commands, *(["--as-is"] if as_is else []))
    assert [written.code, "Cannot be expressed" in written.out] == [0, False], written.out
    file = commands.folder / "exported.yaml"
    file.write_text(written.out, encoding="utf-8")
    assert commands.run("validate", file).code == 0
    planned = commands.run("plan", file, "-o", "json")
    assert [planned.code, planned.plan["changes"], planned.plan["unsupported"]] == [0, [], []], planned.out
    on = bool(managed.observe().live)
    spec = documents(written.out)["TwoFactorPolicy"]["spec"]
    assert [spec["mode"], spec.get("suspend", False)] == {
        (False, True): ["Audit", False],
        (False, False): ["Disabled", True],
        (True, True): ["Enforce", False],
        (True, False): ["Disabled", False],
    }[as_is, on]
    assert planned.plan["mode"] == ("WRITE" if as_is else "AUDIT" if on else "SUSPENDED")


def test_an_export_without_a_gate_needs_the_seed_of_the_account(
    commands: Commands, managed: Managed, standin: StandIn, tmp_path: Path
) -> None:
    seed = tmp_path / "seed"
    seed.write_text("the-seed-of-these-tests-only-0123456789")
    file = commands.policy(apiTokens=None)
    assert commands.run("apply", file, "--yes", "--second-factor-seed-file", seed).code == 3  # PluginAlone
    standin.groovy("new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json').delete()")
    without = export(commands)
    assert [without.code, "ChallengedBySecondFactor" in without.out] == [1, True]
    written = export(commands, "--second-factor-seed-file", str(seed))
    assert documents(written.out)["TwoFactorPolicy"]["spec"]["mode"] == "Audit"
    assert documents(written.out)["JenkinsInstance"]["spec"]["gate"] == {"mode": "None"}
    file.write_text(written.out)
    assert commands.run("plan", file, "--second-factor-seed-file", seed).code == 0


def test_nothing_secret_is_exported(commands: Commands, managed: Managed) -> None:
    written = export(commands)
    assert documents(written.out)["Secret"]["stringData"] == {
        "host": managed.connection.url.split("/")[2], "username": "admin", "token": "",
    }  # fmt: skip
    assert managed.account[1] not in written.out + written.err


def test_settings_without_a_field_are_exported_as_comments(commands: Commands, managed: Managed) -> None:
    mail_with_texts(managed)
    managed.console(
        "import io.jenkins.plugins.twofactor.jenkins.*\n"
        "MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(false)\n"
        "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
    )
    written = export(commands)
    comments = [line for line in written.out.splitlines() if line.startswith("# Cannot be expressed")]
    assert written.code == 3
    assert any("settings on disk differ" in line for line in comments)
    assert any("live flag is off" in line for line in comments)


def test_comments_about_a_policy_stand_above_it(commands: Commands, managed: Managed) -> None:
    managed.apply(policy())
    managed.console(
        "import io.jenkins.plugins.twofactor.jenkins.*\n"
        "def config = MoGlobalConfig.get(); config.setEnableSecurityQuestionsAuthentication(false); config.save()"
    )
    written = export(commands, "--as-is")
    above, _, rest = written.out.partition("kind: TwoFactorPolicy\n")
    assert [written.code, "Cannot be expressed" in rest] == [3, False], written.out
    assert "# Cannot be expressed: 2FA is on without any factor" in above


@pytest.mark.parametrize(("plugin", "word"), [("missing", "not installed"), ("disabled", "disabled")])
def test_no_policy_is_exported_without_the_plugin(plugin: Any, word: str) -> None:
    with StandIn(plugin=plugin) as bare:
        result = CliRunner().invoke(main, ["export", bare.url], env={"JENKINS_USER": "admin", "JENKINS_TOKEN": bare.tokens["admin"]})
    assert [result.exit_code, set(documents(result.stdout))] == [3, {"JenkinsInstance", "Secret"}]
    assert f"miniorange-two-factor is {word}" in result.stdout


def test_an_export_can_take_over_from_another_owner(commands: Commands, managed: Managed) -> None:
    managed.apply(policy())
    owner = f"{CLUSTER}/{managed.instance.meta.uid}"
    written = export(commands, "--as-is")
    file = commands.folder / "exported.yaml"
    file.write_text(written.out, encoding="utf-8")
    refused = commands.run("plan", file, "-o", "json")
    assert [refused.code, refused.plan["changes"], refused.plan["refused"]] == [3, [], True]
    comment = next(line for line in written.out.splitlines() if line.startswith("# annotations:"))
    body = list(yaml.safe_load_all(written.out))
    for one in body:
        if one["kind"] == "JenkinsInstance":
            one["metadata"] |= yaml.safe_load(comment.removeprefix("#").strip())
    file.write_text(yaml.safe_dump_all(body), encoding="utf-8")
    assert commands.run("plan", file).code == 0
    file.write_text(written.out.replace("allowedFactors:\n", "exemptGroups: [robots]\n  allowedFactors:\n"), encoding="utf-8")
    assert commands.run("apply", file, "--yes").code == 3
    assert managed.observe().owner is not None
    assert commands.run("apply", file, "--yes", "--take-over", owner).code == 0
    seen = managed.observe()
    assert seen.owner is not None
    assert [seen.owner.name == owner, seen.gate.settings and seen.gate.settings.exempt_groups] == [False, frozenset({"robots"})]


def test_a_list_with_unreachable_controllers(tmp_path: Path, javax_standin: StandIn) -> None:
    with StandIn(flavour="javax", context_path="/ci") as second:
        managed_of(second).apply(policy())
        (tmp_path / "list.csv").write_text(
            f"url,username,token_env\n{javax_standin.url},admin,ONE\n{DEAD},admin,ONE\n{second.url},admin,SECOND\n", encoding="utf-8"
        )
        environment = {"ONE": javax_standin.tokens["admin"], "SECOND": second.tokens["admin"]}
        command = ["export", str(tmp_path / "list.csv"), "--output-dir", str(tmp_path / "out"), "-n", "team"]
        result = CliRunner().invoke(main, command, env=environment)
        assert [result.exit_code, result.stdout] == [1, ""]
        assert f"{DEAD} could not be read: Unreachable" in result.stderr
        files = sorted((tmp_path / "out").iterdir())
        assert len(files) == 2
        assert files[0].name.startswith("127-0-0-1-")
        for file in files:
            found = documents(file.read_text(encoding="utf-8"))
            assert {one["metadata"]["namespace"] for one in found.values()} == {"team"}
            selector = found["TwoFactorPolicy"]["spec"]["instanceSelector"]["matchLabels"]
            assert selector == found["JenkinsInstance"]["metadata"]["labels"]
        again = CliRunner().invoke(main, command, env=environment)
        assert [again.exit_code, "exists already" in again.stderr] == [1, True]


def test_an_export_fails_if_no_controller_could_be_read(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["export", DEAD], env={"JENKINS_USER": "admin", "JENKINS_TOKEN": "a-token"})
    assert [result.exit_code, result.stdout.startswith("# http://127.0.0.1:9/ could not be read: Unreachable")] == [1, True]


def alike(jenkins: StandIn, doors: Doors, **spec: Any) -> dict[str, str]:
    """Give the controller a policy and no owner; returns the token for each of its URLs."""
    managed = managed_of(jenkins)
    managed.apply(policy(**spec))
    released(managed)
    return dict.fromkeys(doors.urls, jenkins.tokens["admin"])


@pytest.fixture
def three(_kept: dict[str, StandIn]) -> tuple[StandIn, StandIn, StandIn]:
    return shared(_kept, "jakarta", "own"), shared(_kept, "javax", "own"), shared(_kept, "jakarta", "groups")


def test_a_hundred_controllers_with_mostly_the_same_settings(tmp_path: Path, three: tuple[StandIn, StandIn, StandIn]) -> None:
    """Three controllers under a hundred URLs. In the files exactly one policy selects each instance, and nothing changes."""
    first, second, third = three
    with Doors(first.url, 70) as many, Doors(second.url, 29) as some, Doors(third.url, 1) as single:
        tokens = alike(first, many) | alike(second, some, exemptGroups=["robots"]) | alike(third, single, enforcedGroups=["Devs"])
        accounts = {f"TOKEN_{number}": url for number, url in enumerate(tokens)}
        environment = {name: tokens[url] for name, url in accounts.items()}
        rows = [f"{url},admin,{name}\n" for name, url in accounts.items()]
        (tmp_path / "list.csv").write_text("url,username,token_env\n" + "".join(rows), encoding="utf-8")
        command = ["export", str(tmp_path / "list.csv"), "--output-dir", str(tmp_path / "out"), "-n", "team"]
        ended = CliRunner().invoke(main, command, env={**environment, "FORCE_COLOR": "1"})  # as on a terminal
        assert [ended.exit_code, "100/100" in ended.stderr] == [0, True], ended.output
        assert re.search(r"100 of 100 controllers were read in [0-9.]+ s. Policies: 3, of which 2 for 99 ", ended.stderr)
        files = sorted(file.name for file in (tmp_path / "out").iterdir())
        assert [len(files), [file.startswith("00-shared--") for file in files[:3]]] == [102, [True, True, False]]
        assert _governed(tmp_path, accounts, environment) == [1, 29, 70]


def _governed(folder: Path, accounts: dict[str, str], environment: dict[str, str]) -> list[int]:
    """How many instances each policy governs, by a plan of the files that must have no changes."""
    variables = {url.split("://")[1].rstrip("/"): name for name, url in accounts.items()}
    for file in (folder / "out").iterdir():
        whole = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        for one in (one for one in whole if one["kind"] == "Secret"):
            one["stringData"]["token"] = f"$({variables[one['stringData']['host']]})"
        file.write_text(yaml.safe_dump_all(whole), encoding="utf-8")
    command = ["plan", str(folder / "out"), "--secrets", str(folder / "out"), "-n", "team", "-o", "json"]
    planned = CliRunner().invoke(main, command, env={**environment, "JENKINS_URL": ""})
    assert planned.exit_code == 0, planned.output
    rows = json.loads(planned.stdout)["instances"]
    assert [row for row in rows if row["overridden"] or row["verdict"] != "NoChange" or row["plan"]["changes"]] == []
    return sorted(Counter(row["plan"]["policy"]["name"] for row in rows).values())


def test_existing_files_are_not_overwritten(commands: Commands, managed: Managed) -> None:
    folder = commands.folder / "out"
    with Doors(managed.connection.url, 2) as doors:
        names = names_for(doors.urls)
        folder.mkdir()
        kept = folder / f"{names[doors.urls[1]]}.yaml"
        kept.write_text("mine", encoding="utf-8")
        ended = commands.run("export", *doors.urls, "--output-dir", folder)
    assert [ended.code, "exists already" in ended.err] == [1, True]
    assert [list(folder.iterdir()), kept.read_text(encoding="utf-8")] == [[kept], "mine"]
