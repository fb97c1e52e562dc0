"""A failing gate exempts nobody, opens nothing and breaks nothing, even where the plugin's own filter is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from tests.support.gated import gate, gated, groovy, verified
from tests.support.standin import Browser, StandIn

BEHIND = ("/", "/api/json", "/queue/api/json", "/log", "/job/x/", "/user/alice/", "/descriptorByName/x", "/manage/")
BOOM = """def boom = new HashSet() {
    boolean contains(Object o) { throw new %s('lab') }
    boolean isEmpty() { throw new %s('lab') }
    boolean addAll(Collection more) { throw new %s('lab') }
}
boom.add('x')
"""
POISONS = {
    "groups": "state.config = state.config + [exemptGroups: boom]",
    "realm": "state.config = state.config + [realm: null, raw: [exemptGroups: 5]]",
    "no rules": "state.remove('config')",
    "rules of another kind": "state.config = boom",
    "words": "state.config = state.config + [build: [millis: 1L, once: false, words: boom], exemptGroups: [] as Set, exemptTokens: false]",
    "seen groups": "state.seenGroups = boom",
}
BROKEN_PROPERTY = """import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig
def broken = new MoSecurityQuestionConfig() { boolean isConfigured() { throw new IllegalStateException('lab') } }
hudson.model.User.get('root').@properties.put(MoSecurityQuestionConfig, broken)
null"""
ERRORS = ("IllegalStateException", "StackOverflowError", "NoClassDefFoundError")


@pytest.fixture(scope="module", params=["javax", "jakarta"])
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    flavour: Literal["javax", "jakarta"] = request.param
    with StandIn(flavour=flavour, users={"root": {"password": "root-pw-1", "admin": True}}) as jenkins:
        yield jenkins


@pytest.fixture
def exempting(_kept: StandIn) -> Iterator[StandIn]:
    """A strict gate that exempts everybody, until it fails."""
    yield gated(_kept, exemptGroups=["authenticated"], exemptTokens=True)
    groovy(_kept, "context.getAttribute('tests.code')?.gate?.remove(); null")  # with the poisoned state


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("poison", POISONS)
def test_a_failing_gate_lets_nobody_pass(exempting: StandIn, poison: str, error: str) -> None:
    known, verified_one = exempting.browser("bob", "bob-pw-1"), verified_before(exempting)
    assert known.status("/job/x/") == 200
    groovy(exempting, BOOM % (error, error, error) + POISONS[poison] + "\nnull")
    for browser in (known, exempting.browser("bob"), exempting.browser("root", "root-pw-1")):
        assert {path: browser.status(path) for path in BEHIND} == dict.fromkeys(BEHIND, 302)
        assert [browser.status("/job/x/build", "POST"), browser.status("/scriptText", "POST", data={"script": "1"})] == [302, 302]
    assert [exempting.browser().status("/login"), exempting.browser().status("/"), known.status("/login")] == [200, 403, 200]
    assert verified_one.status("/job/x/") == 200  # a user verified by the plugin needs no gate
    own = exempting.browser("root", "root-pw-1")
    assert [own.status("/user/root/tfaConfiguration/"), own.status("/user/bob/tfaConfiguration/")] == [200, 302]
    assert int(groovy(exempting, "print state.gateErrors")) > 0


def verified_before(jenkins: StandIn) -> Browser:
    """Alice, verified by the plugin before the failure."""
    gate(jenkins)
    browser = verified(jenkins, "alice")
    gate(jenkins, exemptGroups=["authenticated"], exemptTokens=True)
    assert browser.status("/job/x/") == 200
    return browser


@pytest.mark.parametrize("broken", ["io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig", "the user's property"])
def test_undecidable_requests_are_refused_without_a_server_error(exempting: StandIn, broken: str) -> None:
    """The plugin's own objects fail, so the gate cannot even choose the challenge page."""
    gate(exempting)
    if broken.startswith("io"):
        groovy(
            exempting,
            "MoGlobalConfig.metaClass.isEnableSecurityQuestionsAuthentication = { -> throw new IllegalStateException('lab') }; null",
        )
    else:
        groovy(exempting, BROKEN_PROPERTY)
    root = exempting.browser("root", "root-pw-1")
    try:
        statuses = {root.status(path) for path in BEHIND}
        assert statuses <= {302, 503}, statuses
        assert [root.status("/login"), exempting.browser().status("/login")] == [200, 200]
    finally:
        groovy(exempting, "GroovySystem.metaClassRegistry.removeMetaClass(MoGlobalConfig); null")
        exempting.restart()


def test_error_answers_are_the_same_with_and_without_the_gate(exempting: StandIn) -> None:
    asked = [
        ("GET", "/nothing"),
        ("GET", "/job/x/99/"),
        ("POST", "/job/nope/build"),
        ("POST", "/createItem?name=/"),
        ("GET", "/scriptText"),
        ("HEAD", "/"),
    ]
    asked += [("POST", "/user/bob/configSubmit"), ("GET", "/computer/x"), ("GET", "/job/x/build"), ("DELETE", "/job/x/")]
    token = exempting.browser("bob")
    with_gate = [token.status(path, method) for method, path in asked]
    groovy(exempting, "context.getAttribute('tests.code').gate.remove(); MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    without = [token.status(path, method) for method, path in asked]
    assert with_gate == without
