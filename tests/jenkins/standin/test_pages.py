"""Pages of the plugin in the stand-in beyond the recordings: other paths, and pages known from the plugin's source."""

from __future__ import annotations

import json

import pytest

from tests.support.standin import Browser, StandIn

pytestmark = pytest.mark.both_flavours

PACKAGE = "io.jenkins.plugins.twofactor.jenkins"
SETTINGS = f"/descriptorByName/{PACKAGE}.MoGlobalConfig/advancedSettings/saveAdvancedSettingsConfiguration"
CONFIGURED = f"print hudson.model.User.getById('%s', false).getProperty({PACKAGE}.tfaMethodsConfig.%s).isConfigured()"
OFF = {"formPage": "basicConfig", "enableTfa": False, "enableSecurityQuestion": True}


def person(jenkins: StandIn, name: str) -> Browser:
    return jenkins.browser(name, f"{name}-pw-1")


def questions_of(jenkins: StandIn, name: str) -> bool:
    return jenkins.groovy(CONFIGURED % (name, "MoSecurityQuestionConfig")) == "true"


@pytest.mark.parametrize(
    "below", ["/user/bob", "/manage/user/bob", "/manage/manage/user/bob", "/static/x/user/bob", "/securityRealm/user/bob"]
)
def test_a_user_has_several_paths(standin: StandIn, below: str) -> None:
    person(standin, "bob").enrol()
    answer = person(standin, "alice").call(f"{below}/securityQuestionConfig/reset", "POST", headers={"Referer": standin.url + "/"})
    assert [answer.status_code, questions_of(standin, "bob")] == [302, False]


def test_the_own_pages_are_below_me(standin: StandIn) -> None:
    alice = person(standin, "alice")
    alice.enrol()
    assert alice.status("/me/securityQuestionConfig/reset", "POST", headers=alice.crumb()) == 500
    assert not questions_of(standin, "alice")


def test_a_users_form_includes_the_factors(standin: StandIn) -> None:
    alice = person(standin, "alice")
    for page, configured in (("configSubmit", True), ("security/configSubmit", False)):
        form = {"json": json.dumps({"userProperty1": {"isConfigured": configured}})}
        alice.call(f"/user/alice/{page}", "POST", data=form)
        assert standin.groovy(CONFIGURED % ("alice", "MoOtpOverEmailConfig")) == str(configured).lower()
    assert alice.status("/user/bob/configSubmit", "POST", data={"json": '{"userProperty1": {"isConfigured": true}}'}) == 403


def test_the_mail_form_saves_the_other_pages_settings(standin: StandIn) -> None:
    enabled = f"print {PACKAGE}.MoGlobalConfig.get().enableTfa"
    standin.groovy(f"{PACKAGE}.MoGlobalConfig.get().setEnableTfa(true)")
    for name, left in (("alice", "true"), ("admin", "false")):
        assert person(standin, name).status(SETTINGS, "POST", data={"json": json.dumps(OFF)}) == 302
        assert standin.groovy(enabled) == left


def test_everybody_can_create_groups_and_they_are_kept(standin: StandIn) -> None:
    alice, page = person(standin, "alice"), "/manage/tfaGlobalConfig/userManagement"
    assert alice.status(f"{page}/createGroup", "POST", data={"groupName": "devs"}) == 302
    file = standin.home / f"{PACKAGE}.GroupManager.xml"
    assert "<name>devs</name>" in file.read_text()
    assert "devs" in alice.call(f"{page}/groups").text
    assert standin.groovy(f"def m = {PACKAGE}.GroupManager.get(); m.@groups.clear(); m.load(); print m.allGroups*.name") == "[devs]"
    alice.call(f"{page}/deleteGroup", "POST", data={"groupName": "devs"})
    assert "devs" not in file.read_text()


def test_the_plugin_manager_is_reachable_below_a_plugin(standin: StandIn) -> None:
    for start in ("/plugin/mailer/wrapper/parent", "/static/x/plugin/miniorange-two-factor/wrapper/parent"):
        found = [person(standin, name).status(start + end) for name in ("alice", "admin") for end in ("/api/json", "/nothing.css")]
        assert found == [403, 403, 200, 404]
        assert standin.browser().status(start + "/api/json") == 403
    assert person(standin, "alice").status("/plugin/mailer/wrapper/makeDisabled", "POST") == 403


def test_anonymous_users_have_no_challenge(standin: StandIn) -> None:
    assert standin.browser().status("/tfaUserAuth/securityQuestionAuth/") == 403
    assert standin.browser().status("/me/securityQuestionConfig/") == 403


def test_killing_the_process_while_it_writes_loses_no_user() -> None:
    with StandIn() as jenkins:
        alice = person(jenkins, "alice")
        alice.enrol()
        save = "Thread.start { while (true) hudson.model.User.getById('alice', false).save() }; Thread.sleep(300)"
        jenkins.groovy(save)
        jenkins.kill()
        jenkins.start()
        assert questions_of(jenkins, "alice")
