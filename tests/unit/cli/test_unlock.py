"""`jenkins2fa unlock`: options that do not go together, before any request."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--user", "carol", "--minutes", "5"), "--minutes and --reason do not apply"),
        (("--user", "carol", "--reason", "INC-1"), "--minutes and --reason do not apply"),
        (("--user", ""), "--user is empty"),
        (("--user", "  "), "--user is empty"),
        (("--user",), "requires an argument"),
        (("--user", "carol"), "no API token"),
    ],
)
def test_wrong_options_for_one_user(options: tuple[str, ...], message: str) -> None:
    environment = {"JENKINS_URL": "http://127.0.0.1:9/", "JENKINS_USER": "root", "JENKINS_TOKEN": ""}
    result = CliRunner().invoke(main, ["unlock", *options], env=environment)
    assert [result.exit_code, message in result.output] == [1, True]


def test_the_steps_are_printed_whatever_else_is_given() -> None:
    result = CliRunner().invoke(main, ["unlock", "--steps"], env={"JENKINS_URL": "", "JENKINS_TOKEN": ""})
    assert [result.exit_code, result.output.startswith("On the host of Jenkins")] == [0, True]
