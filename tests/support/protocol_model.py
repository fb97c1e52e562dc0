"""What has to be in Jenkins after each thing that anybody did there, in plain Python.

The trial as its design says it, not as the script does it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from jenkins2fa.core.desired import Desired
from tests.support.standin import StandIn


@dataclass(frozen=True, slots=True)
class Fields:
    """The plugin's settings in one layer. ``sender`` empty = no passwords by e-mail."""

    enabled: bool = False
    questions: bool = False
    sender: str = ""

    @classmethod
    def of(cls, desired: Desired) -> Fields:
        plugin = desired.plugin
        return cls(plugin.enabled, plugin.security_questions, plugin.sender or "")

    def taking_back(self, wrote: Fields, former: Fields) -> Fields:
        """Each field that holds what was written as it was before; what somebody else has put there stays."""
        names = [name for name in ("enabled", "questions", "sender") if getattr(self, name) == getattr(wrote, name)]
        return replace(self, **{name: getattr(former, name) for name in names})


@dataclass(frozen=True, slots=True)
class World:
    """``gate`` and ``stored`` are the exempt groups of the gate that runs and of the one that the next start finds, None = no gate."""

    disk: Fields = Fields()
    memory: Fields = Fields()
    live: bool = False
    gate: frozenset[str] | None = None
    in_chain: bool = False
    stored: frozenset[str] | None = None
    manager: str | None = None
    pending: str | None = None

    @property
    def effective(self) -> bool:
        return self.live and (self.memory.questions or bool(self.memory.sender))

    @property
    def operator_gets_in(self) -> bool:
        return self.in_chain or not self.effective


@dataclass(frozen=True, slots=True)
class Trial:
    name: str
    before: World
    wrote: Fields
    gate: frozenset[str]
    manager: str


@dataclass(slots=True)
class Model:
    """``last`` is the last trial that ended in this run of Jenkins, and whether it was confirmed."""

    world: World = World()
    trial: Trial | None = None
    last: tuple[str, bool] | None = None

    def begin(self, name: str, desired: Desired, manager: str) -> str:
        """Returns '' or the name of the refusal."""
        if self.trial:
            return "TrialPending"
        if self.world.manager not in (None, manager):
            return "OwnedElsewhere"
        assert desired.gate is not None
        wrote, gate = Fields.of(desired), desired.gate.exempt_groups
        self.trial = Trial(name, self.world, wrote, gate, manager)
        self.world = replace(self.world, memory=wrote, live=wrote.enabled, gate=gate, in_chain=True, pending=name)
        return ""

    def confirm(self, name: str) -> str:
        trial, world = self.trial, self.world
        if trial is None or world.pending != name:
            return self._how_it_ended(name)
        if (world.memory, world.live, world.gate) != (trial.wrote, trial.wrote.enabled, trial.gate):
            self.undo()
            return "Overtaken"
        self.world = replace(world, disk=world.memory, stored=world.gate, manager=trial.manager, pending=None)
        self._over(confirmed=True)
        return "Confirmed"

    def _how_it_ended(self, name: str) -> str:
        if self.last is None or self.last[0] != name:
            return "Unknown"
        return "Confirmed" if self.last[1] else "Expired"

    def cancel(self, name: str) -> str:
        if self.trial is None or self.world.pending != name:
            return "Unknown"
        self.undo()
        return "Undone"

    def undo(self) -> None:
        """By cancelling, by time, or because it was overtaken."""
        trial, world = self.trial, self.world
        assert trial is not None
        before = trial.before
        live = before.live if world.live == trial.wrote.enabled else world.live
        memory = world.memory.taking_back(trial.wrote, before.memory)
        gate = before.gate if world.gate == trial.gate else world.gate
        self.world = replace(world, memory=memory, live=live, gate=gate, in_chain=world.in_chain and gate is not None, pending=None)
        self._clear_disk(trial)
        self._over(confirmed=False)

    def restart(self) -> None:
        """Orderly or not: what was not confirmed is gone."""
        if self.trial:
            self._clear_disk(self.trial)
            self._over(confirmed=False)
        else:
            self.last = None
        disk, stored = self.world.disk, self.world.stored
        self.world = replace(self.world, memory=disk, live=disk.enabled, gate=stored, in_chain=stored is not None, pending=None)

    def administrator_saves(self, form: Fields) -> None:
        self.world = replace(self.world, disk=form, memory=form, live=form.enabled)

    def script_sets(self, *, enabled: bool) -> None:
        """The setter alone, as many snippets on the web do it."""
        self.world = replace(self.world, memory=replace(self.world.memory, enabled=enabled))

    def gate_is_taken_out(self) -> None:
        self.world = replace(self.world, in_chain=False)

    def release(self) -> None:
        """With deletionPolicy Disable."""
        if self.trial:
            self.undo()
        off = replace(self.world.memory, enabled=False)
        self.world = World(disk=off, memory=off)
        self.last = None

    def _clear_disk(self, trial: Trial) -> None:
        self.world = replace(self.world, disk=self.world.disk.taking_back(trial.wrote, trial.before.disk))

    def _over(self, *, confirmed: bool) -> None:
        self.last = (self.trial.name, confirmed) if self.trial else None
        self.trial = None


LOOK = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get(), jenkins = jenkins.model.Jenkins.get(), file = c.configFile.file
def xml = file.file ? new XmlSlurper().parse(file) : null, context = jenkins.getServletContext(), state = context.getAttribute('jenkins2fa') ?: [:]
def json = { name -> def f = new File(jenkins.rootDir, "jenkins2fa/$name"); f.file ? new groovy.json.JsonSlurperClassic().parse(f, 'UTF-8') : null }
def disk = xml == null ? [false, false, ''] : [xml.enableTfa.text() == 'true', xml.enableSecurityQuestionsAuthentication.text() == 'true', xml.otpOverEmailDto.senderEmailAddress.text()]
println groovy.json.JsonOutput.toJson([disk: disk, memory: [c.enableTfa, c.isEnableSecurityQuestionsAuthentication(), c.otpOverEmailDto?.senderEmailAddress ?: ''],
    live: io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] ?: false, gate: state.config?.raw?.exemptGroups,
    in_chain: hudson.util.PluginServletFilter.getInstance(context).list.any { it.toString() == 'jenkins2fa-gate' }, stored: json('gate.json')?.exemptGroups,
    manager: json('state.json')?.owner?.instance, pending: json('trial.json')?.id])"""  # noqa: E501


def look(jenkins: StandIn) -> World:
    """What is really there, read without our scripts."""
    seen: dict[str, Any] = json.loads(jenkins.groovy(LOOK).splitlines()[0])
    groups = {name: None if seen[name] is None else frozenset(seen[name]) for name in ("gate", "stored")}
    return World(
        disk=Fields(*seen["disk"]),
        memory=Fields(*seen["memory"]),
        live=seen["live"],
        gate=groups["gate"],
        in_chain=seen["in_chain"],
        stored=groups["stored"],
        manager=seen["manager"],
        pending=seen["pending"],
    )
