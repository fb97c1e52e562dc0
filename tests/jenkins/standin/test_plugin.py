"""The plugin in the stand-in beyond what was recorded: context path, root URLs, a realm with groups, mails, configuration-as-code."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Literal

import pytest

from tests.support.standin import StandIn

FLAVOURS = ["javax", "jakarta"]
Flavour = Literal["javax", "jakarta"]
ON = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
c.setEnableTfa(true); c.setEnableSecurityQuestionsAuthentication(true); c.save()
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true
"""


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_browser_enrols_below_a_context_path(flavour: Flavour) -> None:
    with StandIn(flavour=flavour, context_path="/ci") as jenkins:
        assert jenkins.url.endswith("/ci")
        jenkins.groovy(ON)
        browser = jenkins.browser("alice")
        browser.login("alice-pw-1")
        assert browser.place() == "/user/alice/tfaConfiguration/"
        page = browser.call("/user/alice/tfaConfiguration/").text
        assets = re.findall(r'(?:src|href)="/ci(/[^"]+\.(?:js|css|png|svg|ico))"', page)
        assert len(assets) >= 5
        assert {browser.status(asset) for asset in assets} == {200}
        assert browser.enrol().headers["Location"].removeprefix(jenkins.url) == "/"
        assert [browser.status(), browser.status("/job/x/build", "POST", headers=browser.crumb())] == [200, 201]
        assert "/ci/login?from=%2Fci%2F" in jenkins.browser().call("/").text


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("root_url", ["https://jenkins.example.com/ci/", None])
def test_a_challenge_redirects_to_the_configured_root_url(flavour: Flavour, root_url: str | None) -> None:
    with StandIn(flavour=flavour, root_url=root_url) as jenkins:
        jenkins.groovy(ON)
        location = jenkins.browser("admin").call("/").headers["Location"]
        assert location.endswith((root_url or "/null") + "user/admin/tfaConfiguration/")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_groups_of_a_realm_appear_in_request_and_user(flavour: Flavour) -> None:
    users = {"carol": {"password": "carol-pw-1", "groups": ["Devs", "all"]}}
    with StandIn(flavour=flavour, realm="groups", users=users) as jenkins:
        for secret in ("carol-pw-1", jenkins.tokens["carol"]):
            assert jenkins.browser("carol", secret).call("/whoAmI/api/json").json()["authorities"] == ["Devs", "all", "authenticated"]
        assert jenkins.groovy("print hudson.model.User.get('carol').authorities") == "[Devs, all]"
        may = "j.getACL().hasPermission2(hudson.model.User.get(it).impersonate2(), j.ADMINISTER)"
        assert jenkins.groovy(f"def j = jenkins.model.Jenkins.get(); print(['carol', 'ADMIN'].collect {{ {may} }})") == "[false, true]"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_missing_mail_server_fails_silently(flavour: Flavour) -> None:
    with StandIn(flavour=flavour) as jenkins:
        form = {
            "formPage": "basicConfig",
            "enableTfa": True,
            "enableSecurityQuestion": False,
            "enableOtpOverEmail": {"senderEmailAddress": "j@lab.invalid"},
        }
        jenkins.browser("admin").call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(form)})
        bob = jenkins.browser("bob")
        assert [bob.place(), bob.status("/tfaUserAuth/otpOverEmailAuth/resendOtp", "POST"), jenkins.outbox()] == [
            "/user/bob/tfaConfiguration/",
            302,
            [],
        ]
        jenkins.groovy("jenkins.model.Jenkins.get().getDescriptor('hudson.tasks.Mailer').setSmtpHost('mail.lab.invalid')")
        jenkins.restart()
        bob = jenkins.browser("bob")
        bob.status("/tfaUserAuth/otpOverEmailAuth/resendOtp", "POST")
        (mail,) = jenkins.outbox()
        assert [mail["to"], mail["from"]] == ["bob@lab.invalid", "j@lab.invalid"]
        code = {"emailOtpForVerification": re.findall(r"\d{5}", mail["body"])[0]}
        bob.call("/tfaUserAuth/otpOverEmailAuth/saveOrValidateOtpOverEmailConfig", "POST", data={"json": json.dumps(code)})
        assert bob.status() == 200


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_configuration_as_code_lags_one_restart_in_both_directions(flavour: Flavour, tmp_path: pathlib.Path) -> None:
    yaml = tmp_path / "jenkins.yaml"
    section = "unclassified:\n  moGlobalConfig:\n    enableTfa: %s\n    enableSecurityQuestionsAuthentication: true\n"
    yaml.write_text(section % "true")
    with StandIn(flavour=flavour, casc=yaml) as jenkins:
        alice = [jenkins.browser("alice").status()]
        jenkins.restart()
        alice.append(jenkins.browser("alice").status())
        yaml.write_text(section % "false")
        jenkins.restart()
        alice.append(jenkins.browser("alice").status())
        jenkins.restart()
        alice.append(jenkins.browser("alice").status())
        assert alice == [200, 302, 302, 200]
        assert jenkins.groovy("print io.jenkins.plugins.casc.ConfigurationAsCode.get().sources") == f"[{yaml}]"
