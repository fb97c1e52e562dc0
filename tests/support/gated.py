"""Installs the gate with a given configuration in a stand-in: the real resident script, without an operator."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from jenkins2fa.jenkins.scripts import resident_text
from tests.support.openmfa import Scripted
from tests.support.standin import Browser, StandIn

QUESTION_PAGE, MAIL_PAGE = "/tfaUserAuth/securityQuestionAuth/", "/tfaUserAuth/otpOverEmailAuth/"
WRONG = {"json": '{"userFirstAuthenticationAnswer": "no", "userSecondAuthenticationAnswer": "no"}'}
PRELUDE = """import io.jenkins.plugins.twofactor.jenkins.*
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def chain = hudson.util.PluginServletFilter.getInstance(context).list
def state = context.getAttribute('jenkins2fa')
"""
ON = """def c = MoGlobalConfig.get()
c.setEnableTfa(true); c.setEnableSecurityQuestionsAuthentication(true)
c.@otpOverEmailDto = %s
c.save(); MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true
"""
EMAIL_TOO = "new dto.MoOtpOverEmailDto(true, 'jenkins@lab.invalid')"
INSTALL = """def text = new String(%s.join('').decodeBase64(), 'UTF-8')
def code = context.getAttribute('tests.code')
if (code?.source?.text != text) {
    code = new GroovyShell(jenkins.pluginManager.uberClassLoader, new Binding(text: text)).evaluate(text, 'jenkins2fa_resident.groovy')
    context.setAttribute('tests.code', code)
}
code.gate.install(new groovy.json.JsonSlurperClassic().parseText(new String('%s'.decodeBase64(), 'UTF-8')), code.code)
"""


def groovy(jenkins: Scripted, text: str) -> str:
    """Run Groovy as SYSTEM, with jenkins, context, chain and the gate's state as variables."""
    return jenkins.groovy(PRELUDE + text)


def switch_on(jenkins: StandIn, email: bool = False) -> None:
    """2FA in every layer, by security questions and, if asked for, one-time passwords by mail."""
    groovy(jenkins, ON % (EMAIL_TOO if email else "null"))


def gate(jenkins: StandIn, **configuration: Any) -> None:
    """Install the gate, or replace the rules of the installed one."""
    data = json.dumps({"operator": "admin", **configuration})
    resident, rules = (base64.b64encode(text.encode()).decode() for text in (resident_text(), data))
    parts = [resident[at : at + 60_000] for at in range(0, len(resident), 60_000)]  # a literal of a class file has at most 65,535 bytes
    groovy(jenkins, INSTALL % (parts, rules))


def gated(jenkins: StandIn, **configuration: Any) -> StandIn:
    """2FA on and the gate in place."""
    switch_on(jenkins)
    gate(jenkins, **configuration)
    return jenkins


AGE = """state.marks.@sessions.keySet().each { session ->
    try {
        session.attributeNames.toList().findAll { it.startsWith('jenkins2fa.verified.') }.each { name ->
            def held = session.getAttribute(name)
            session.setAttribute(name, held + [at: held.at - %d * 1_000_000_000L])
        }
    } catch (IllegalStateException ended) { }
}
state.endedRecords?.replaceAll { key, at -> at - %d * 1_000_000_000L }
null"""


def age(jenkins: Scripted, seconds: int) -> None:
    """Make every verified session older by this time, and every end of one."""
    groovy(jenkins, AGE % (seconds, seconds))


def builds(jenkins: StandIn) -> int:
    """How many builds of the job `x` have started."""
    return int(groovy(jenkins, "print jenkins.getItem('x').buildRequests"))


def verified(jenkins: StandIn, name: str) -> Browser:
    """A browser that has logged in and given its second factor, after enrolling if necessary. The password is <name>-pw-1."""
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    if "tfaConfiguration" in browser.place():
        browser.enrol()
    else:
        browser.second_factor()
    browser.status("/")  # by then the gate has noted it
    return browser


def guess(browser: Browser, **headers: str) -> int:
    """Send a wrong answer; returns the outcome."""
    crumb = browser.page_crumb(QUESTION_PAGE)
    return browser.status(QUESTION_PAGE + "securityQuestionAuthenticate", "POST", data=WRONG, headers={**crumb, **headers})


def mail(jenkins: StandIn, browser: Browser) -> str:
    """Request a code; returns the newest mailed one."""
    browser.call(MAIL_PAGE + "resendOtp", "POST", headers=browser.page_crumb(MAIL_PAGE))
    return re.findall(r"\b\d{5}\b", jenkins.outbox()[-1]["body"])[0]


def answer_by_mail(browser: Browser, code: str) -> int:
    form = {"json": f'{{"emailOtpForVerification": "{code}"}}'}
    browser.call(MAIL_PAGE + "saveOrValidateOtpOverEmailConfig", "POST", data=form, headers=browser.page_crumb(MAIL_PAGE))
    return browser.status("/job/x/")


def by_mail(jenkins: StandIn, *names: str) -> None:
    """Enrol these users by mail, and enable that factor."""
    switch_on(jenkins, email=True)
    for name in names:
        groovy(jenkins, f"hudson.model.User.getById('{name}', true).addProperty(new tfaMethodsConfig.MoOtpOverEmailConfig(true)); null")
