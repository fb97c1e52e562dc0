"""Plays the recordings of the OpenMFA plugin: browsers by the words of `as`, codes of the moment, settings as `setup` says."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyotp

from tests.jenkins.recordings.replay import Case, Player, mask
from tests.jenkins.recordings.setups import Found
from tests.support.openmfa import code, secret_of, settings, wrong_code
from tests.support.standin import Browser, StandIn, crumb_in

MEMBERS = """
def type = io.jenkins.plugins.openmfa.MFAGlobalConfiguration
println type.declaredFields.findAll { !it.synthetic }.collect { it.name + ':' + it.type.simpleName }.sort()
println type.declaredMethods.findAll { !it.synthetic }.collect { it.name + '(' + it.parameterTypes*.simpleName.join(',') + ')' }.sort()
"""
PLUGIN = "def p = jenkins.model.Jenkins.get().pluginManager.getPlugin('openmfa'); println([p.shortName, p.active, p.enabled])"
CHAIN = """
def context = jenkins.model.Jenkins.get().getServletContext()
println hudson.util.PluginServletFilter.getInstance(context).list.collect { it.class.name + ' / ' + it }
"""
STATE = """
def c = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get()
def users = hudson.model.User.getAll().findAll { io.jenkins.plugins.openmfa.MFAUserProperty.forUser(it)?.isEnabled() }*.id
println groovy.json.JsonOutput.toJson([requireMFA: c.requireMFA, issuer: c.issuer, exemptUsers: c.exemptUsers,
    exemptRoles: c.exemptRoles, xml: new File(jenkins.model.Jenkins.get().rootDir, c.class.name + '.xml').text, enrolled: users])
"""
# What the recorded bodies were searched for.
MARKERS = (
    "Jenkins-Crumb", "mfa-setup", "mfa-login", "x-plugin-openmfa-secret", "x-plugin-openmfa-code", "x-plugin-openmfa-totp",
    "QR", "Invalid", "data:image/png",
)  # fmt: skip
USERS: Mapping[str, Mapping[str, Any]] = {
    name: {"password": f"{name}-pw-1", "groups": ["service-accounts" if name == "robot" else "developers"]}
    for name in ("alice", "bob", "carol", "robot")
}


class OpenMfaPlayer(Player):
    """Each "password session" is a new log-in; other words go on with a session of before."""

    def __init__(self, jenkins: StandIn) -> None:
        super().__init__(jenkins)
        self.anonymous = Browser(jenkins.url)
        self.last = self.anonymous
        self.verified: Browser | None = None
        self.other: Browser | None = None
        self.secret = pyotp.random_base32()
        self.used = ""

    def logged_in(self, name: str) -> Browser:
        browser = Browser(self.jenkins.url, name)
        browser.login(f"{name}-pw-1")
        return browser

    def of(self, words: str) -> Browser:
        name = words.split()[0]
        if words == "anonymous":
            return self.anonymous
        if "api token" in words:
            return self.jenkins.browser(name)
        if "basic auth" in words:
            return self.jenkins.browser(name, f"{name}-pw-1")
        if words == "alice verified" and self.verified is not None:
            return self.verified
        if words == "alice other session":
            self.other = self.other or self.logged_in(name)
            return self.other
        if "password session" in words:
            self.last = self.logged_in(name)
        return self.last

    def differs(self, case: Case) -> list[str]:
        if "value" in case:
            now = self.value(case)
            return [] if now == self.comparable(case) else [f"value {now}"]
        browser = self.of(case["as"])
        form = self.form(case, browser)
        answer = browser.call("/" + case["path"], case["method"], data=form)
        if case["case"] == "enrolled: next step's code":
            self.verified = browser
        found = [] if answer.status_code == case["status"] else [f"status {answer.status_code}"]
        place = answer.headers.get("Location")
        if (place and mask(place, self.jenkins)) != (case["location"] and mask(case["location"], self.jenkins)):
            found.append(f"location {place}")
        markers = {marker for marker in MARKERS if marker in answer.text}
        if markers != set(case["markers"]):
            found.append(f"markers {sorted(markers)}")
        cookies = sorted({name.split(".")[0] for name in answer.cookies.get_dict()})
        if cookies != case["set_cookie"]:
            found.append(f"cookies {cookies}")
        return found

    def form(self, case: Case, browser: Browser) -> dict[str, str]:
        values = {"script": "println 1", "from": "/job/x/", "x-plugin-openmfa-secret": self.secret}
        form = {name: values[name] for name in case["fields"] if name in values}
        if case["case"] == "enrolled: enable again from an unverified session":
            self.secret = form["x-plugin-openmfa-secret"] = pyotp.random_base32()
        if case["case"] == "locked: challenge page":
            return form
        for name in ("x-plugin-openmfa-code", "x-plugin-openmfa-totp"):
            if name in case["fields"]:
                form[name] = self.code(case["case"])
        if "Jenkins-Crumb" in case["fields"]:
            page = "/mfa-login/" if "mfa-login" in case["path"] else f"/user/{browser.name}/mfa-setup/"
            form |= crumb_in(browser.call(page).text)
        return form

    def code(self, name: str) -> str:
        if "wrong code" in name:
            return wrong_code(self.secret)
        if name not in ("enrolled: code used at enrolment again", "replay: the same code"):
            self.used = code(self.secret, 1 if name == "enrolled: next step's code" else 0)
        return self.used

    def comparable(self, case: Case) -> Any:
        return without_hashes(case["value"]) if isinstance(case["value"], str) else case["value"]

    def value(self, case: Case) -> Any:
        name = case["case"]
        if name == "secret":
            page = self.last.call("/user/alice/mfa-setup/").text
            offered = re.findall(r'name="x-plugin-openmfa-secret" value="([^"]+)"', page)[0]
            script = f"print hudson.util.Secret.fromString('{offered}').plainText.findAll('[A-Z2-7]').size()"
            return {"base32_chars": int(self.jenkins.groovy(script))}
        if name == "user xml":
            return (self.jenkins.home / "users/alice/config.xml").is_file()
        if name == "xml on disk":
            return json.loads(self.jenkins.groovy(STATE))["xml"]
        if name == "state after setters and save":
            return json.loads(self.jenkins.groovy(STATE))
        return without_hashes(self.jenkins.groovy({"classes": MEMBERS, "plugin": PLUGIN, "filter chain": CHAIN}[name]))


def without_hashes(text: str) -> str:
    return re.sub(r"@[0-9a-f]{5,8}\b", "@HASH", text)


def put(jenkins: StandIn, setup: Mapping[str, Any]) -> None:
    settings(jenkins, required=setup["requireMFA"], users=setup["exemptUsers"].split("\n"), groups=setup["exemptRoles"].split("\n"))
    assert [name for name in ("admin", *USERS) if secret_of(jenkins, name)] == setup["enrolled"]


def play(cases: Sequence[Case], home: pathlib.Path) -> Iterator[Found]:
    more: dict[str, Any] = {"context_path": "/jenkins", "realm": "groups", "users": USERS, "plugins": ("openmfa",)}
    with StandIn(home=home, plugin_version="111", **more) as jenkins:
        player, setup = OpenMfaPlayer(jenkins), None
        settings(jenkins, required=False)
        for number, case in enumerate(cases):
            if case.get("setup", setup) != setup:
                setup = case["setup"]
                put(jenkins, setup)
            yield number, player.differs(case)
