"""A stand-in that many tests share and that is reset for each, because starting a JVM and compiling the scripts takes seconds."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.support.standin import StandIn

FRESH = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def state = context.getAttribute('jenkins2fa')
[state?.trialTimer, state?.breakGlassTimer]*.cancel(false)
state?.watch?.end()
state?.passes?.each { name, pass -> if (pass instanceof java.util.concurrent.atomic.AtomicBoolean) pass.set(false) }
context.removeAttribute('jenkins2fa')
def chain = hudson.util.PluginServletFilter.getInstance(context).list
chain.removeAll(chain.findAll { it.toString() == 'jenkins2fa-gate' })
new File(jenkins.rootDir, 'jenkins2fa').deleteDir()
new File(jenkins.rootDir, 'init.groovy.d').deleteDir()
jenkins.doCancelQuietDown()
jenkins.getDescriptor('hudson.tasks.Mailer').setSmtpHost('mail.lab.invalid')
"""
FRESH_MINI_ORANGE = """
import io.jenkins.plugins.twofactor.jenkins.*
def config = MoGlobalConfig.get()
config.configFile.file.directory ? config.configFile.file.deleteDir() : config.configFile.file.delete()
def pristine = MoGlobalConfig.newInstance()
MoGlobalConfig.declaredFields.findAll { !java.lang.reflect.Modifier.isStatic(it.modifiers) }.each { field ->
    field.accessible = true
    field.set(config, field.get(pristine))
}
MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false
def challenges = hudson.ExtensionList.lookupSingleton(MoUserAuth)
[challenges.@moSecurityQuestionAuthMap, challenges.@moOtpOverEmailAuthMap, MoFilter.userAuthenticationStatus]*.clear()
io.jenkins.plugins.twofactor.jenkins.tfaMethodsAuth.MoOtpOverEmailAuth.@sentOtp.clear()
GroupManager.get().setGroups(new java.util.concurrent.ConcurrentHashMap())
hudson.model.User.getAll().each { user ->
    user.allProperties.findAll { it.class.name.contains('tfaMethodsConfig') }.each { user.addProperty(it.class.newInstance()) }
    user.save()
}
"""
FRESH_OPEN_MFA = """
import io.jenkins.plugins.openmfa.*
import io.jenkins.plugins.openmfa.service.*
def config = MFAGlobalConfiguration.get(), services = io.jenkins.plugins.openmfa.base.MFAContext.i()
config.setRequireMFA(false); config.setIssuer(null)
if (config.hasProperty('exemptRoles')) { config.setExemptRoles(null); config.setExemptUsers(null) }
config.configFile.delete()
services.getService(TOTPService).@usedCodes.clear()
services.getService(RateLimitService).with { it.@failedAttempts.clear(); it.@lockouts.clear() }
hudson.model.User.getAll().each { user ->
    MFAUserProperty.getOrCreate(user).setSecret(null)
    user.save()
}
"""
OF_PLUGIN = {"miniorange": FRESH_MINI_ORANGE, "openmfa": FRESH_OPEN_MFA}


def fresh(jenkins: StandIn) -> StandIn:
    """Reset to the state after the first start, but with the compiled scripts, and with a mail server."""
    for script in (FRESH, *(OF_PLUGIN[name] for name in jenkins.plugins)):
        jenkins.groovy(script)
    return jenkins


class Kept:
    """One stand-in for the session, with the options of StandIn. After a failed test, the next one gets a new process."""

    def __init__(self, **options: Any) -> None:
        self._options = {"smtp_host": "mail.lab.invalid", **options}
        self._held: StandIn | None = None
        self._failures = 0

    def fresh(self, failures: int) -> StandIn:
        """Reset, with new tokens, so that instances left in the cluster by an earlier test cannot log in.

        ``failures``: how many tests of the session have failed so far."""
        held = self._held
        if held is None or not held.running or failures != self._failures:
            self.close()
            held = self._held = StandIn(**self._options).start()
            self._failures = failures
        renew_tokens(held)
        return fresh(held)

    def close(self) -> None:
        if self._held is not None:
            self._held.__exit__(None, None, None)
            self._held = None


def renew_tokens(jenkins: StandIn) -> None:
    """Revoke every API token, and give each user another."""
    jenkins.tokens = {name: "11" + secrets.token_hex(16) for name in jenkins.tokens}
    (jenkins.home / "standin-tokens.json").write_text(json.dumps({token: name for name, token in jenkins.tokens.items()}))
    jenkins.groovy("standin.web.JenkinsRun.reloadTokens()")
