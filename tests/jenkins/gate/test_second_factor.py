"""The gate owns the second factor: who counts as verified, and who may change whose factor."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest

from tests.support.gated import QUESTION_PAGE, WRONG, age, answer_by_mail, by_mail, gate, groovy, guess, mail, verified
from tests.support.people import logged_in
from tests.support.standin import Browser, StandIn, crumb_in

PROPERTY = "tfaMethodsConfig.MoSecurityQuestionConfig"
BY_BROWSER = {"Accept": "text/html,application/xhtml+xml"}
STALE = 16 * 60


def is_enrolled(jenkins: StandIn, name: str) -> bool:
    return groovy(jenkins, f"print hudson.model.User.getById('{name}', true).getProperty({PROPERTY})?.isConfigured() ?: false") == "true"


def stored(jenkins: StandIn, name: str) -> str:
    """A digest of what is stored as the answers."""
    kept = f"hudson.model.User.getById('{name}', true).getProperty({PROPERTY})"
    return groovy(jenkins, f"def kept = {kept}; print kept.properties.findAll {{ it.key =~ /(?i)answer/ }}.toString().hashCode()")


def reset(browser: Browser, path: str, crumb: Mapping[str, str] | None = None) -> int:
    return browser.status(path, "POST", headers=browser.crumb() if crumb is None else crumb)


@contextlib.contextmanager
def nobody_asked(jenkins: StandIn, how: str) -> Iterator[None]:
    """`how`: off, a break-glass, or exempt."""
    if how == "exempt":
        gate(jenkins, exemptGroups=["authenticated"])
    elif how == "a break-glass":
        groovy(jenkins, "context.getAttribute('tests.code').breakGlass.arm(System.currentTimeMillis() + 60_000); null")
    else:
        groovy(jenkins, "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    try:
        yield
    finally:
        groovy(jenkins, "context.getAttribute('tests.code').breakGlass.close(); null")


# --- who counts as verified ---


def test_a_verified_attribute_set_without_the_gate_is_ignored(jenkins: StandIn) -> None:
    groovy(jenkins, "context.getAttribute('tests.code').gate.remove(); null")
    before = logged_in(jenkins, "carol")
    before.enrol()
    assert before.status("/job/x/") == 200, "the plugin alone"
    gate(jenkins)
    assert [before.place("/job/x/"), before.second_factor().status_code, before.status("/job/x/")] == [QUESTION_PAGE, 302, 200]
    groovy(jenkins, f"MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(false); {OTHER_FACTOR}")
    assert before.status("/job/x/") == 302, "the factor no longer counts"


OTHER_FACTOR = "MoGlobalConfig.get().@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'jenkins@lab.invalid')"


def test_no_request_concurrent_with_a_wrong_answer_gets_in(jenkins: StandIn) -> None:
    verified(jenkins, "carol")
    thief = logged_in(jenkins, "carol")
    cookies, crumb = thief.http.cookies.get_dict(), thief.page_crumb(QUESTION_PAGE)

    def one(number: int) -> int:
        browser = jenkins.browser()
        browser.http.cookies.update(cookies)
        if number % 3:
            return browser.status("/job/x/")
        return browser.status(QUESTION_PAGE + "securityQuestionAuthenticate", "POST", data=WRONG, headers=crumb)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(48)))
    assert 200 not in answers
    assert set(answers) <= {302, 429}


def test_concurrent_answers_are_checked_one_at_a_time(jenkins: StandIn) -> None:
    """Sessions of one user send right and wrong answers at the same time: each gets the result of its own answer."""
    verified(jenkins, "carol")
    sessions = [logged_in(jenkins, "carol") for _ in range(6)]

    def one(number: int) -> tuple[bool, int]:
        browser = sessions[number]
        wrong = number >= 4
        guess(browser) if wrong else browser.second_factor()
        return wrong, browser.status("/job/x/")

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        outcome = list(pool.map(one, range(6)))
    assert outcome == [(wrong, 302 if wrong else 200) for wrong, _ in outcome]


def test_the_page_after_the_right_answer_is_open_at_once(jenkins: StandIn) -> None:
    """Even over another connection, which does not wait for the end of the first request."""
    verified(jenkins, "carol")
    seen = []
    for _ in range(25):
        browser, other = logged_in(jenkins, "carol"), jenkins.browser()
        other.status("/login")
        other.http.cookies.clear()
        other.http.cookies.update(browser.http.cookies.get_dict())
        browser.second_factor()
        seen.append(other.status("/job/x/"))
    assert set(seen) == {200}


# --- pages of enrolment ---


def test_enrolment_is_open_only_for_enabled_factors_and_users_without_one(jenkins: StandIn) -> None:
    new = logged_in(jenkins, "carol")
    helper = "/user/carol/descriptorByName/io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.{}/fillFirstSecurityQuestionItems"
    questions, other = helper.format("MoSecurityQuestionConfig"), helper.format("MoOtpOverEmailConfig")
    crumb = new.page_crumb("/user/carol/securityQuestionConfig/")
    mailed = "/user/carol/otpOverEmailConfig/"
    assert [new.status(mailed), new.status(questions, "POST", headers=crumb), new.status(other, "POST", headers=crumb)] == [302, 200, 302]
    new.enrol()
    again = logged_in(jenkins, "carol")
    crumb = again.page_crumb(QUESTION_PAGE)
    pages = ("/user/carol/tfaConfiguration/", "/user/carol/securityQuestionConfig/", mailed)
    assert [again.status(page) for page in pages] == [302, 302, 302]
    assert again.status(questions, "POST", headers=crumb) == 302


# --- other users' factors ---


@pytest.mark.parametrize("who", ["verified without rights", "nobody", "not verified"])
def test_only_administrators_may_change_another_users_factor(jenkins: StandIn, who: str) -> None:
    verified(jenkins, "dave")
    before = stored(jenkins, "dave")
    browser = jenkins.browser() if who == "nobody" else logged_in(jenkins, "carol") if who == "not verified" else verified(jenkins, "carol")
    crumb = browser.crumb() or browser.page_crumb("/user/carol/tfaConfiguration/") or browser.page_crumb("/login")
    for path in ("/user/dave/securityQuestionConfig", "/user/DAVE/securityQuestionConfig", "/user/d%61ve/securityQuestionConfig"):
        for action in ("/reset", "/saveSecurityQuestion"):
            assert browser.status(path + action, "POST", headers=crumb, data={"json": "{}"}) in (302, 403)
            assert browser.status(path + action) in (302, 403, 405)
    assert is_enrolled(jenkins, "dave")
    assert stored(jenkins, "dave") == before


def test_an_administrator_resets_another_users_factor_but_enrols_nobody(jenkins: StandIn) -> None:
    verified(jenkins, "dave")
    root = verified(jenkins, "root")
    before = stored(jenkins, "root")
    assert root.status("/user/dave/securityQuestionConfig/saveSecurityQuestion", "POST", headers=root.crumb(), data={"json": "{}"}) == 403
    assert stored(jenkins, "root") == before
    reset(root, "/user/dave/securityQuestionConfig/reset")
    assert not is_enrolled(jenkins, "dave")
    assert root.status("/job/x/") == 200


def test_a_reset_ends_the_verification_of_sessions(jenkins: StandIn) -> None:
    dave, root = verified(jenkins, "dave"), verified(jenkins, "root")
    assert dave.status("/job/x/") == 200
    reset(root, "/user/dave/securityQuestionConfig/reset")
    assert dave.place("/job/x/") == "/user/dave/tfaConfiguration/"


def test_a_session_is_not_verified_by_a_later_enrolment(jenkins: StandIn) -> None:
    before, root = verified(jenkins, "dave"), verified(jenkins, "root")
    reset(root, "/user/dave/securityQuestionConfig/reset")
    again = logged_in(jenkins, "dave")
    again.enrol()
    again.status()
    assert [again.status("/job/x/"), before.status("/job/x/")] == [200, 302]


def test_a_session_is_not_verified_by_a_later_enrolment_by_mail(jenkins: StandIn) -> None:
    by_mail(jenkins, "carol")
    before, root = logged_in(jenkins, "carol"), verified(jenkins, "root")
    assert answer_by_mail(before, mail(jenkins, before)) == 200
    reset(root, "/user/carol/otpOverEmailConfig/reset")
    again = logged_in(jenkins, "carol")
    groovy(jenkins, "hudson.model.User.getById('carol', false).getProperty(tfaMethodsConfig.MoOtpOverEmailConfig).setConfigured(true)")
    assert answer_by_mail(again, mail(jenkins, again)) == 200
    assert before.status("/job/x/") == 302


# --- one's own factor ---


@pytest.mark.parametrize("path", ["/user/carol", "/me", "/securityRealm/user/carol"])
def test_changing_ones_own_factor_needs_a_fresh_second_factor(jenkins: StandIn, path: str) -> None:
    browser = verified(jenkins, "carol")
    age(jenkins, STALE)
    target = f"{path}/securityQuestionConfig/reset"
    crumb = browser.crumb()
    assert [browser.status("/job/x/"), reset(browser, target, crumb), is_enrolled(jenkins, "carol")] == [200, 302, True]
    browser.second_factor()
    reset(browser, target, crumb)
    assert not is_enrolled(jenkins, "carol")


def test_a_stolen_session_cannot_become_fresh_by_itself(jenkins: StandIn) -> None:
    gate(jenkins, build={"windowSeconds": 600})
    browser = verified(jenkins, "carol")
    age(jenkins, STALE)
    before, crumb = stored(jenkins, "carol"), browser.crumb()
    browser.enrol()
    assert [stored(jenkins, "carol"), browser.status("/job/x/build", "POST", headers=crumb)] == [before, 302]


@pytest.mark.parametrize("off", ["off", "a break-glass", "exempt"])
def test_changing_a_factor_needs_proof_while_nobody_is_challenged(jenkins: StandIn, off: str) -> None:
    """Otherwise a password alone could replace the factor while nobody is challenged."""
    verified(jenkins, "carol")
    with nobody_asked(jenkins, off):
        thief = logged_in(jenkins, "carol")
        assert thief.status("/job/x/") == 200
        assert reset(thief, "/user/carol/securityQuestionConfig/reset") == 302
        thief.enrol()
        assert [is_enrolled(jenkins, "carol"), thief.second_factor().status_code] == [True, 302]
        reset(thief, "/user/carol/securityQuestionConfig/reset")
        assert not is_enrolled(jenkins, "carol")


# --- static files ---


def test_only_existing_files_count_as_static(jenkins: StandIn) -> None:
    browser = logged_in(jenkins, "carol")
    there = ("/static/abc/jsbundles/app.js", "/static/abc/favicon.svg", "/plugin/miniorange-two-factor/css/tfaConfiguration.css")
    absent = ("/static/abc/jsbundles/none.js", "/css/none.css", "/plugin/miniorange-two-factor/css/none.css", "/plugin/none/x.css")
    absent += ("/plugin/miniorange-two-factor/wrapper/parent/plugin/mailer/x.css", "/plugin/miniorange-two-factor/wrapper/x.css")
    absent += ("/job/x/x.css", "/static/abc/job/x/app.js", "/adjuncts/abc/none/x.js")
    assert {path: browser.status(path) for path in there} == dict.fromkeys(there, 200)
    assert {path: browser.status(path) for path in absent} == dict.fromkeys(absent, 302)


# --- crumbs ---


@pytest.mark.parametrize("case", ["off", "a break-glass", "exempt", "verified"])
def test_forged_requests_are_refused_as_without_the_plugin(jenkins: StandIn, case: str) -> None:
    browser = verified(jenkins, "carol") if case == "verified" else logged_in(jenkins, "carol")
    with nobody_asked(jenkins, case) if case != "verified" else contextlib.nullcontext():
        assert browser.status("/job/x/build", "POST") == 403, "the first request of this kind in the session"
        assert browser.status("/job/x/build", "POST", headers={"Jenkins-Crumb": "0" * 64}) == 403
        crumb = browser.crumb()
        assert browser.status("/job/x/build", "POST", headers=crumb) == 201
        assert browser.status("/job/x/build", "POST", data=urlencode(crumb)) == 403, "not in a body of another type"
        assert browser.status("/job/x/build", "POST", data=dict(crumb)) == 201


def test_other_crumb_exclusions_still_apply(jenkins: StandIn) -> None:
    added = """class Hook extends hudson.security.csrf.CrumbExclusion {
    boolean process(SERVLET.HttpServletRequest request, SERVLET.HttpServletResponse response, CHAIN chain) {
        if (!request.pathInfo.startsWith('/job/x/build')) return false
        chain.doFilter(request, response)
        true
    }
}
hudson.ExtensionList.lookup(hudson.security.csrf.CrumbExclusion).add(new Hook())
null"""
    kind = "javax" if "/ci" not in jenkins.url else "jakarta"
    browser = verified(jenkins, "carol")
    jenkins.groovy(added.replace("SERVLET", f"{kind}.servlet.http").replace("CHAIN", f"{kind}.servlet.FilterChain"))
    try:
        assert [browser.status("/job/x/build", "POST"), browser.status("/job/x/disable", "POST")] == [201, 403]
    finally:
        ours = "def all = hudson.ExtensionList.lookup(hudson.security.csrf.CrumbExclusion)"
        groovy(jenkins, f"{ours}; all.removeAll(all.findAll {{ it.class.name == 'Hook' }}); null")


# --- groups ---


def test_users_without_any_group_are_challenged_and_counted(jenkins: StandIn) -> None:
    gate(jenkins, enforcedGroups=["Devs"])
    for name in ("carol", "dave", "carol"):
        assert jenkins.browser(name, f"{name}-pw-1").status("/job/x/") == 302
    assert groovy(jenkins, "print state.unplaced.size()") == "2"


def test_the_challenge_page_contains_a_crumb(jenkins: StandIn) -> None:
    """The tests above send the crumb that a browser would find there."""
    assert crumb_in(logged_in(jenkins, "carol").call("/user/carol/tfaConfiguration/").text)
