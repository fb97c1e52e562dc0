"""Which controller a command line names: the token is sent there and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main

INSTANCE = """\
apiVersion: jenkins2fa.dev/v1alpha1
kind: JenkinsInstance
metadata: {name: build}
spec: {url: "http://127.0.0.1:9/", credentialsRef: {name: build}, gate: {mode: Managed}}
"""
POLICY = """\
apiVersion: jenkins2fa.dev/v1alpha1
kind: TwoFactorPolicy
metadata: {name: production}
spec: {instanceSelector: {}, mode: Enforce, allowedFactors: [{type: SecurityQuestions}]}
"""
MEANT = "Unreachable: 127.0.0.1:9: connection refused"


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("instance", "arguments", "environment", "message"),
    [
        (True, (), None, MEANT),
        (True, (), "http://127.0.0.1:7/", MEANT),  # this runs in a build of some controller
        (True, ("--url", "http://127.0.0.1:8/"), None, "127.0.0.1:8: connection refused"),
        (True, ("--url", "http://jenkins.example.com/"), None, "--url must use https"),
        (True, ("--url", "https://admin:secret@jenkins.example.com/"), None, "--url must not carry a user"),
        (False, (), "http://127.0.0.1:7/", "127.0.0.1:7: connection refused"),
        (False, (), "http://jenkins.example.com/", "--url must use https"),
        (False, (), None, "no controller"),
    ],
)
def test_the_token_is_sent_only_to_the_named_controller(
    command: str, instance: bool, arguments: tuple[str, ...], environment: str | None, message: str, tmp_path: Path
) -> None:
    (tmp_path / "files.yaml").write_text(f"{INSTANCE}---\n{POLICY}" if instance else POLICY, encoding="utf-8")
    found = CliRunner().invoke(
        main, [command, str(tmp_path), *arguments], env={"JENKINS_URL": environment, "JENKINS_USER": "admin", "JENKINS_TOKEN": "token"}
    )
    assert (found.exit_code, message in found.output) == (1, True), found.output
