"""The fast fake of a fleet behaves like the stand-in: the same calls to both give the same observations, outcomes and refusals.

Measurements with a thousand fakes are as reliable as this comparison.
"""

from __future__ import annotations

import contextlib
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from deepdiff import DeepDiff

from jenkins2fa.api.policy import DeletionPolicy, TwoFactorPolicy
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.jenkins.change import carry_out
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from tests.jenkins.conftest import managed_of
from tests.support.actions import ANONYMOUS_ADMINISTERS, ANONYMOUS_DOES_NOT, take_gate_out
from tests.support.fleet.jenkins import FakeJenkins
from tests.support.fleet.serving import served
from tests.support.managed import EMAIL, OTHER, Managed, policy
from tests.support.standin import StandIn

UNIX_EPOCH = datetime.fromtimestamp(0, UTC)
POLICIES = (
    policy(),
    policy(exemptGroups=["robots"], apiTokens="Exempt"),
    policy(allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP=EMAIL, enforcedGroups=["authenticated"]),
    policy(mode="Disabled"),
)
FORM = """
def config = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
config.setEnableTfa(ENABLED); config.setEnableSecurityQuestionsAuthentication(QUESTIONS); config.@otpOverEmailDto = null
config.save()
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = ENABLED"""


@dataclass
class Pair:
    """The same Jenkins twice. ``trial``: of the change that was begun last."""

    real: Managed
    standin: StandIn
    fake: Managed
    imitated: FakeJenkins
    trial: str = "none"

    def both(self, work: Callable[[Managed], Any]) -> None:
        """Do something at both, and see that it ends alike and leaves the same behind."""
        found = [_outcome(lambda one=one: work(one)) for one in (self.real, self.fake)]
        assert DeepDiff(*found) == {}, f"stand-in: {found[0]}\nfake: {found[1]}"

    def observe(self, groups: tuple[str, ...] = ("authenticated",)) -> None:
        self.both(lambda one: _comparable(one.observe(groups=groups, users=True)))
        self.both(lambda one: _comparable(_directly_observed(one, groups)))

    def begin(self, desired: TwoFactorPolicy, owner: Owner | None = None, take_over: str | None = None) -> None:
        self.trial = _name()
        self.both(lambda one: _begun(one, desired, self.trial, owner, take_over))

    def apply(self, desired: TwoFactorPolicy) -> None:
        """The whole change, as the operator makes it."""
        self.trial = _name()
        self.both(lambda one: _applied(one, desired, self.trial))

    def form(self, *, enabled: bool, questions: bool) -> None:
        values = {"ENABLED": str(enabled).lower(), "QUESTIONS": str(questions).lower()}
        text = FORM
        for name, value in values.items():
            text = text.replace(name + ")", value + ")").replace("= " + name, "= " + value)
        self.standin.groovy(text)
        self.imitated.save_form(enabled=enabled, questions=questions)

    def restart(self) -> None:
        self.standin.restart()
        self.imitated.restart()

    def take_gate_out(self) -> None:
        take_gate_out(self.standin, for_good=True)
        self.imitated.take_gate_out()


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except JenkinsError as problem:
        return type(problem).__name__, problem.reason


def _name() -> str:
    return f"trial-{secrets.token_hex(4)}"


def _applied(managed: Managed, desired: TwoFactorPolicy, trial: str) -> Proof:
    order = replace(managed.order(desired), trial=trial)
    return carry_out(lambda: driver_for(managed.connection), order).proof


def _begun(managed: Managed, desired: TwoFactorPolicy, trial: str, owner: Owner | None, take_over: str | None) -> None:
    order = managed.order(desired, take_over)
    with managed.driver() as driver:
        driver.begin(
            trial,
            order.desired,
            owner or order.owner,
            order.deletion,
            with_gate=True,
            take_over=take_over,
            corrects=order.corrects,
        )


def _directly_observed(managed: Managed, groups: tuple[str, ...]) -> Observation:
    with managed.driver() as driver:
        return driver.observe(groups=groups, by_gate=True)


def _comparable(seen: Observation) -> Observation:
    """Without what differs between any two controllers: version, identity, session, address, times, and users."""
    trial = replace(seen.trial, until=None)
    counts = {path: len(times) for path, times in seen.corrections.items()}
    return replace(seen, version="", identity="", session="", trial=trial, corrections=counts, enrolment=None, clock_ahead=None)  # type: ignore[arg-type]


@pytest.fixture
def pair(javax_standin: StandIn) -> Iterator[Pair]:
    with served() as (fake, imitated):
        yield Pair(managed_of(javax_standin), javax_standin, fake, imitated)


def test_a_change_from_its_beginning_to_its_confirmation(pair: Pair) -> None:
    pair.observe()
    for desired in POLICIES:
        pair.begin(desired)
        pair.observe()
        pair.both(lambda one: one.probe())
        pair.both(lambda one: one.confirm(pair.trial))
        pair.observe()
        pair.both(lambda one: one.confirm(pair.trial))


def test_a_complete_change_by_the_operator(pair: Pair) -> None:
    for desired in (*POLICIES, *POLICIES):
        pair.apply(desired)
        pair.observe()


def test_changes_that_are_undone(pair: Pair) -> None:
    pair.begin(POLICIES[0])
    pair.both(lambda one: one.cancel(pair.trial))
    pair.both(lambda one: one.cancel(pair.trial))
    pair.observe()
    pair.apply(POLICIES[1])
    pair.begin(POLICIES[2])
    pair.both(lambda one: one.cancel(pair.trial))
    pair.observe()
    pair.both(lambda one: one.confirm("another"))


def test_a_second_trial_is_refused(pair: Pair) -> None:
    first = pair.trial
    pair.begin(POLICIES[0])
    pair.begin(POLICIES[1])
    pair.both(lambda one: one.confirm(first))
    pair.observe()


def test_another_owner(pair: Pair) -> None:
    pair.begin(POLICIES[0], OTHER)
    pair.both(lambda one: one.confirm(pair.trial))
    pair.begin(POLICIES[1])
    pair.observe()
    pair.begin(POLICIES[1], take_over=OTHER.name)
    pair.observe()


@pytest.mark.parametrize("deletion", list(DeletionPolicy))
@pytest.mark.parametrize("saved", [False, True], ids=["never saved", "saved before"])
def test_release(pair: Pair, deletion: DeletionPolicy, saved: bool) -> None:
    if saved:
        pair.form(enabled=False, questions=True)
    pair.apply(POLICIES[2])

    def release(managed: Managed) -> None:
        with managed.driver() as driver:
            driver.release(deletion)

    pair.both(release)
    pair.observe()


def test_changes_by_others(pair: Pair) -> None:
    pair.apply(POLICIES[1])
    pair.form(enabled=True, questions=False)
    pair.observe()
    pair.both(lambda one: one.probe())
    pair.form(enabled=False, questions=True)
    pair.observe()
    pair.apply(POLICIES[1])
    pair.begin(POLICIES[2])
    pair.form(enabled=True, questions=False)
    pair.both(lambda one: one.confirm(pair.trial))
    pair.observe()
    pair.apply(POLICIES[1])
    pair.take_gate_out()
    pair.observe()  # the operator is locked out


def test_restarts(pair: Pair) -> None:
    pair.apply(POLICIES[1])
    pair.restart()
    pair.observe()
    pair.begin(POLICIES[2])
    pair.restart()
    pair.observe()
    pair.both(lambda one: one.confirm(pair.trial))


def test_break_glass(pair: Pair) -> None:
    until, longest = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1), timedelta(hours=4)

    def opened(managed: Managed, reason: str, longest: timedelta = longest) -> datetime | None:
        with managed.driver() as driver:
            return driver.open_break_glass(until, reason, longest, keep=True)

    def closed(managed: Managed) -> None:
        with managed.driver() as driver:
            driver.close_break_glass()

    def observe() -> None:
        pair.both(lambda one: _without_moments(_comparable(one.observe(groups=("authenticated",)))))
        pair.both(lambda one: one.probe())

    pair.apply(POLICIES[1])
    pair.both(lambda one: opened(one, "INC-1"))
    observe()
    pair.restart()
    observe()
    pair.both(closed)
    observe()
    pair.both(lambda one: opened(one, "INC-1", timedelta(0)))  # its reason is used up
    observe()
    pair.both(lambda one: opened(one, "INC-2"))
    observe()
    with contextlib.ExitStack() as stack:
        for one in (pair.real, pair.fake):
            stack.enter_context(one.driver()).release(DeletionPolicy.RETAIN)
    observe()


def _without_moments(seen: Observation) -> Observation:
    return replace(seen, break_glass_times=tuple((UNIX_EPOCH, UNIX_EPOCH) for _ in seen.break_glass_times))


@pytest.mark.parametrize(
    ("gone", "plugin"),
    [
        ({"plugin": "missing"}, {"installed": False, "active": False, "version": None}),
        ({"plugin": "disabled"}, {"active": False}),
        ({"pluginVersion": "1.3.0"}, {"version": "1.3.0"}),
    ],
    ids=["removed", "disabled", "another version"],
)
def test_a_missing_or_unsupported_plugin(pair: Pair, gone: dict[str, str], plugin: dict[str, Any]) -> None:
    pair.apply(POLICIES[1])
    try:
        pair.standin.faults(**gone)
        pair.imitated.plugin |= plugin
        pair.restart()
        pair.observe()
        pair.both(lambda one: one.probe())
    finally:
        pair.standin.faults(plugin="enabled", pluginVersion="1.2.0")
        pair.imitated.plugin |= {"installed": True, "active": True, "version": "1.2.0"}
        pair.restart()
    pair.observe()
    pair.both(lambda one: one.probe())


def test_anonymous_users_may_administer(pair: Pair) -> None:
    try:
        pair.standin.groovy(ANONYMOUS_ADMINISTERS)
        pair.imitated.anonymous_administers = True
        pair.observe()
    finally:
        pair.standin.groovy(ANONYMOUS_DOES_NOT)


@pytest.mark.parametrize("seed", range(4))
def test_random_sequences_of_actions(pair: Pair, seed: int) -> None:
    chance = random.Random(seed)
    moves: list[Callable[[], None]] = [
        lambda: pair.begin(chance.choice(POLICIES)),
        lambda: pair.both(lambda one: one.confirm(pair.trial)),
        lambda: pair.both(lambda one: one.cancel(pair.trial)),
        lambda: pair.form(enabled=chance.random() < 0.5, questions=chance.random() < 0.5),
        lambda: pair.both(lambda one: one.probe()),
    ]
    for _ in range(12):
        chance.choice(moves)()
        pair.observe()


def test_a_wrong_token(pair: Pair) -> None:
    pair.both(lambda one: _outcome(lambda: Managed(one.connection.url, "admin", "wrong").observe()))
