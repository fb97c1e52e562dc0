"""OpenMFA in the stand-in beyond what was recorded: what is kept where, what lasts how long, versions, and its other pages."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import pyotp
import pytest

from tests.support.openmfa import answer, code, early_in_a_step, enrol, enrol_by_page, forget_codes, secret_of, settings, wrong_code
from tests.support.standin import Browser, StandIn

CONFIG = "io.jenkins.plugins.openmfa.MFAGlobalConfiguration"
LIMIT = "io.jenkins.plugins.openmfa.base.MFAContext.i().getService(io.jenkins.plugins.openmfa.service.RateLimitService)"
VERIFIED = "X-Plugin-OpenMFA-Verified"
MINI_ORANGE_ON = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
c.setEnableTfa(true); c.setEnableSecurityQuestionsAuthentication(true); c.save()
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true"""
SETUP, CHALLENGE = "/user/alice/mfa-setup", "/mfa-login?from=%2F"


def person(jenkins: StandIn, name: str) -> Browser:
    """Somebody with a password, in a new session."""
    browser = Browser(jenkins.url, name)
    browser.login(f"{name}-pw-1")
    return browser


def verified(jenkins: StandIn, name: str) -> Browser:
    browser = person(jenkins, name)
    assert answer(browser, code(enrol(jenkins, name))).status_code == 302
    return browser


def session_attribute(jenkins: StandIn, value: str) -> None:
    """Give every live session the verified mark of that value, a Groovy expression."""
    jenkins.groovy(f"standin.web.Sessions.all().each {{ it.setAttribute('{VERIFIED}', {value}) }}")


def test_settings_act_on_the_next_request(with_openmfa: StandIn) -> None:
    carol = person(with_openmfa, "carol")
    places = [carol.place()]
    for users, groups in (([], []), ([], ["ops", "DEVS "]), (["Carol"], []), (["dave,carol"], ["Devs,all"])):
        settings(with_openmfa, required=True, users=users, groups=groups)
        places.append(carol.place())
    assert places == ["", "/user/carol/mfa-setup", "", "", "/user/carol/mfa-setup"]


def test_who_is_enrolled_is_asked_whatever_is_required(with_openmfa: StandIn) -> None:
    alice = person(with_openmfa, "alice")
    enrol(with_openmfa, "alice")
    assert alice.place() == CHALLENGE
    settings(with_openmfa, required=True, groups=["authenticated"])
    assert alice.status() == 200


def test_a_user_enrols_with_the_secret_of_the_page_or_an_own_one(with_openmfa: StandIn) -> None:
    alice, bob = person(with_openmfa, "alice"), person(with_openmfa, "bob")
    offered, done = enrol_by_page(alice)
    own, _ = enrol_by_page(bob, pyotp.random_base32())
    assert done.headers["Location"].endswith(SETUP + "/?success=enabled")
    assert [secret_of(with_openmfa, name) for name in ("alice", "bob", "admin")] == [offered, own, None]
    assert [alice.status(), person(with_openmfa, "alice").place()] == [200, CHALLENGE]


def test_each_code_works_once_and_three_are_right_at_a_time(with_openmfa: StandIn) -> None:
    secret = enrol(with_openmfa, "alice")
    early_in_a_step()
    given = [code(secret, steps) for steps in (-1, 0, 1)]
    places = [answer(person(with_openmfa, "alice"), digits).headers["Location"] for digits in [*given, *given]]
    assert [place.endswith("?error=invalid") for place in places] == [False] * 3 + [True] * 3
    forget_codes(with_openmfa)
    assert answer(person(with_openmfa, "alice"), code(secret), "/job/x/").headers["Location"].endswith("/job/x/")


@pytest.mark.parametrize("place", ["//elsewhere.invalid/", "https://elsewhere.invalid/", "/a:b", "job/x/"])
def test_the_way_back_stays_within_jenkins(with_openmfa: StandIn, place: str) -> None:
    secret = enrol(with_openmfa, "alice")
    assert answer(person(with_openmfa, "alice"), code(secret), place).headers["Location"].removeprefix(with_openmfa.url) == "/"


def test_verified_is_a_session_and_its_attribute_is_true(with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True)
    alice = verified(with_openmfa, "alice")
    statuses = [alice.status()]
    for value in ("'true'", "null", "true"):
        session_attribute(with_openmfa, value)
        statuses.append(alice.status())
    assert statuses == [200, 302, 302, 200]
    alice.http.auth = ("bob", "bob-pw-1")
    assert alice.status() == 200


def test_verifying_makes_a_session_with_the_attributes_of_the_former_one(with_openmfa: StandIn) -> None:
    alice, secret = person(with_openmfa, "alice"), enrol(with_openmfa, "alice")
    with_openmfa.groovy("standin.web.Sessions.all().each { it.setAttribute('kept', it.id) }")
    before = dict(alice.http.cookies)
    answer(alice, code(secret))
    (after,) = alice.http.cookies.values()
    assert after not in before.values()
    ids = with_openmfa.groovy("println standin.web.Sessions.all().collect { [it.id, it.getAttribute('kept')] }")
    (old,) = before.values()
    assert f"[{after.split('.')[0]}, {old.split('.')[0]}]" in ids
    assert f"[{old.split('.')[0]}, " not in ids
    assert [alice.status("/job/x/build", "POST"), alice.status("/job/x/build", "POST", headers=alice.crumb())] == [403, 201]


def test_five_wrong_codes_lock_a_user_out_for_five_minutes(with_openmfa: StandIn) -> None:
    secret = enrol(with_openmfa, "alice")
    errors = [answer(person(with_openmfa, "alice"), wrong_code(secret)).headers["Location"][-7:] for _ in range(4)]
    answer(person(with_openmfa, "alice"), code(secret))  # a right one forgets them
    errors += [answer(person(with_openmfa, "alice"), wrong_code(secret)).headers["Location"][-7:] for _ in range(5)]
    assert errors == ["invalid"] * 8 + ["=locked"]
    assert answer(person(with_openmfa, "alice"), code(secret, 1)).headers["Location"].endswith("?error=locked")
    left = int(with_openmfa.groovy(f"print {LIMIT}.getRemainingLockoutSeconds('alice')"))
    assert 240 < left <= 300
    with_openmfa.groovy(f"{LIMIT}.@lockouts['alice'] = System.currentTimeMillis() - 1")
    assert answer(person(with_openmfa, "alice"), code(secret, 1)).headers["Location"].removeprefix(with_openmfa.url) == "/"


def test_wrong_codes_at_enrolment_are_not_counted(with_openmfa: StandIn) -> None:
    alice = person(with_openmfa, "alice")
    form = {"x-plugin-openmfa-secret": pyotp.random_base32(), "x-plugin-openmfa-code": "1"}
    crumb = alice.page_crumb(SETUP + "/")
    places = {alice.place(SETUP + "/enable", "POST", data=form, headers=crumb) for _ in range(6)}
    assert places == {SETUP + "/?error=invalid_code"}
    assert with_openmfa.groovy(f"print {LIMIT}.isLockedOut('alice')") == "false"


def test_a_restart_keeps_settings_and_secrets_and_forgets_the_rest(with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True, groups=["Ops", "Q&A <all>"])
    alice, secret = verified(with_openmfa, "alice"), secret_of(with_openmfa, "alice")
    used = code(secret or "")
    with_openmfa.restart()
    assert [alice.status(), secret_of(with_openmfa, "alice")] == [403, secret]
    assert [person(with_openmfa, "dave").place(), person(with_openmfa, "carol").place()] == ["", "/user/carol/mfa-setup"]
    assert answer(person(with_openmfa, "alice"), used).headers["Location"].removeprefix(with_openmfa.url) == "/"
    assert with_openmfa.groovy(f"print {CONFIG}.get().exemptRoles") == "Ops\nQ&A <all>"


def test_an_administrator_sees_and_ends_enrolments(with_openmfa: StandIn) -> None:
    admin = with_openmfa.browser("admin")
    enrol(with_openmfa, "alice")
    assert ">alice</td><td>Enabled<" in admin.call("/manage/mfa-management/").text
    assert [admin.place("/manage/mfa-management"), with_openmfa.browser("bob").status("/mfa-management/")] == [
        "/manage/mfa-management/",
        403,
    ]
    reset = "/manage/mfa-management/resetMFA"
    assert [admin.status(reset), admin.status(reset, "POST"), admin.status(reset, "POST", data={"userId": "nobody"})] == [405, 400, 404]
    assert with_openmfa.browser("bob").status(reset, "POST", data={"userId": "alice"}) == 403
    assert secret_of(with_openmfa, "alice")
    assert admin.place(reset, "POST", data={"userId": "alice"}) == "/manage/mfa-management/?success=reset_mfa&user_id=alice"
    assert secret_of(with_openmfa, "alice") is None
    by_script = {"headers": {"X-Requested-With": "XMLHttpRequest"}, "data": {"userId": "alice"}}
    assert admin.status(reset, "POST", **by_script) == 200
    assert admin.place("/manage/mfa-management/setMFA", "POST", data={"userId": "alice"}) == SETUP


def test_setup_pages_are_for_their_user_and_administrators(with_openmfa: StandIn) -> None:
    admin, bob = person(with_openmfa, "admin"), person(with_openmfa, "bob")
    assert [browser.status(SETUP + "/") for browser in (admin, bob)] == [200, 404]
    secret = pyotp.random_base32()
    form = {"x-plugin-openmfa-secret": secret, "x-plugin-openmfa-code": code(secret)}
    assert admin.place(SETUP + "/enable", "POST", data=form, headers=admin.crumb()) == SETUP + "/?success=enabled"
    assert secret_of(with_openmfa, "alice") == secret
    settings(with_openmfa, required=True)
    assert [admin.status(), bob.place()] == [200, "/user/bob/mfa-setup"]


def test_enrolment_ends_on_the_own_page_unless_it_is_required(with_openmfa: StandIn) -> None:
    alice = person(with_openmfa, "alice")
    enrol(with_openmfa, "alice")
    crumb = alice.page_crumb(SETUP + "/")
    places = []
    for required in (True, False):
        settings(with_openmfa, required=required)
        places.append(alice.place(SETUP + "/disable", "POST", headers=crumb))
    assert places == [SETUP + "/?error=require_mfa", SETUP + "/?success=disabled"]
    assert secret_of(with_openmfa, "alice") is None


def test_the_form_of_the_security_page_saves_what_it_has(with_openmfa: StandIn) -> None:
    admin, page = with_openmfa.browser("admin"), "/manage/configureSecurity/configure"
    form = {"json": json.dumps({CONFIG.replace(".", "-"): {"requireMFA": True, "exemptRoles": "Ops\r\nDevs", "unknown": 1}})}
    assert [admin.status("/manage/configureSecurity/"), admin.place(page, "POST", data=form)] == [200, "/manage"]
    assert [with_openmfa.browser("bob").status(page, "POST", data=form), admin.status(page, "POST"), admin.status(page)] == [403, 400, 405]
    with_openmfa.restart()
    held = with_openmfa.groovy(f"def c = {CONFIG}.get(); print([c.requireMFA, c.issuer, c.exemptUsers])")
    assert [held, person(with_openmfa, "carol").place()] == ["[true, Jenkins, ]", ""]


def test_the_form_of_a_user_replaces_the_secret(with_openmfa: StandIn) -> None:
    alice = verified(with_openmfa, "alice")
    for section in ({"secret": "AAAAAAAA"}, {}):
        form = {"json": json.dumps({"userProperty0": section})}
        alice.call("/user/alice/security/configSubmit", "POST", data=form, headers=alice.crumb())
        assert secret_of(with_openmfa, "alice") == section.get("secret")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/1/job/x/", 200),
        ("/securityRealm/user/alice/", 200),
        (SETUP + "/targetUser/", 200),
        (SETUP + "/currentUser/my-views/view/all/job/x/", 200),
        (SETUP + "/targetUser/mfa-setup/", 200),
        (SETUP + "/mFAProperty/user/", 200),
        ("/securityRealm/", 403),
        ("/user/bob/mfa-setup/targetUser/", 404),
        ("/adjuncts/1/io/jenkins/plugins/openmfa/MFALoginAction/mfa-login.css", 200),
        ("/me/mfa-setup/", 302),
        ("/user/alice/", 302),
        ("/loginForm", 302),
        ("/user/alice/mfa-setups/", 302),
        ("/crumbIssuer/api/json", 302),
        ("/manage/mfa-login/", 302),
    ],
)
def test_paths_that_the_filter_lets_pass(with_openmfa: StandIn, path: str, status: int) -> None:
    settings(with_openmfa, required=True)
    assert person(with_openmfa, "alice").status(path) == status


def test_tokens_are_made_on_every_page_of_a_user(with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True)
    alice = person(with_openmfa, "alice")
    page = SETUP + "/targetUser/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken"
    made = alice.call(page, "POST", headers=alice.page_crumb(SETUP + "/")).json()["data"]["tokenValue"]
    assert with_openmfa.browser("alice", made).status() == 200


def test_openmfa_runs_with_the_jakarta_flavour_only(javax_standin: StandIn) -> None:
    with pytest.raises(ValueError, match=r"OpenMFA needs Jenkins 2\.516\.3 or newer"):
        StandIn(flavour="javax", plugins=("openmfa",))
    with pytest.raises(ValueError, match=r"OpenMFA needs Jenkins 2\.516\.3 or newer"):
        javax_standin.faults(plugins={"openmfa": "enabled"})


def test_both_plugins_and_one_after_the_other() -> None:
    with StandIn(plugins=("miniorange", "openmfa")) as jenkins:
        context = "jenkins.model.Jenkins.get().getServletContext()"
        chain = f"print hudson.util.PluginServletFilter.getInstance({context}).list.collect {{ it.class.simpleName ?: it.class.name }}"
        assert jenkins.groovy(chain) == "[jenkins.util.HttpServletFilter$1, io.jenkins.servlet.FilterWrapper$1, MFAFilter]"
        settings(jenkins, required=True)
        jenkins.groovy(MINI_ORANGE_ON)
        alice = jenkins.browser("alice", "alice-pw-1")
        assert [alice.place(path) for path in ("/", "/user/alice/tfaConfiguration/", "/user/alice/mfa-setup/")] == [
            "/user/alice/tfaConfiguration/",
            "/user/alice/mfa-setup",
            "/user/alice/tfaConfiguration/",
        ]
        secret = enrol(jenkins, "alice")
        jenkins.faults(plugins={"miniorange": "missing"})
        jenkins.restart()
        assert [jenkins.groovy(chain), secret_of(jenkins, "alice")] == ["[jenkins.util.HttpServletFilter$1, MFAFilter]", secret]
        assert jenkins.browser("alice", "alice-pw-1").place() == CHALLENGE
        jenkins.faults(plugins={"openmfa": "disabled"})
        jenkins.restart()
        assert [jenkins.browser("alice", "alice-pw-1").status(), jenkins.browser("alice").status("/mfa-login/")] == [200, 404]
        jenkins.groovy("hudson.model.User.get('alice').save()")  # what has no class is lost
        jenkins.faults(plugins={"openmfa": "enabled"})
        jenkins.restart()
        assert secret_of(jenkins, "alice") is None
        assert jenkins.groovy(f"print {CONFIG}.get().requireMFA") == "true"


@pytest.fixture(scope="module")
def as_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIn, pathlib.Path]]:
    """A stand-in, and the YAML file that it is configured by; the file says nothing of OpenMFA at first."""
    yaml = tmp_path_factory.mktemp("casc") / "jenkins.yaml"
    yaml.write_text("jenkins:\n  systemMessage: hello\n")
    with StandIn(plugins=("openmfa",), casc=yaml) as jenkins:
        yield jenkins, yaml


def apply(jenkins: StandIn, yaml: pathlib.Path, *lines: str, name: str = "openMFA") -> int:
    """The status of a reload of that section."""
    yaml.write_text("".join([f"security:\n  {name}:\n", *(f"    {line}\n" for line in lines), "unclassified:\n  location: {}\n"]))
    return jenkins.browser("admin").status("/configuration-as-code/reload", "POST")


def held(jenkins: StandIn) -> list[object]:
    found: list[object] = json.loads(
        jenkins.groovy(f"""def c = {CONFIG}.get()
def names = ['requireMFA', 'issuer', 'exemptUsers', 'exemptRoles'].findAll {{ c.hasProperty(it) }}
print groovy.json.JsonOutput.toJson(names.collect {{ c[it] }})""")
    )
    return found


def test_configuration_as_code_acts_at_once_and_after_a_restart(as_code: tuple[StandIn, pathlib.Path]) -> None:
    jenkins, yaml = as_code
    lines = ("requireMFA: true", "issuer: 'Our Jenkins'", 'exemptUsers: "dave\\nerin"', "exemptRoles: |-", "  Ops", "  Devs")
    assert apply(jenkins, yaml, *lines) == 302
    assert held(jenkins) == [True, "Our Jenkins", "dave\nerin", "Ops\nDevs"]
    assert jenkins.browser("alice", "alice-pw-1").place() == SETUP
    settings(jenkins, required=False, groups=["authenticated"])
    jenkins.restart()
    assert held(jenkins) == [True, "Our Jenkins", "dave\nerin", "Ops\nDevs"]
    assert "<exemptRoles>Ops\nDevs</exemptRoles>" in (jenkins.home / f"{CONFIG}.xml").read_text()


def test_versions_before_111_have_no_exemptions(as_code: tuple[StandIn, pathlib.Path]) -> None:
    jenkins, yaml = as_code
    for version, name in (("104.v3a_b_a_61fd743e", "openMFA"), ("99", "mFAGlobalConfiguration")):
        yaml.write_text("")
        jenkins.faults(pluginVersion=version)
        jenkins.restart()
        settings(jenkins, required=False)
        assert apply(jenkins, yaml, "requireMFA: true", "issuer: Ours", name=name) == 302
        assert [held(jenkins), jenkins.browser("alice", "alice-pw-1").place()] == [[True, "Ours"], SETUP]
        assert apply(jenkins, yaml, "exemptRoles: authenticated", name=name) == 500
        assert "exempt" not in (jenkins.home / f"{CONFIG}.xml").read_text()
