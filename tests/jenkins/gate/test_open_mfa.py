"""The gate before the plugin OpenMFA: who counts as verified, whose secret may be replaced by whom, and what the plugin's settings open.

One stand-in serves the module; it has the jakarta flavour, the only one that the plugin runs with."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pyotp
import pytest

from tests.support.gated import age, builds, gate, groovy
from tests.support.openmfa import answer, code, enrol, enrol_by_page, forget_codes, secret_of, settings, wrong_code
from tests.support.people import logged_in
from tests.support.standin import Browser, StandIn, crumb_in

USERS = {
    "carol": {"password": "carol-pw-1", "groups": ["Devs"]},
    "dave": {"password": "dave-pw-1", "groups": ["Ops"]},
    "root": {"password": "root-pw-1", "admin": True, "groups": ["Ops"]},
}
FRESH = """hudson.model.User.getAll().each { io.jenkins.plugins.openmfa.MFAUserProperty.getOrCreate(it).setSecret(null) }
state?.attempts?.values()*.clear()
['wrongAnswers', 'limitedAnswers', 'hold', 'gateErrors'].each { state?.remove(it) }
null"""
HOLD = "state.hold = [factors: ['mobileAuthenticator']]; null"
CODE = "context.getAttribute('tests.code')"
STALE = 16 * 60


@pytest.fixture(scope="module")
def _kept() -> Iterator[StandIn]:
    with StandIn(context_path="/ci", users=USERS, realm="groups", plugins=("openmfa",)) as jenkins:
        yield jenkins


@pytest.fixture
def jenkins(_kept: StandIn) -> Iterator[StandIn]:
    """Required of everyone, nobody enrolled, no code used and nothing guessed yet; no request may be a fault of the gate."""
    settings(_kept, required=True, users=[], groups=[])
    forget_codes(_kept)
    gate(_kept)
    groovy(_kept, FRESH)
    yield _kept
    assert groovy(_kept, "print state.gateError ?: ''") == ""


def place(browser: Browser, path: str = "/") -> str:
    """Where it is sent, below the context path."""
    location = browser.call(path).headers.get("Location", "")
    return location.removeprefix(urlsplit(browser.url).path)


def replace_secret(browser: Browser, owner: str, secret: str) -> int:
    """Enrols with a secret that the client has chosen."""
    form = {"x-plugin-openmfa-secret": secret, "x-plugin-openmfa-code": code(secret)}
    return browser.status(
        f"/user/{owner}/mfa-setup/enable", "POST", data=form, headers=browser.page_crumb("/mfa-login/") or browser.crumb()
    )


def post(browser: Browser, path: str, **form: str) -> int:
    return browser.status(path, "POST", data=form, headers=browser.crumb())


def verified(jenkins: StandIn, name: str) -> tuple[Browser, str]:
    """A browser with password and code, and the secret, of which the present code is used up."""
    secret, browser = enrol(jenkins, name), logged_in(jenkins, name)
    answer(browser, code(secret))
    assert browser.status() == 200
    return browser, secret


# --- who counts as verified ---


def test_people_enrol_log_in_and_give_a_code(jenkins: StandIn) -> None:
    first = logged_in(jenkins, "carol")
    assert place(first, "/job/x/") == "/user/carol/mfa-setup/"
    secret, enrolled = enrol_by_page(first)
    assert [enrolled.headers["Location"], first.status("/job/x/")] == ["/ci/user/carol/mfa-setup/?success=enabled", 200]
    later = logged_in(jenkins, "carol")
    assert place(later, "/job/x/?a=b") == f"/mfa-login/?from={quote('/job/x/?a=b', safe='')}"
    before = later.http.cookies.get_dict()
    answered = answer(later, code(secret, 1), "/job/x/?a=b")
    assert [answered.headers["Location"], later.status("/job/x/")] == ["/ci/job/x/?a=b", 200]
    assert later.http.cookies.get_dict() != before, "the plugin replaces the session"


def test_a_wrong_code_and_a_used_one_open_nothing(jenkins: StandIn) -> None:
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    answer(browser, wrong_code(secret))
    assert browser.status() == 302
    answer(browser, code(secret))
    again = logged_in(jenkins, "carol")
    answer(again, code(secret))
    assert [browser.status(), again.status()] == [200, 302]


def test_a_mark_that_the_gate_has_not_seen_come_about_counts_for_nothing(jenkins: StandIn) -> None:
    groovy(jenkins, f"{CODE}.gate.remove(); null")
    before = logged_in(jenkins, "carol")
    secret, _ = enrol_by_page(before)
    assert before.status() == 200, "the plugin alone"
    gate(jenkins)
    assert before.status() == 302
    answer(before, code(secret, 1))
    assert before.status() == 200


def test_a_second_factor_is_one_users_not_one_sessions(jenkins: StandIn) -> None:
    browser, _ = verified(jenkins, "carol")
    enrol(jenkins, "dave")
    other = Browser(browser.url, "dave")
    other.http.cookies = browser.http.cookies
    other.login("dave-pw-1")
    assert place(other, "/me/").startswith("/mfa-login/")


def test_requests_at_the_moment_of_the_answer_fail_in_order(jenkins: StandIn) -> None:
    """The plugin replaces the session meanwhile: the others' one has ended, and none of them takes the new one's cookie."""
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    others = [jenkins.browser() for _ in range(4)]
    for other in others:
        other.http.cookies.update(browser.http.cookies)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        met = [pool.submit(lambda one: {one.status("/job/x/") for _ in range(25)}, other) for other in others]
        answer(browser, code(secret))
    assert set().union(*(one.result() for one in met)) <= {302, 403}
    assert [browser.status("/job/x/"), groovy(jenkins, "print state.gateErrors ?: 0")] == [200, "0"]


def test_a_removed_secret_ends_what_was_verified_with_it(jenkins: StandIn) -> None:
    browser, _ = verified(jenkins, "carol")
    groovy(jenkins, "io.jenkins.plugins.openmfa.MFAUserProperty.forUser(hudson.model.User.getById('carol', false)).setSecret(null); null")
    assert place(browser) == "/user/carol/mfa-setup/"


def test_a_post_needs_its_crumb(jenkins: StandIn) -> None:
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    assert browser.status("/mfa-login/verify", "POST", data={"x-plugin-openmfa-totp": code(secret)}) == 403
    answer(browser, code(secret))
    assert [browser.status("/job/x/build", "POST"), post(browser, "/job/x/build")] == [403, 201]


# --- whose secret may be replaced by whom ---


@pytest.mark.parametrize("owner", ["carol", "dave"])
def test_a_password_alone_replaces_nobodys_secret(jenkins: StandIn, owner: str) -> None:
    secret, mine = enrol(jenkins, owner), enrol(jenkins, "carol") if owner == "dave" else None
    thief = logged_in(jenkins, "carol")
    assert replace_secret(thief, owner, pyotp.random_base32()) == 302
    assert post(thief, f"/user/{owner}/mfa-setup/disable") in (302, 403)
    assert [thief.status("/job/x/"), secret_of(jenkins, owner)] == [302, secret]
    assert mine is None or secret_of(jenkins, "carol") == mine


def test_of_two_that_enrol_at_once_one_is_first(jenkins: StandIn) -> None:
    one, two = logged_in(jenkins, "carol"), logged_in(jenkins, "carol")
    secret, _ = enrol_by_page(one)
    assert [replace_secret(two, "carol", pyotp.random_base32()), two.status(), secret_of(jenkins, "carol")] == [302, 302, secret]


def test_an_own_secret_is_replaced_after_a_fresh_second_factor_only(jenkins: StandIn) -> None:
    browser, secret = verified(jenkins, "carol")
    age(jenkins, STALE)
    other = pyotp.random_base32()
    assert [place(browser, "/job/x/"), replace_secret(browser, "carol", other)] == ["", 302]
    assert secret_of(jenkins, "carol") == secret
    answer(browser, code(secret, 1))
    assert [replace_secret(browser, "carol", other), secret_of(jenkins, "carol"), browser.status()] == [302, other, 200]


def test_an_administrator_resets_others_after_a_fresh_second_factor(jenkins: StandIn) -> None:
    enrol(jenkins, "carol")
    anybody, _ = verified(jenkins, "dave")
    assert [post(anybody, "/manage/mfa-management/resetMFA", userId="carol"), anybody.status("/mfa-management/")] == [403, 403]
    root, secret = verified(jenkins, "root")
    age(jenkins, STALE)
    assert root.status("/manage/mfa-management/") == 200
    assert place(root, "/manage/mfa-management/") == ""
    assert post(root, "/manage/mfa-management/resetMFA", userId="carol") == 302
    assert secret_of(jenkins, "carol") is not None
    answer(root, code(secret, 1))
    assert post(root, "/manage/mfa-management/resetMFA", userId="carol") == 302
    assert secret_of(jenkins, "carol") is None


def test_a_session_is_not_verified_by_a_later_enrolment(jenkins: StandIn) -> None:
    (before, _), (root, _) = verified(jenkins, "carol"), verified(jenkins, "root")
    assert post(root, "/manage/mfa-management/resetMFA", userId="carol") == 302
    again = logged_in(jenkins, "carol")
    enrol_by_page(again)
    assert [again.status(), before.status()] == [200, 302]


def test_a_new_secret_ends_the_other_sessions(jenkins: StandIn) -> None:
    other, secret = verified(jenkins, "carol")
    browser = logged_in(jenkins, "carol")
    answer(browser, code(secret, 1))
    assert [browser.status(), replace_secret(browser, "carol", pyotp.random_base32())] == [200, 302]
    assert [browser.status(), other.status()] == [200, 302]


def test_an_administrator_enrols_nobody_else(jenkins: StandIn) -> None:
    root, _ = verified(jenkins, "root")
    assert [root.status("/user/carol/mfa-setup/"), replace_secret(root, "carol", pyotp.random_base32())] == [200, 403]
    assert secret_of(jenkins, "carol") is None


# --- what the plugin's settings open: nothing, while the gate holds ---


@pytest.mark.parametrize(
    "found",
    [
        {"required": False},
        {"required": True, "groups": ["authenticated"]},
        {"required": True, "users": ["carol"]},
        {"required": False, "groups": ["DEVS"]},
    ],
    ids=["not required", "everyone exempt", "a user exempt", "a role exempt"],
)
def test_whom_the_plugin_spares_is_asked_all_the_same(jenkins: StandIn, found: dict[str, object]) -> None:
    groovy(jenkins, HOLD)
    settings(jenkins, **{"users": [], "groups": [], **found})  # type: ignore[arg-type]
    first = logged_in(jenkins, "carol")
    assert place(first) == "/user/carol/mfa-setup/"
    secret, _ = enrol_by_page(first)
    later = logged_in(jenkins, "carol")
    assert [first.status(), place(later)] == [200, "/mfa-login/"]
    answer(later, code(secret, 1))
    assert later.status() == 200, "its pages serve them too"


def test_without_a_hold_the_gate_follows_the_plugin(jenkins: StandIn) -> None:
    settings(jenkins, required=False, users=[], groups=[])
    enrol(jenkins, "dave")
    assert [logged_in(jenkins, name).status() for name in ("carol", "dave")] == [200, 302], "it asks whoever is enrolled"
    settings(jenkins, required=True, users=[], groups=["Authenticated"])
    assert logged_in(jenkins, "dave").status() == 200


def test_an_exempt_group_gets_in_until_it_is_exempt_no_more(jenkins: StandIn) -> None:
    gate(jenkins, exemptGroups=["Devs"])
    carol, dave = logged_in(jenkins, "carol"), logged_in(jenkins, "dave")
    assert [carol.status("/job/x/"), dave.status("/job/x/")] == [200, 302]
    gate(jenkins)
    assert carol.status("/job/x/") == 302
    gate(jenkins, enforcedGroups=["Ops"])
    assert [carol.status("/job/x/"), dave.status("/job/x/")] == [200, 302]
    groovy(jenkins, f"{CODE}.gate.remove(); null")
    assert carol.status("/job/x/") == 302, "no mark of ours is left"
    gate(jenkins)


@pytest.mark.parametrize(
    ("rule", "reaches"),
    [({}, 200), ({"exemptTokens": True}, 200), ({"challengeTokens": True}, 302)],
    ids=["the plugin's own rule", "exempt", "challenged"],
)
def test_api_tokens_follow_the_gates_rule(jenkins: StandIn, rule: dict[str, bool], reaches: int) -> None:
    enrol(jenkins, "carol")
    gate(jenkins, **rule)
    assert [jenkins.browser("carol").status("/api/json"), jenkins.browser("carol", "carol-pw-1").status("/api/json")] == [reaches, 302]
    assert [jenkins.browser("admin").script("print 1").status_code, jenkins.browser("admin").status("/api/json")] == [200, reaches]


def test_a_token_lends_nothing_to_the_session_that_it_is_sent_in(jenkins: StandIn) -> None:
    enrol(jenkins, "carol")
    browser = logged_in(jenkins, "carol")
    browser.http.auth = ("carol", jenkins.tokens["carol"])
    browser.status("/api/json")
    browser.http.auth = None
    assert browser.status("/job/x/") == 302


def test_a_probe_is_challenged_with_an_exempt_token_too(jenkins: StandIn) -> None:
    gate(jenkins, exemptTokens=True)
    assert jenkins.browser("admin").status("/", headers={"X-Jenkins2fa-Probe": "challenge"}) == 302


def test_a_build_asks_for_a_fresh_second_factor(jenkins: StandIn) -> None:
    gate(jenkins, build={"windowSeconds": 60})
    browser, secret = verified(jenkins, "carol")
    age(jenkins, 120)
    before = builds(jenkins)
    assert [post(browser, "/job/x/build"), browser.status("/job/x/")] == [302, 200]
    answer(browser, code(secret, 1), "/job/x/build")
    assert [post(browser, "/job/x/build"), builds(jenkins)] == [201, before + 1]


# --- the way back, the plugin's own lock-out, the break-glass ---


@pytest.mark.parametrize("target", ["//other.invalid/", "/\\other.invalid", "https://other.invalid/", "/%0d/".replace("%0d", "\r")])
def test_the_way_back_leads_to_no_other_host(jenkins: StandIn, target: str) -> None:
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    shown = browser.call("/mfa-login/", params={"from": target})
    assert [shown.status_code, shown.headers["Location"]] == [302, "/ci/mfa-login/"]
    answered = answer(browser, code(secret), target)
    assert [answered.headers["Location"], browser.status()] == ["/ci/mfa-login/", 302]
    answer(browser, code(secret), "/job/x/")
    assert browser.status() == 200, "the code was not used up"


def test_the_plugins_lock_out_counts_once(jenkins: StandIn) -> None:
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    for _ in range(5):
        answer(browser, wrong_code(secret))
        groovy(jenkins, "state.attempts.values()*.clear(); null")  # the gate's own pauses
    for digits in (code(secret), wrong_code(secret), code(secret, 1)):
        assert "error=locked" in answer(browser, digits).headers["Location"]
    assert [browser.status(), groovy(jenkins, "print state.wrongAnswers"), groovy(jenkins, f"print {CODE}.plugin.current.lockedOut")] == [
        302,
        "5",
        "1",
    ]


def test_too_many_wrong_codes_are_not_compared(jenkins: StandIn) -> None:
    secret, browser = enrol(jenkins, "carol"), logged_in(jenkins, "carol")
    page = browser.call("/mfa-login/").text
    form = {"x-plugin-openmfa-totp": wrong_code(secret)}
    met = [browser.status("/mfa-login/verify", "POST", data=form, headers=crumb_in(page)) for _ in range(4)]
    assert met == [302, 302, 302, 429]


def test_a_break_glass_lets_everyone_in_and_leaves_no_trace_on_disk(jenkins: StandIn) -> None:
    groovy(jenkins, HOLD)
    settings(jenkins, required=True, users=[], groups=["Builders"])
    enrol(jenkins, "carol")
    groovy(jenkins, f"{CODE}.breakGlass.arm(System.currentTimeMillis() + 60_000); null")
    assert [logged_in(jenkins, name).status() for name in ("carol", "dave")] == [200, 200]
    groovy(
        jenkins, f"def plugin = {CODE}.plugin.current; assert plugin.memory() == plugin.disk(); plugin.save(); assert plugin.enabled; null"
    )
    assert logged_in(jenkins, "carol").status() == 200
    groovy(jenkins, f"{CODE}.breakGlass.close(); null")
    assert [logged_in(jenkins, name).status() for name in ("carol", "dave")] == [302, 302]
    held = groovy(jenkins, f"def plugin = {CODE}.plugin.current; print([plugin.memory().exemptRoles, plugin.disk().exemptRoles])")
    assert held == "[Builders, Builders]"


@pytest.mark.parametrize("roles", ["", "Builders", "a, b\r\nBuilders\n", " authenticated ", "AUTHENTICATED\nBuilders"])
def test_off_and_on_again_keeps_other_roles(jenkins: StandIn, roles: str) -> None:
    script = f"""def plugin = {CODE}.plugin.current, config = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get()
config.exemptRoles = {roles!r}.replace('\\\\r', '\\r')
def names = {{ -> config.exemptRoles.split('\\n')*.trim().findAll() }}, before = names()
plugin.remember(plugin.off); plugin.save()
assert plugin.memory() == plugin.disk() && !plugin.effective && names().any {{ it.equalsIgnoreCase('authenticated') }}
plugin.remember([enabled: true, exemptsEveryone: false]); plugin.save()
assert plugin.memory() == plugin.disk() && plugin.effective
assert names() == before.findAll {{ !it.equalsIgnoreCase('authenticated') }}
null"""
    groovy(jenkins, script)
