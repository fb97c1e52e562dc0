"""Puts a stand-in into the state that each recorded case began with, and plays the cases in order."""

from __future__ import annotations

import json
import pathlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from tests.jenkins.recordings.replay import Case, Player, differences
from tests.support.standin import QUESTIONS, StandIn

Found = tuple[int, list[str]]
Play = Callable[[Sequence[Case], pathlib.Path], Iterator[Found]]

CONFIG = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
def live = io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings
"""
READ_STATE = (
    CONFIG
    + """
def file = c.configFile.file
def xml = file.file ? file.readLines('UTF-8').drop(2)*.trim().join(' ') : ''
def memory = "tfa=${c.enableTfa} sq=${c.isEnableSecurityQuestionsAuthentication()} otp=${c.isEnableOtpOverEmailAuthentication()}"
println "mem{$memory sender=${c.senderEmailAddress}} static=$live xml= $xml"
"""
)
FORGET = """
def type = io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.%s
hudson.model.User.getAll().each { if (it.getProperty(type)) it.addProperty(type.newInstance()) }
"""
ADVANCED_DEFAULTS = """
def m = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig
c.@moAdvancedSettingsDTO = new io.jenkins.plugins.twofactor.jenkins.dto.MoAdvanceSettingsDTO(m.DEFAULT_SUBJECT, m.DEFAULT_TEMPLATE)
"""
ANSWERS = ('"userFirstAuthenticationAnswer":"a3"', '"userSecondAuthenticationAnswer":"a2"')
SAVEFORM_BEGINS_OFF = re.compile(r"(1|2|3|4|5|9|10|11) ")


def put(jenkins: StandIn, *, enabled: bool, live: bool, questions: bool, disk: bool | str = True, extra: str = "") -> None:
    """Memory, live flag and disk as given; disk is memory's image, or "absent". Nobody is enrolled."""
    jenkins.groovy(f"""{CONFIG}
c.setEnableTfa({str(enabled).lower()}); c.setEnableSecurityQuestionsAuthentication({str(questions).lower()})
c.@otpOverEmailDto = null; c.@moAdvancedSettingsDTO = null
{extra}
{"c.configFile.delete()" if disk == "absent" else "c.save()"}
live.put('ENABLE_MO_TFA_AUTHENTICATION', {str(live).lower()})""")
    for factor in ("MoSecurityQuestionConfig", "MoOtpOverEmailConfig"):
        jenkins.groovy(FORGET % factor)


def put_recorded(jenkins: StandIn, setup: dict[str, Any]) -> None:
    put(jenkins, enabled=setup["memory"], live=setup["live"], questions=setup["security_questions"], disk=setup["disk"])
    if setup["enrolled"] == ["alice"]:
        jenkins.browser("alice").enrol()


def state_differs(case: Case, jenkins: StandIn) -> list[str]:
    """Compares as far as the recording goes; it cuts long files, and closes none of the elements it does not show."""
    recorded = re.sub(r"\s+", " ", case["state_after"][case["state_after"].index("mem{") :]).strip()
    now = re.sub(r"\s+", " ", jenkins.groovy(READ_STATE)).strip()
    return [] if now.startswith(recorded) else [f"state {now}"]


def compared(player: Player, case: Case) -> list[str]:
    if "state_after" in case:
        return state_differs(case, player.jenkins)
    return differences(case, player.play(case), player.jenkins)


def play_2_541(cases: Sequence[Case], home: pathlib.Path) -> Iterator[Found]:
    with StandIn(flavour="jakarta", home=home) as jenkins:
        player, setup = Player(jenkins), cases[0]["setup"]
        for number, case in enumerate(cases):
            if case["setup"] != setup:
                setup = case["setup"]
                put_recorded(jenkins, setup)
            yield number, compared(player, case)


def play_2_462(cases: Sequence[Case], home: pathlib.Path) -> Iterator[Found]:
    with StandIn(flavour="javax", home=home, smtp_host="mail.lab.invalid") as jenkins:
        player, setup = Player(jenkins), cases[0]["setup"]
        for number, case in enumerate(cases):
            if case["setup"] != setup:
                setup = case["setup"]
                if isinstance(setup, dict) and isinstance(setup["enrolled"], list):
                    put_recorded(jenkins, setup)
            if number == 0 or case["file"] != cases[number - 1]["file"]:
                begin_file(player, case["file"])
            before_case(player, case, cases[number - 1])
            yield number, compared(player, case)
            if case["case"] == "POST /safeRestart token":
                jenkins.wait_restarted(1)


def begin_file(player: Player, file: str) -> None:
    """The state that a group of cases began with, where it is more than `setup` says."""
    jenkins = player.jenkins
    if file == "trap1b":
        jenkins.browser("alice").enrol()  # the answers show it, though `setup` does not say so
    elif file == "enrol":
        put(jenkins, enabled=True, live=True, questions=True)
        player.jars.pop("cja")
        player.jar("cja", "", path="/login")
    elif file == "recovery":
        put(jenkins, enabled=True, live=True, questions=True, extra=ADVANCED_DEFAULTS)
        edit_disk(jenkins, "enableTfa", "enableTfaForAllUsers", on=False)
    elif file == "unlock":
        jenkins.faults(plugin="enabled")
        jenkins.restart()
        put(jenkins, enabled=True, live=True, questions=True)
    elif file == "otp":
        put(jenkins, enabled=False, live=False, questions=True)
        email = {"senderEmailAddress": "jenkins@lab.invalid"}
        form = {"formPage": "basicConfig", "enableTfa": True, "enableSecurityQuestion": False, "enableOtpOverEmail": email}
        jenkins.browser("admin").call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(form)})


def before_case(player: Player, case: Case, previous: Case) -> None:
    """What happened between two cases without being recorded."""
    jenkins, name = player.jenkins, case["case"]
    first = name != previous["case"]
    if case["file"] == "saveform" and "curl" in case and SAVEFORM_BEGINS_OFF.match(name):
        put(jenkins, enabled=False, live=False, questions=False, extra=ADVANCED_DEFAULTS)
    elif name == "after: property set?":
        give_up(jenkins, "Thread.sleep(400); System.setProperty('lab.done', 'yes')")
    elif name.startswith("R1:") and "state_after" in case:
        jenkins.wait_restarted(2)
    elif name.startswith("R1b") and first:
        edit_disk(jenkins, "enableTfa", on=True)
    elif name.startswith("password, NO crumb POST"):
        jenkins.faults(plugin="disabled")
        jenkins.restart()
    elif name == "password + crumb + cookie" and case["file"] == "recovery":
        player.jar("cj2", "admin", "admin-pw-1", "/crumbIssuer/api/json")
    elif name == "enrolled admin, new session: wrong answers":
        player.jar("ck2", "admin")
    elif name == "enrolled admin, new session: right answers":
        answer_shown_questions(player)
    elif name == "bob submits the OTP":
        player.replace["72667"] = re.findall(r"\d{5}", jenkins.outbox()[-1]["body"])[0]
    elif name.startswith("admin (no address) resendOtp"):
        player.jar("cad", "admin")


def give_up(jenkins: StandIn, script: str) -> None:
    """A client that does not wait for its script."""
    browser = jenkins.browser("admin")
    try:
        browser.http.post(jenkins.url + "/scriptText", data={"script": script}, timeout=0.1)
    except requests.exceptions.ReadTimeout:
        time.sleep(0.6)
    else:
        raise AssertionError("the script was to outlast its client")


def answer_shown_questions(player: Player) -> None:
    """The recorded answers fit the questions that were shown then."""
    browser = player.jenkins.browser("admin")
    browser.http.cookies.update(player.jars["ck2"])
    page = browser.call("/tfaUserAuth/securityQuestionAuth/").text
    shown = sorted((question for question in QUESTIONS if question in page), key=page.find)
    for recorded, question in zip(ANSWERS, shown, strict=True):
        player.replace[recorded] = re.sub(r'"a\d"$', f'"{QUESTIONS[question]}"', recorded)


def edit_disk(jenkins: StandIn, *fields: str, on: bool) -> None:
    file = jenkins.home / "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
    text = file.read_text()
    for field in fields:
        text = re.sub(f"<{field}>\\w+", f"<{field}>{str(on).lower()}", text)
    file.write_text(text)


def play_configuration_as_code(cases: Sequence[Case], home: pathlib.Path) -> Iterator[Found]:
    """C1: the YAML says on and is applied by a reload; C2: by a start without a file; C4: it says off to an enforced Jenkins."""
    yaml = home / "jenkins.yaml"

    def says(enabled: bool) -> None:
        section = f"    enableTfa: {str(enabled).lower()}\n    enableSecurityQuestionsAuthentication: true\n"
        yaml.write_text(f"unclassified:\n  moGlobalConfig:\n{section}")

    says(False)
    with StandIn(flavour="javax", home=home, casc=yaml) as jenkins:
        player = Player(jenkins)
        jenkins.browser("admin").enrol()
        says(True)
        for number, case in enumerate(cases):
            if number == 0 or case["case"] != cases[number - 1]["case"] or "repeat" in case.get("state_after", ""):
                begin_yaml(jenkins, case, says)
            yield number, compared(player, case)


def begin_yaml(jenkins: StandIn, case: Case, says: Callable[[bool], None]) -> None:
    name = case["case"]
    file = jenkins.home / "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
    if name.startswith("C1 "):
        jenkins.groovy(CONFIG + "c.setEnableTfa(false); c.save()")
        assert jenkins.browser("admin").status("/configuration-as-code/reload", "POST") == 302
    elif "repeat" in case.get("state_after", "") or name.startswith("C2 "):
        says(True)
        file.unlink()
        jenkins.restart()
    elif name.startswith("C4 "):
        says(False)
        jenkins.restart()
    elif name.startswith("C"):
        jenkins.restart()
