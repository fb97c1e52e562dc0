"""How 2FA affects scripts of Jenkins users, with the client library that many of them use (python-jenkins)."""

from __future__ import annotations

from typing import Any

import jenkins as python_jenkins
import pytest

from tests.support.managed import Managed, policy
from tests.support.standin import StandIn


def client(standin: StandIn, name: str) -> Any:
    return python_jenkins.Jenkins(standin.url, username=name, password=standin.tokens[name], timeout=10)


def test_scripts_work_if_tokens_are_exempt(javax_standin: StandIn) -> None:
    Managed(javax_standin.url, "admin", javax_standin.tokens["admin"]).apply(policy(apiTokens="Exempt"))
    script = client(javax_standin, "alice")
    assert script.get_whoami()["id"] == "alice"
    assert [job["name"] for job in script.get_all_jobs()] == ["x"]


def test_scripts_get_a_page_if_tokens_are_challenged(javax_standin: StandIn) -> None:
    Managed(javax_standin.url, "admin", javax_standin.tokens["admin"]).apply(policy(apiTokens="Challenge"))
    with pytest.raises(ValueError):  # the library follows the redirect and gets a page instead of JSON
        client(javax_standin, "alice").get_whoami()
