"""A Jenkins in which everyone is asked, for the tests about second factors: one per test worker and flavour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from tests.support.gated import gated, groovy
from tests.support.standin import StandIn

USERS = {
    "carol": {"password": "carol-pw-1", "email": "carol@lab.invalid"},
    "dave": {"password": "dave-pw-1", "email": "dave@lab.invalid"},
    "root": {"password": "root-pw-1", "admin": True},
}
NOBODY = """hudson.model.User.getAll().each { user ->
    user.allProperties.findAll { it.class.name.contains('tfaMethodsConfig') }.each { user.addProperty(it.class.newInstance()) }
}
state?.attempts?.values()*.clear()
['wrongAnswers', 'limitedAnswers'].each { state?.remove(it) }
null"""


@pytest.fixture(scope="session", params=[("javax", ""), ("jakarta", "/ci")], ids=["javax", "jakarta-ci"])
def _asking(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    flavour: Literal["javax", "jakarta"] = request.param[0]
    with StandIn(flavour=flavour, context_path=request.param[1], users=USERS, smtp_host="mail.lab.invalid") as jenkins:
        yield jenkins


@pytest.fixture
def jenkins(_asking: StandIn) -> StandIn:
    """2FA by security questions, nobody enrolled, nothing guessed yet. A module may have another one of this name."""
    found = gated(_asking)
    groovy(_asking, NOBODY)
    return found
