"""What people and accidents do to a Jenkins whose 2FA is in force. None of it is told to whoever looks after it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from tests.support.actions import take_gate_out
from tests.support.gated import groovy
from tests.support.people import administrator, save_form
from tests.support.standin import StandIn

PERSON = "carol"  # an administrator who is nobody's account
PASSWORD = "carol-pw-1"
SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
LIVE = "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
MEMORY_OFF = "MoGlobalConfig.get().setEnableTfa(false)"
FACTOR_OFF = "MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(false)"
TAKE_FILTER_OUT = "chain.removeAll(chain.findAll { it.class.name =~ /MoFilter|FilterWrapper/ })"
OURS = ("jenkins2fa", "plugins/moTfaGlobalConfig", "init.groovy.d/jenkins2fa.groovy")


@dataclass(frozen=True, slots=True)
class Drift:
    """``with_gate``: it is about our gate, so it can befall only a Jenkins that has it. ``longer``: so many more seconds it is watched."""

    key: str
    name: str
    strike: Callable[[StandIn], None]
    with_gate: bool = False
    longer: float = 0.0


def restart(jenkins: StandIn, seconds: float = 30) -> bool:
    """Restarts Jenkins; whether it came back."""
    before = jenkins.runs()
    jenkins.restart(wait=False)
    end = time.monotonic() + seconds
    while time.monotonic() < end and jenkins.running:
        try:
            jenkins.wait_restarted(before, 0.3)
        except (TimeoutError, requests.RequestException):
            continue
        return True
    return False


def _in_groovy(text: str) -> Callable[[StandIn], None]:
    def strike(jenkins: StandIn) -> None:
        groovy(jenkins, text)

    return strike


def _form_saved_off(jenkins: StandIn) -> None:
    browser = administrator(jenkins, PERSON, PASSWORD)
    if browser is None:
        raise SystemExit("the administrator does not get in")
    save_form(browser, enabled=False, questions=True)


def _file_edited(jenkins: StandIn) -> None:
    file = jenkins.home / SETTINGS
    file.write_text(file.read_text().replace("<enableTfa>true", "<enableTfa>false"))


def _plugin_disabled(jenkins: StandIn) -> None:
    jenkins.faults(plugin="disabled")
    restart(jenkins)


def _empty_home(jenkins: StandIn) -> None:
    """What an image or a mount brings is there again: users, the YAML, start-up scripts other than the gate's."""
    jenkins.kill()
    for name in OURS:
        path = jenkins.home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    jenkins.start()


LONGER = 12.0
# After a new start all is compiled anew.
DRIFTS = (
    Drift("form", "switched off on the plugin's own page", _form_saved_off),
    Drift("live", "a script clears the flag that the filter reads", _in_groovy(LIVE)),
    Drift("memory", "a script switches it off in memory only", _in_groovy(MEMORY_OFF)),
    Drift("factor", "a script disables the only factor", _in_groovy(FACTOR_OFF)),
    Drift("file", "the settings' file is edited on the disk", _file_edited),
    Drift("gate", "our gate is taken out of the chain", take_gate_out, with_gate=True),
    Drift("filter", "the plugin's filter is taken out of the chain", _in_groovy(TAKE_FILTER_OUT)),
    Drift("home", "a new start with an empty home", _empty_home, longer=LONGER),
    Drift("plugin", "the plugin is disabled, and Jenkins restarted", _plugin_disabled),
)
