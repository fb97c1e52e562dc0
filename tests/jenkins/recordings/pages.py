"""Plays the recordings of the plugin's own pages: browsers by the words of `as`, forms by the page, unrecorded steps in between."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from tests.jenkins.recordings.replay import Case, Player, differences
from tests.jenkins.recordings.setups import CONFIG, FORGET, Found, Play
from tests.support.standin import QUESTIONS, Browser, StandIn

ENROLLED = """
def loader = jenkins.model.Jenkins.get().pluginManager.uberClassLoader
println(['MoOtpOverEmailConfig', 'MoSecurityQuestionConfig'].collectEntries {
    def type = Class.forName('io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.' + it, true, loader)
    [it, hudson.model.User.getById('%s', false).getProperty(type).isConfigured()]
})
"""
GROUPS = """
def manager = io.jenkins.plugins.twofactor.jenkins.GroupManager.get()
[manager.class, io.jenkins.plugins.twofactor.jenkins.Group].each { type ->
    println type.declaredFields.collect { it.name + ':' + it.genericType }
}
println new File(jenkins.model.Jenkins.get().rootDir, manager.class.name + '.xml').text
"""
TOKENS = """
def robot = hudson.model.User.getById('robot', false)
def found = robot.getProperty(jenkins.security.ApiTokenProperty).tokenList.findAll { it.name == 'bench' }
println found.collect { [it.name, it.isLegacy, it.useCounter, it.numDaysCreation] }
println found[0].properties.keySet()
"""
ANONYMOUS_READS = """
def type = org.jenkinsci.plugins.matrixauth.AuthorizationType.USER
def entry = new org.jenkinsci.plugins.matrixauth.PermissionEntry(type, 'anonymous')
def granted = jenkins.model.Jenkins.get().authorizationStrategy.grantedPermissionEntries[jenkins.model.Jenkins.READ]
%s
"""
NEW_ANSWERS = {question: answer + " anew" for question, answer in QUESTIONS.items()}
WRONG_CODES = 120  # the recorded clients sent about 500 in two seconds
CHALLENGE = "tfaUserAuth/securityQuestionAuth/"


class PagesPlayer(Player):
    """Each "password session" is a new one; other words go on with the session that was used last, or of that user."""

    def __init__(self, jenkins: StandIn, passwords: dict[str, str]) -> None:
        super().__init__(jenkins)
        self.passwords = passwords
        self.last = Browser(jenkins.url)
        self.first_of_mail: Browser | None = None

    def browser(self, name: str) -> Browser:
        return self.jenkins.browser(name, self.passwords[name])

    def of(self, case: Case) -> Browser:
        words, name = case["as"], re.match(r"\w+", case["as"])[0]  # type: ignore[index]
        if name == "anonymous":
            return Browser(self.jenkins.url)
        if "password session" in words:
            self.last = self.browser(name)
        elif words == "alice first session" and self.first_of_mail is not None:
            self.last = self.first_of_mail
        elif words == "bob verified, Read and Build":
            self.last = self.browser(name)
            self.last.enrol()
        if case["case"] == "mail: send":
            self.first_of_mail = self.last
        return self.last

    def differs(self, case: Case) -> list[str]:
        if "value" in case:
            now = self.value(case)
            return [] if now == case["value"] else [f"value {now}"]
        browser, headers = self.of(case), {}
        if case["crumb"]:
            headers.update(browser.crumb())
        if case["path"].endswith("/reset") and not self.without_way_back(case):
            headers["Referer"] = self.jenkins.url + "/"
        form = {"json": json.dumps(self.form(case, browser))} if case["fields"] else None
        answer = self._masked(browser.call("/" + case["path"], case["method"], data=form, headers=headers))
        found = differences(case, answer, self.jenkins)
        if answer.status < 300 and bool(case["body_chars"]) != bool(answer.body):
            found.append(f"body {answer.body[:60]!r}")
        return found

    @staticmethod
    def without_way_back(case: Case) -> bool:
        """A refused anonymous request has no use for the header; the one that was let in had none, as its answer shows."""
        return case["case"] in ("reset without a Referer", "reset by anonymous without Read")

    def form(self, case: Case, browser: Browser) -> dict[str, str]:
        name = case["case"]
        if case["path"].endswith("saveSecurityQuestion"):
            return enrolment(QUESTIONS)
        if case["path"].endswith("saveOrValidateOtpOverEmailConfig"):
            return {"emailOtpForVerification": self.code(name)}
        if name == "blank answers":
            return answers("", "")
        given = NEW_ANSWERS if name.endswith("new answers") else QUESTIONS
        page = browser.call("/" + CHALLENGE).text
        shown = sorted((question for question in QUESTIONS if question in page), key=page.find)
        return answers(*(given[question] for question in shown))

    def codes(self) -> list[str]:
        return [re.findall(r"\b\d{5}\b", mail["body"])[0] for mail in self.jenkins.outbox()]

    def code(self, name: str) -> str:
        if name == "mail: answer before a code was sent":
            return "12345"
        return self.codes()[-2 if name == "mail: the older code" else -1]

    def value(self, case: Case) -> Any:
        name = case["case"]
        if name == "GroupManager":
            return self.jenkins.groovy(GROUPS).strip()
        if name == "ApiTokenProperty":
            return self.jenkins.groovy(TOKENS).strip()
        if name == "mail: digits of the code":
            return [len(code) for code in self.codes()]
        if name.startswith("mail: wrong codes"):
            return case["value"] if self.wrong_codes() == WRONG_CODES else "a lock after many wrong codes"
        return self.jenkins.groovy(ENROLLED % ("bob" if name.endswith("bob") else "alice")).strip()

    def wrong_codes(self) -> int:
        page, browser = "/tfaUserAuth/otpOverEmailAuth/", self.first_of_mail or self.last
        tries = ({"json": json.dumps({"emailOtpForVerification": f"wrong {number}"})} for number in range(WRONG_CODES))
        return sum(browser.place(page + "saveOrValidateOtpOverEmailConfig", "POST", data=form).endswith(page) for form in tries)


def enrolment(given: dict[str, str]) -> dict[str, str]:
    (first, a1), (second, a2), (third, a3) = given.items()
    return {
        "firstSecurityQuestion": first, "firstSecurityQuestionAnswer": a1, "secondSecurityQuestion": second,
        "secondSecurityQuestionAnswer": a2, "customSecurityQuestion": third, "customSecurityQuestionAnswer": a3,
    }  # fmt: skip


def answers(first: str, second: str) -> dict[str, str]:
    return {"userFirstAuthenticationAnswer": first, "userSecondAuthenticationAnswer": second}


def put(jenkins: StandIn, setup: dict[str, bool]) -> None:
    live, questions = (str(setup[key]).lower() for key in ("live", "security_questions"))
    email = "new io.jenkins.plugins.twofactor.jenkins.dto.MoOtpOverEmailDto(true, 'j@lab.invalid')" if setup["email_otp"] else "null"
    jenkins.groovy(f"""{CONFIG}
c.setEnableTfa({live}); c.setEnableSecurityQuestionsAuthentication({questions}); c.@otpOverEmailDto = {email}; c.save()
live.put('ENABLE_MO_TFA_AUTHENTICATION', {live})""")


def forget(jenkins: StandIn) -> None:
    for factor in ("MoSecurityQuestionConfig", "MoOtpOverEmailConfig"):
        jenkins.groovy(FORGET % factor)


def save(browser: Browser, given: dict[str, str] = QUESTIONS) -> None:
    page = f"/user/{browser.name}/securityQuestionConfig/saveSecurityQuestion"
    assert browser.status(page, "POST", data={"json": json.dumps(enrolment(given))}) == 302


def before(player: PagesPlayer, case: Case, anonymous_could_read: bool) -> None:
    """What happened between two cases without being recorded, as far as the answers after it show."""
    jenkins, name = player.jenkins, case["case"]
    if name in ("only mail on: GET /", "mail: page", "challenge page before enrolment (keeps what is there)"):
        forget(jenkins)
    elif name == "own reset, verified, crumb":
        player.last.call("/" + CHALLENGE)
    elif name.endswith("new enrolment: new answers"):
        save(player.browser(player.last.name or ""), NEW_ANSWERS)
    elif name.startswith(("reset ", "enrolled but unverified: page")):
        save(player.browser("alice"))
    elif name == "ApiTokenProperty":
        use_a_token(jenkins, int(case["value"].split(", ")[2]))
    if name.startswith("reset by anonymous"):
        # The first of the two got the page of a 500, which is behind Overall/Read, on one of the controllers: anonymous could read there.
        reads = anonymous_could_read or name.endswith("who may read")
        jenkins.groovy(ANONYMOUS_READS % ("granted.add(entry)" if reads else "granted.remove(entry)"))


def use_a_token(jenkins: StandIn, times: int) -> None:
    page = "/user/robot/descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken"
    token = jenkins.browser("robot").call(page, "POST", data={"newTokenName": "bench"}).json()["data"]["tokenValue"]
    for _ in range(times):
        assert jenkins.browser("robot", token).status("/login") == 200


def _player(flavour: Literal["javax", "jakarta"], context_path: str, anonymous_could_read: bool) -> Play:
    passwords = {name: f"{name}-pw-1" for name in ("alice", "bob", "carol", "robot")}
    users = {name: {"password": password, "email": f"{name}@lab.invalid", "groups": ["developers"]} for name, password in passwords.items()}

    def play(cases: Sequence[Case], home: pathlib.Path) -> Iterator[Found]:
        realm = "groups" if flavour == "jakarta" else "own"
        more: dict[str, Any] = {"realm": realm, "users": users, "smtp_host": "mail.lab.invalid"}
        with StandIn(flavour=flavour, home=home, context_path=context_path, **more) as jenkins:
            player, setup = PagesPlayer(jenkins, passwords), None
            for number, case in enumerate(cases):
                if case["setup"] != setup:
                    setup = case["setup"]
                    put(jenkins, setup)
                before(player, case, anonymous_could_read)
                yield number, player.differs(case)

    return play


play_2_462 = _player("javax", "", anonymous_could_read=True)
play_2_541 = _player("jakarta", "/jenkins", anonymous_could_read=False)
