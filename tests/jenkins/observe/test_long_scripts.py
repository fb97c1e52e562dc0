"""Data for Jenkins may be longer than Groovy's limit for one literal."""

from __future__ import annotations

import contextlib

from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.scripts import LONGEST_LITERAL, OBSERVE
from tests.support.managed import Managed


def test_a_call_longer_than_a_groovy_literal_arrives_complete(managed: Managed) -> None:
    names = [f"group-{number:05}" for number in range(LONGEST_LITERAL // 5)]
    with contextlib.closing(Console(managed.connection)) as console:
        answer = console.run(OBSERVE, groups=[*names, "authenticated"], users=False)
    assert answer["groups"]["known"] == ["authenticated"]
