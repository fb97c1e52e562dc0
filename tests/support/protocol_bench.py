"""One Jenkins stand-in on which changes fail at every step, and the checks from outside that show whether the promises hold."""

from __future__ import annotations

import contextlib
import pathlib
import resource
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import desired_digest
from jenkins2fa.core.settings import GateSettings, PluginSettings
from jenkins2fa.jenkins.change import Order, carry_out
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import Unreachable
from jenkins2fa.jenkins.scripts import gate_code
from tests.support.literals import MAIL, QUESTIONS
from tests.support.people import administrator, save_form
from tests.support.protocol_door import Door
from tests.support.standin import Browser, StandIn
from tests.support.waiting import wait_until

OPERATOR, ADMINISTRATOR = "operator", "carol"
SEED = "the-seed-of-the-protocol-tests-0123456789"
USERS: Mapping[str, Mapping[str, Any]] = {
    OPERATOR: {"password": "operator-pw-1", "admin": True},
    ADMINISTRATOR: {"password": "carol-pw-1", "admin": True},
    "robot": {"password": "robot-pw-1", "groups": ["robots"]},
    "eve": {"password": "eve-pw-1", "groups": ["auditors"]},
}
SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
OURS = ("jenkins2fa/gate.json", "jenkins2fa/state.json")
FOLDERS = ("jenkins2fa", "plugins/moTfaGlobalConfig", "init.groovy.d")

OFF = Desired(PluginSettings())
FIRST = Desired(PluginSettings(enabled=True, base_factors=QUESTIONS), GateSettings(OPERATOR, exempt_groups=frozenset({"robots"})))
SECOND = Desired(
    PluginSettings(enabled=True, base_factors=QUESTIONS | MAIL, sender="2fa@lab.invalid"),
    GateSettings(OPERATOR, exempt_groups=frozenset({"robots", "auditors"})),
)
THIRD = Desired(PluginSettings(enabled=True, base_factors=QUESTIONS), GateSettings(OPERATOR, exempt_groups=frozenset({"others"})))

ALONE = Desired(FIRST.plugin)  # without a gate, from here on
ALONE_BY_MAIL = Desired(SECOND.plugin)
ALONE_OFF = Desired(replace(FIRST.plugin, enabled=False))

WISHES = {"first": FIRST, "second": SECOND, "third": THIRD, "alone": ALONE, "alone-by-mail": ALONE_BY_MAIL, "alone-off": ALONE_OFF}


def order(desired: Desired, manager: str = "one") -> Order:
    """A change as the operator would order it; ``manager`` names the instance in the owner record."""
    code = gate_code()
    owner = Owner("cluster", manager, "policy", 1, desired_digest(desired, code))
    return Order(secrets.token_hex(6), desired, code, owner, DeletionPolicy.RETAIN, with_gate=desired.gate is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a trial may change, and what has to be as before after one that was not confirmed."""

    disk: PluginSettings
    memory: PluginSettings
    live: bool
    gate: GateSettings | None
    gates: int
    stored: GateSettings | None
    startup: str | None
    owner: Owner | None

    @classmethod
    def of(cls, seen: Observation) -> Standing:
        gate = seen.gate
        disk, memory = seen.disk or PluginSettings(), seen.memory or PluginSettings()
        return cls(disk, memory, bool(seen.live), gate.settings, gate.installed, gate.stored, gate.startup_code, seen.owner)


class Bench:
    """``door``: between the operator and Jenkins. Administrators and the checks from outside do not pass through it.

    ``seeded``: the operator can give the second factor by itself, which it needs without a gate. With a gate it cannot: otherwise a
    gate that does not exempt the operator would go unnoticed."""

    def __init__(self) -> None:
        self.seeded = False
        self.jenkins = StandIn(users=USERS, realm="groups", smtp_host="mail.lab.invalid", restarting=0.02, starting=0.02)

    def __enter__(self) -> Self:
        self.jenkins.start()
        self.door = Door(self.jenkins.url)
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.mend()
        self.door.__exit__(kind, problem, trace)
        self.jenkins.__exit__(kind, problem, trace)

    def connect(self, seconds: int = 20, *, through_door: bool = True, seeded: bool = False) -> Driver:
        url, patience = (self.door.url, 15.0) if through_door else (self.jenkins.url, 30.0)  # what passes the door may be held there
        seeded = seeded or self.seeded
        if seeded:
            url = self.door.url  # its answers are derived for one URL
        account = Credentials(OPERATOR, self.jenkins.tokens[OPERATOR], SEED if seeded else None)
        return driver_for(Connection(url + "/", account, read_seconds=patience), trial_seconds=seconds)

    def observe(self) -> Observation:
        """The operator's observation, over its own connection; raises the error that keeps the operator out.

        A connection that breaks at the door is opened again, as in the operator's next reconcile."""
        for last in (False, False, True):
            try:
                with contextlib.closing(self.connect(through_door=False)) as driver:
                    return driver.observe()
            except Unreachable:
                if last or not self.seeded:
                    raise
        raise AssertionError("the last attempt returns or raises")

    # Faults

    def administrator_saves(self, *, enabled: bool, questions: bool, sender: str | None) -> None:
        """An administrator saves the plugin's own form, after a second factor if demanded."""
        browser = self.administrator()
        assert browser is not None
        place = save_form(browser, enabled=enabled, questions=questions, sender=sender)
        assert place
        assert "tfaUserAuth" not in place

    def administrator(self) -> Browser | None:
        """A session of a human administrator with a password and, if demanded, a second factor; None if they cannot get in."""
        return administrator(self.jenkins, ADMINISTRATOR, "carol-pw-1")

    def make_virgin(self) -> None:
        """Reset: no operator was ever there, and 2FA was never on. The scripts stay compiled, so that one step is one request."""
        with contextlib.closing(self.connect(through_door=False)) as driver:
            pending = driver.observe().trial.pending
            if pending is not None:  # left by a failed test; one failure is enough
                driver.cancel(pending)
            warm = order(FIRST)
            driver.begin(warm.trial, warm.desired, None, warm.deletion, with_gate=True, take_over=None)
            driver.cancel(warm.trial)
            self.jenkins.groovy(KEEP_SCRIPTS)
            driver.release(DeletionPolicy.DISABLE)
        (self.jenkins.home / SETTINGS).unlink(missing_ok=True)
        self.jenkins.groovy(VIRGIN)

    def bring_to(self, desired: Desired, *, seeded: bool = False) -> None:
        """Bring a state into force without faults; ``OFF`` = the state after the reset. ``seeded``: as above, from now on."""
        owner = self.observe().owner
        if desired == OFF or seeded is not self.seeded or (owner and owner.instance != "one"):
            self.make_virgin()
            self.seeded = seeded
        if desired != OFF:
            assert not carry_out(lambda: self.connect(through_door=False), order(desired)).plan.changes

    def crash(self) -> None:
        """kill -9, then start again."""
        self.jenkins.kill()
        self.jenkins.start()

    def make_read_only(self) -> None:
        self._folders("+i")

    def fill_disk(self) -> None:
        """Nothing more can be written to any file."""
        resource.prlimit(self.jenkins.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def mend(self) -> None:
        """End every fault of network, disk and Jenkins; their consequences stay."""
        self._folders("-i")
        if self.jenkins.running:
            resource.prlimit(self.jenkins.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.jenkins.groovy("jenkins.model.Jenkins.get().doCancelQuietDown()")

    def _folders(self, flag: str) -> None:
        found = [str(self.jenkins.home / name) for name in FOLDERS if (self.jenkins.home / name).is_dir()]
        if found:
            subprocess.run(["chattr", flag, *found], check=True)

    # Checks from outside

    def wait_until_over(self, seconds: float = 8) -> None:
        wait_until(
            lambda: not (self.jenkins.home / "jenkins2fa/trial.json").exists(), seconds=seconds, every=0.02, what="the trial is over"
        )

    @contextlib.contextmanager
    def enforcing(self) -> Iterator[None]:
        """2FA on in memory and live for a moment: whoever gets in now does so because of their session or the gate."""
        before = self.jenkins.groovy(ENFORCE).splitlines()[0]
        try:
            yield
        finally:
            self.jenkins.groovy(UNENFORCE.replace("BEFORE", before))


CONTEXT = "def context = jenkins.model.Jenkins.get().getServletContext(); "
KEEP_SCRIPTS = CONTEXT + "context.setAttribute('test.scripts', context.getAttribute('jenkins2fa.scripts'))"
VIRGIN = (
    CONTEXT
    + """context.setAttribute('jenkins2fa.scripts', context.getAttribute('test.scripts'))
def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
c.setEnableTfa(false); c.setEnableSecurityQuestionsAuthentication(false); c.@otpOverEmailDto = null; c.@moAdvancedSettingsDTO = null
def user = hudson.model.User.getById('OPERATOR', false)
user.addProperty(new io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoSecurityQuestionConfig())
user.save()""".replace("OPERATOR", OPERATOR)
)
ENFORCE = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
def live = io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings
println "${c.isEnableSecurityQuestionsAuthentication()}, ${live['ENABLE_MO_TFA_AUTHENTICATION'] ?: false}"
c.setEnableSecurityQuestionsAuthentication(true); live['ENABLE_MO_TFA_AUTHENTICATION'] = true"""
UNENFORCE = """def (questions, on) = [BEFORE]
io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(questions)
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = on"""


@dataclass(frozen=True, slots=True)
class Sighting:
    """``when`` on the monotonic clock, ``text`` None = there was no such file."""

    when: float
    name: str
    text: str | None


class Watcher:
    """Reads the plugin's settings, gate.json and state.json on disk continuously, and keeps every version."""

    def __init__(self, home: pathlib.Path) -> None:
        self._home = home
        self._stop = threading.Event()
        self._last: dict[str, str | None] = {}
        self.seen: list[Sighting] = []
        self._look()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def changes(self, name: str) -> list[Sighting]:
        """The versions of a file in order, beginning with that at the start."""
        return [sighting for sighting in self.seen if sighting.name == name]

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            self._look()

    def _look(self) -> None:
        for name in (SETTINGS, *OURS):
            try:
                text: str | None = (self._home / name).read_text()
            except FileNotFoundError:
                text = None
            if name not in self._last or self._last[name] != text:
                self._last[name] = text
                self.seen.append(Sighting(time.monotonic(), name, text))


def stored_settings(text: str | None) -> PluginSettings:
    """The plugin's XML as settings; without a file, the plugin is off."""
    if text is None:
        return PluginSettings()
    root = ElementTree.fromstring(text.partition("?>")[2])
    read: Callable[[str], str] = lambda path: root.findtext(path) or ""  # noqa: E731
    return PluginSettings(
        enabled=read("enableTfa") == "true",
        base_factors=(QUESTIONS if read("enableSecurityQuestionsAuthentication") == "true" else frozenset())
        | (MAIL if read("otpOverEmailDto/isEnabled") == "true" else frozenset()),
        sender=read("otpOverEmailDto/senderEmailAddress") or None,
    )


def without_mail(settings: PluginSettings) -> PluginSettings:
    """The settings without the texts of mails: the plugin's form overwrites those, and no trial here changes them."""
    return replace(settings, subject=None, template=None)
