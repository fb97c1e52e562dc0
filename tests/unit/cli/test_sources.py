"""The input of a plan, from files or a cluster: Secrets of `--secrets`, and invalid policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.api.parse import parse_instance
from jenkins2fa.api.references import ReferenceUnreadable
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.cli.plan.sources import SecretFiles, governing_policies
from jenkins2fa.core.precedence import resolve
from tests.support.event_bench import instance, policy

KEY = Key("team", "build")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.yaml"


def put(file: Path, *bodies: dict[str, Any]) -> SecretFiles:
    whole = ({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "team", "name": "build"}, **body} for body in bodies)
    file.write_text("\n---\n".join(map(json.dumps, whole)), encoding="utf-8")
    return SecretFiles((str(file),), "default")


def test_secret_data_and_string_data_are_read_as_in_a_cluster(file: Path) -> None:
    held = put(file, {"data": {"host": "aG9zdA==", "token": "b2xk", "binary": "/w=="}, "stringData": {"token": "new", "number": 7}})
    assert held.read("Secret", KEY) == {"host": "host", "token": "new"}


def test_a_variable_replaces_a_whole_value(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", " s3cret\n")
    monkeypatch.delenv("ABSENT", raising=False)
    assert put(file, {"stringData": {"token": "$(TOKEN)", "other": "x$(TOKEN)"}}).read("Secret", KEY) == {
        "token": "s3cret",
        "other": "x$(TOKEN)",
    }
    with pytest.raises(ReferenceUnreadable, match="key token: the environment variable ABSENT is empty or not set"):
        put(file, {"stringData": {"token": "$(ABSENT)"}}).read("Secret", KEY)


def test_an_authority_is_read_from_a_config_map(file: Path) -> None:
    held = put(file, {"kind": "ConfigMap", "data": {"ca.crt": "PEM"}})
    assert held.read("ConfigMap", KEY) == {"ca.crt": "PEM"}
    with pytest.raises(ReferenceUnreadable, match="no Secret team/build in the files of --secrets"):
        held.read("Secret", KEY)


def test_an_object_without_a_namespace_gets_that_of_the_command(file: Path) -> None:
    held = put(file, {"metadata": {"name": "build"}, "stringData": {"token": "t"}})
    assert held.read("Secret", Key("default", "build")) == {"token": "t"}


def test_unreadable_input_is_an_error_that_does_not_quote_it(file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the Secret team/build is in the files of --secrets twice"):
        put(file, {"stringData": {"token": "a"}}, {"stringData": {"token": "b"}})
    with pytest.raises(CommandError, match=r"--secrets .*absent\.yaml: there is no such file or folder"):
        SecretFiles((str(tmp_path / "absent.yaml"),), "default")
    file.write_text("stringData: {token: *s3cret}\n")
    with pytest.raises(CommandError, match=r"secrets\.yaml:1: is not valid YAML") as raised:
        SecretFiles((str(file),), "default")
    assert "s3cret" not in str(raised.value)


def test_an_invalid_policy_keeps_its_instances_from_the_next_policy() -> None:
    notes: list[str] = []
    bodies = {("team", "broken"): policy("broken", spec={"mode": "Perhaps", "priority": 5}), ("team", "next"): policy("next")}
    found = governing_policies(bodies, notes)
    winner = resolve(parse_instance(instance()), found, {}).winner
    assert winner is not None
    assert [winner.meta.name, winner.invalid] == ["broken", True]
    assert len(notes) == 1
    assert notes[0].startswith("TwoFactorPolicy team/broken is invalid: spec.mode")


def test_a_policy_with_an_unreadable_selector_is_only_noted() -> None:
    notes: list[str] = []
    assert governing_policies({("team", "broken"): policy("broken", selector={"matchLabels": 7})}, notes) == ()
    assert len(notes) == 1
