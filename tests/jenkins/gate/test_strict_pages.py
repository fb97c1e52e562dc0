"""The gate's open pages are just enough for a browser to enrol, verify and reach the requested page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.support.gated import gate, gated, groovy, switch_on, verified
from tests.support.paths import Wire
from tests.support.standin import QUESTIONS, Browser, StandIn, crumb_in

ODD_NAMES = ("Jörg", "ann b", "a@b.example", "team/ann", "50%", "a+b")
USERS = {name: {"password": f"{name}-pw-1"} for name in (*ODD_NAMES, "carol")}
QUESTION_PROPERTY = "io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig"
NOBODY_ENROLLED = """hudson.model.User.getAll().each { user ->
    user.allProperties.findAll { it.class.name.contains('tfaMethodsConfig') }.each { user.addProperty(it.class.newInstance()) }
}"""
DAMAGED = """[new File(jenkins.rootDir, 'init.groovy.d'), new File(jenkins.rootDir, 'jenkins2fa')]*.mkdirs()
context.getAttribute('tests.code').source.keep()
new File(jenkins.rootDir, 'jenkins2fa/gate.json').text = '{"exemptGroups": ["auth'
"""
SETUPS = [("javax", ""), ("jakarta", "/ci"), *(pytest.param(more, marks=pytest.mark.slow) for more in (("javax", "/ci"), ("jakarta", "")))]


@pytest.fixture(scope="module", params=SETUPS, ids=lambda p: p[0] + p[1].replace("/", "-"))
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    flavour: Literal["javax", "jakarta"] = request.param[0]
    with StandIn(flavour=flavour, context_path=request.param[1], users=USERS) as jenkins:
        yield jenkins


@pytest.fixture
def strict(_kept: StandIn) -> StandIn:
    """2FA by security questions, the strict gate, nobody enrolled."""
    groovy(_kept, NOBODY_ENROLLED)
    return gated(_kept)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


def below(jenkins: StandIn, place: str) -> str:
    """A redirect as a path below Jenkins; fails if it leads elsewhere."""
    context = "/" + jenkins.url.split("/", 3)[3] if jenkins.url.count("/") > 2 else ""
    path = place.removeprefix(jenkins.url) if place.startswith(jenkins.url + "/") else place.removeprefix(context)
    assert re.match(r"/(?![/\\])", path), place
    return path


def test_a_browser_enrols_verifies_returns_and_works(strict: StandIn) -> None:
    browser = logged_in(strict, "carol")
    page = browser.call("/job/x/?page=2")
    assert page.status_code == 302
    assert below(strict, page.headers["Location"]) == "/user/carol/tfaConfiguration/"
    assert below(strict, browser.enrol().headers["Location"]) == "/job/x/?page=2"
    assert [browser.status("/job/x/?page=2"), browser.status("/job/x/build", "POST", headers=browser.crumb())] == [200, 201]

    again = logged_in(strict, "carol")
    assert below(strict, again.call("/job/x/").headers["Location"]) == "/tfaUserAuth/securityQuestionAuth/"
    assert below(strict, again.second_factor().headers["Location"]) == "/job/x/"
    assert again.status("/job/x/") == 200
    assert again.status("/job/x/build", "POST") == 403  # a verified session still needs its crumb


def test_resources_of_the_enrolment_pages_are_served(strict: StandIn) -> None:
    browser = logged_in(strict, "carol")
    context = strict.url.removeprefix("http://").partition("/")[2]
    for place in ("/user/carol/tfaConfiguration/", "/user/carol/securityQuestionConfig/", "/me/securityQuestionConfig/"):
        page = browser.call(place)
        loaded = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|png|svg|ico))"', page.text)
        assert page.status_code == 200
        assert len(loaded) >= 4
        assert {file: browser.status(file.removeprefix(f"/{context}" if context else "")) for file in loaded} == dict.fromkeys(loaded, 200)
    crumb = browser.page_crumb("/user/carol/securityQuestionConfig/")
    for base in ("", "/user/carol"):
        choice = browser.call(f"{base}/descriptorByName/{QUESTION_PROPERTY}/fillFirstSecurityQuestionItems", "POST", headers=crumb)
        assert choice.status_code == 200
        assert next(iter(QUESTIONS)) in choice.text


def test_pages_of_other_users_and_other_descriptors_are_closed(strict: StandIn) -> None:
    admin = logged_in(strict, "admin")
    closed = [
        f"/user/bob/{page}"
        for page in ("tfaConfiguration/", "securityQuestionConfig/", "securityQuestionConfig/saveSecurityQuestion", "otpOverEmailConfig/")
    ]
    closed += [
        "/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken",
        "/user/admin/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken",
    ]
    closed += [
        "/user/admin/",
        "/user/admin/configure",
        "/api/json",
        "/queue/api/json",
        "/whoAmI/api/json",
        "/crumbIssuer/api/json",
        "/tfaGlobalConfig/",
    ]
    answers = {
        (path, method): below(strict, admin.call(path, method, data={"json": "{}"} if method == "POST" else None).headers["Location"])
        for path in closed
        for method in ("GET", "POST")
    }
    assert answers == dict.fromkeys(answers, "/user/admin/tfaConfiguration/")


def test_enrolled_users_give_their_second_factor_before_enrolling_again(strict: StandIn) -> None:
    verified(strict, "carol")
    thief = logged_in(strict, "carol")
    steps = [
        thief.place(f"/user/carol/{page}")
        for page in ("tfaConfiguration/", "securityQuestionConfig/", "securityQuestionConfig/reset", "otpOverEmailConfig/")
    ]
    steps.append(below(strict, thief.enrol().headers["Location"]))
    assert steps == ["/tfaUserAuth/securityQuestionAuth/"] * 5
    assert thief.place("/") == "/tfaUserAuth/securityQuestionAuth/"
    owner = logged_in(strict, "carol")
    assert owner.second_factor().status_code == 302
    assert [owner.status("/user/carol/tfaConfiguration/"), owner.status("/user/carol/securityQuestionConfig/")] == [200, 200]


def test_only_challenges_of_enrolled_factors_are_open(strict: StandIn) -> None:
    switch_on(strict, email=True)
    questions, email = "/tfaUserAuth/securityQuestionAuth/", "/tfaUserAuth/otpOverEmailAuth/"
    new = logged_in(strict, "carol")
    assert [new.status(questions), new.place(questions), new.status(email)] == [302, "/user/carol/tfaConfiguration/", 200]
    new.enrol()
    enrolled = logged_in(strict, "carol")
    assert [enrolled.status(questions), enrolled.status(email), enrolled.place(email)] == [200, 302, questions]
    groovy(strict, "hudson.model.User.get('carol').addProperty(new tfaMethodsConfig.MoOtpOverEmailConfig(true))")
    both = logged_in(strict, "carol")
    assert [both.place("/"), both.status("/tfaUserAuth/"), both.status(questions), both.status(email)] == ["/tfaUserAuth/", 200, 200, 200]
    switch_on(strict)
    assert [both.status(questions), both.status(email)] == [200, 302]


@pytest.mark.parametrize("enrolled", [False, True])
def test_no_redirect_of_an_unverified_user_loops(strict: StandIn, enrolled: bool) -> None:
    if enrolled:
        verified(strict, "carol")
    browser = logged_in(strict, "carol")
    starts = "/ /login /job/x/ /user/carol/ /user/carol/tfaConfiguration/ /user/carol/otpOverEmailConfig/"
    starts += " /tfaUserAuth/ /nothing /api/json /favicon.ico"
    for start in starts.split():
        path, hops = start, 0
        while (answer := browser.call(path)).status_code == 302:
            path, hops = below(strict, answer.headers["Location"]), hops + 1
            assert hops <= 5, start
        assert answer.status_code == 200, start


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_user_id_with_special_characters_leads_to_the_users_own_page(strict: StandIn, name: str) -> None:
    wire, browser = Wire(strict.url), logged_in(strict, name)
    place = browser.call("/job/x/").headers["Location"]
    assert place.startswith(strict.url + "/user/")
    assert place.isascii()
    assert not re.search(r"[ \\+@]", place)
    target = "/" + place.split("/", 3)[3]
    cookies = "; ".join(f"{key}={value}" for key, value in browser.http.cookies.get_dict().items())
    answer = wire.send("GET", target.encode(), {"Cookie": cookies})
    assert (answer.status, "2FA Config" in answer.body) == (200, True)
    first, second, third = QUESTIONS
    form = {"firstSecurityQuestion": first, "secondSecurityQuestion": second, "customSecurityQuestion": third}
    form |= {f"{key}Answer": QUESTIONS[question] for key, question in form.items()}
    saved = browser.http.post(
        place.replace("tfaConfiguration/", "securityQuestionConfig/saveSecurityQuestion"),
        data={"json": json.dumps(form)},
        headers=crumb_in(answer.body),
        allow_redirects=False,
    )
    assert below(strict, saved.headers["Location"]) == "/job/x/"
    assert browser.status("/job/x/") == 200


@pytest.mark.parametrize("case", ["carol", "CAROL", "Carol"])
def test_the_case_of_a_user_id_makes_no_difference(strict: StandIn, case: str) -> None:
    browser = strict.browser(case, "carol-pw-1")
    assert browser.place("/job/x/").lower() == "/user/carol/tfaconfiguration/"
    assert [browser.status(f"/user/{one}/tfaConfiguration/") for one in ("carol", "CAROL", "cARol")] == [200, 200, 200]


@pytest.mark.parametrize("root_url", ["https://jenkins.example.com/ci/", None])
@pytest.mark.parametrize("flavour", [pytest.param("javax", marks=pytest.mark.slow), "jakarta"])
def test_nobody_is_redirected_to_another_host(flavour: Literal["javax", "jakarta"], root_url: str | None) -> None:
    with StandIn(flavour=flavour, context_path="/ci", root_url=root_url, users=USERS) as jenkins:
        gated(jenkins)
        for host in ("evil.example", "jenkins.example.com.evil.example", "jenkins.example.com@evil.example"):
            for written in (
                b"/ci/job/x/?a=1",
                b"/ci//evil.example/job/x/",
                b"/ci/\\evil.example/",
                b"/ci/%5cevil.example/x",
                b"//evil.example/ci/job",
                b"http://evil.example/ci/job/x/",
            ):
                browser = logged_in(jenkins, "carol")
                cookies = "; ".join(f"{key}={value}" for key, value in browser.http.cookies.get_dict().items())
                answer = Wire(jenkins.url).send("GET", written, {"Cookie": cookies, "Host": host, "X-Forwarded-Host": host})
                enrolled = browser.enrol()
                for place in (answer.headers.get("Location", ""), enrolled.headers["Location"]):
                    assert (
                        re.match(rf"({re.escape(root_url or '/ci/')}|{re.escape(jenkins.url)}/|/ci/)", place)
                        or not place
                        or answer.status in (400, 404)
                    ), (host, written, place)
                    assert not re.match(r"([a-z]+:)?[/\\]{2}[^/]*evil", place) or answer.status in (400, 404), (host, written, place)
                groovy(jenkins, "hudson.model.User.get('carol').addProperty(new tfaMethodsConfig.MoSecurityQuestionConfig())")


def test_a_damaged_file_of_the_gate_exempts_nobody_and_opens_nothing(strict: StandIn) -> None:
    gate(strict, exemptGroups=["authenticated"])
    assert logged_in(strict, "carol").status("/") == 200
    groovy(strict, DAMAGED)
    strict.restart()
    carol = logged_in(strict, "carol")
    assert [carol.status("/"), carol.status("/api/json"), carol.status("/login"), strict.browser().status("/login")] == [302, 302, 200, 200]
    groovy(strict, "new File(jenkins.rootDir, 'init.groovy.d').deleteDir(); new File(jenkins.rootDir, 'jenkins2fa').deleteDir()")
    strict.restart()
