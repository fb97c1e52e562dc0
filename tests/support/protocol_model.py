"""A model in plain Python of the state that Jenkins must have after each action.

It follows the design of the trial, not the code of the script.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.desired import Desired
from tests.support.standin import StandIn


@dataclass(frozen=True, slots=True)
class Fields:
    """The plugin's settings in one layer. ``sender`` empty = no codes by e-mail."""

    enabled: bool = False
    questions: bool = False
    sender: str = ""

    @classmethod
    def of(cls, desired: Desired) -> Fields:
        plugin = desired.plugin
        return cls(plugin.enabled, Factor.SECURITY_QUESTIONS in plugin.base_factors, plugin.sender or "")

    def taking_back(self, wrote: Fields, former: Fields) -> Fields:
        """Restore each field that still holds what was written; changes by others stay."""
        names = [name for name in ("enabled", "questions", "sender") if getattr(self, name) == getattr(wrote, name)]
        return replace(self, **{name: getattr(former, name) for name in names})


@dataclass(frozen=True, slots=True)
class World:
    """``gate`` and ``stored``: the exempt groups of the running gate and of the one after the next start; None = no gate.
    ``hold`` and ``stored_hold``: the factors that it demands regardless of the plugin's settings; None = it follows these.

    ``glass``: a break-glass is open. ``note``: its note is on disk, perhaps left by a restart. ``startup``: our startup script is there.
    """

    disk: Fields = Fields()
    memory: Fields = Fields()
    live: bool = False
    gate: frozenset[str] | None = None
    in_chain: bool = False
    stored: frozenset[str] | None = None
    manager: str | None = None
    pending: str | None = None
    glass: bool = False
    note: bool = False
    startup: bool = False
    hold: frozenset[str] | None = None
    stored_hold: frozenset[str] | None = None

    @property
    def effective(self) -> bool:
        return self.live and (self.memory.questions or bool(self.memory.sender))

    @property
    def held(self) -> bool:
        """Whether the gate holds: only a break-glass overrides it."""
        return self.hold is not None and not self.glass

    @property
    def challenged(self) -> bool:
        """Whether people are challenged, by the plugin or by the gate."""
        return self.effective or (self.in_chain and self.held)

    @property
    def let_in(self) -> bool:
        """Whether the operator gets in without a second factor."""
        return self.in_chain or not self.effective

    @property
    def operator_gets_in(self) -> bool:
        return self.let_in or self.memory.questions

    def live_taking_back(self, wrote: Fields, *, former: bool) -> bool:
        """Like a field; but a break-glass has it off, unless somebody has saved the form since, which stays if it was on before."""
        return self.live if self.live is not wrote.enabled or (self.glass and former) else former


@dataclass(frozen=True, slots=True)
class Trial:
    name: str
    before: World
    wrote: Fields
    gate: frozenset[str] | None
    hold: frozenset[str] | None
    manager: str


@dataclass(slots=True)
class Model:
    """``last`` is the last trial that ended in this run of Jenkins, and whether it was confirmed. ``left`` is one that a restart has ended
    where no start-up script of ours has cleared up after it: the next request that is about trials does."""

    world: World = World()
    trial: Trial | None = None
    left: Trial | None = None
    last: tuple[str, bool] | None = None
    put_back: int = 0

    def begin(self, name: str, desired: Desired, manager: str) -> str:
        """Returns '' or the name of the refusal. Without a gate in ``desired`` the one that is there stays as it is."""
        self._clear_up()
        if self.trial:
            return "TrialPending"
        if self.world.manager not in (None, manager):
            return "OwnedElsewhere"
        wrote, gate, world = Fields.of(desired), desired.gate.exempt_groups if desired.gate else None, self.world
        world = replace(world, note=world.glass)
        self.trial = Trial(name, replace(world, live=world.memory.enabled) if world.glass else world, wrote, gate, desired.hold, manager)
        world = replace(world, memory=wrote, live=wrote.enabled and not world.glass, pending=name, hold=desired.hold)
        self.world = world if gate is None else replace(world, gate=gate, in_chain=True, startup=True)
        return ""

    def confirm(self, name: str) -> str:
        self._clear_up()
        trial, world = self.trial, self.world
        if trial is None or world.pending != name:
            return self._how_it_ended(name)
        stands = world.glass or world.live == trial.wrote.enabled
        stands = stands and world.hold == trial.hold
        if world.memory != trial.wrote or not stands or (trial.gate is not None and world.gate != trial.gate):
            self.undo()
            return "Overtaken"
        stored = world.stored if trial.gate is None else trial.gate
        world = replace(world, stored_hold=trial.hold)
        self.world = replace(world, disk=world.memory, stored=stored, manager=trial.manager, pending=None)
        self._over(confirmed=True)
        return "Confirmed"

    def _how_it_ended(self, name: str) -> str:
        if self.last is None or self.last[0] != name:
            return "Unknown"
        return "Confirmed" if self.last[1] else "Expired"

    def cancel(self, name: str) -> str:
        self._clear_up()
        if self.trial is None or self.world.pending != name:
            return "Unknown"
        self.undo()
        return "Undone"

    def undo(self) -> None:
        """The trial ends by cancelling, by timeout, or because another one replaces it."""
        trial, world = self.trial, self.world
        assert trial is not None
        before = trial.before
        live = world.live_taking_back(trial.wrote, former=before.live)
        memory = world.memory.taking_back(trial.wrote, before.memory)
        gate = before.gate if trial.gate is not None and world.gate == trial.gate else world.gate
        hold = (before.hold if world.hold == trial.hold else world.hold) if gate is not None or trial.gate is None else None
        world = replace(world, hold=hold)
        self.world = replace(world, memory=memory, live=live, gate=gate, in_chain=world.in_chain and gate is not None, pending=None)
        self._clear_disk(trial)
        self._over(confirmed=False)

    def restart(self) -> None:
        """A restart, orderly or not, undoes what was not confirmed."""
        trial, self.last = self.trial or self.left, None
        self.trial = self.left = None
        self.put_back = 0
        if trial and self.world.startup:
            self._clear_disk(trial)
            self.last = (trial.name, False)
        elif trial:
            self.left = trial
        world = self.world
        glass, gate = world.note and world.startup, world.stored if world.startup else None
        note, pending = glass or (world.note and not world.startup), self.left.name if self.left else None
        world = replace(world, memory=world.disk, live=world.disk.enabled and not glass, pending=pending)
        hold = world.stored_hold if world.startup else None
        self.world = replace(world, gate=gate, in_chain=gate is not None, glass=glass, note=note, hold=hold)

    def _clear_up(self) -> None:
        trial, world = self.left, self.world
        if trial is None:
            return
        if world.memory == world.disk:
            memory = world.memory.taking_back(trial.wrote, trial.before.disk)
            ours = world.memory.enabled == trial.wrote.enabled
            live = world.live_taking_back(trial.wrote, former=trial.before.disk.enabled) if ours else world.live
            world = replace(world, memory=memory, live=live)
        self.world, self.left = replace(world, pending=None), None
        self._clear_disk(trial)
        self.last = (trial.name, False)

    def glass_is_opened(self, *, keep: bool) -> None:
        self.world = replace(self.world, live=False, glass=True, note=True, startup=self.world.startup or keep)

    def glass_is_over(self) -> None:
        """The break-glass ends, by timeout or because it was closed; also one that a restart has ended already."""
        if self.world.note:
            self.world = replace(self.world, live=self.world.memory.enabled, glass=False, note=False)

    def administrator_saves(self, form: Fields) -> None:
        self.world = replace(self.world, disk=form, memory=form, live=form.enabled)

    def script_sets(self, *, enabled: bool) -> None:
        """Call only the setter, as many snippets on the web do."""
        self.world = replace(self.world, memory=replace(self.world.memory, enabled=enabled))

    def gate_is_taken_out(self) -> None:
        self.world = replace(self.world, in_chain=False)

    def gate_restores_itself(self) -> None:
        """The gate restores itself while people are challenged, three times within an hour, which is longer than these runs."""
        world = self.world
        if world.gate is None:
            self.put_back = 0
        elif (world.held or (world.effective and not world.glass)) and not world.in_chain and self.put_back < 3:
            self.put_back += 1
            self.world = replace(world, in_chain=True)

    def release(self) -> None:
        """Release with deletionPolicy Disable."""
        self._clear_up()
        if self.trial:
            self.undo()
        off = replace(self.world.memory, enabled=False)
        self.world = World(disk=off, memory=off)
        self.last = None

    def _clear_disk(self, trial: Trial) -> None:
        """Also remove the startup script if it came with the trial and nothing needs it."""
        world = self.world
        kept = world.startup and (trial.gate is None or trial.before.startup or world.stored is not None or world.note)
        self.world = replace(world, disk=world.disk.taking_back(trial.wrote, trial.before.disk), startup=kept)

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
    manager: json('state.json')?.owner?.instance, pending: json('trial.json')?.id, glass: state.breakGlassTimer != null,
    hold: state.hold?.factors, stored_hold: json('state.json')?.hold?.factors, note: json('break-glass.json') != null, startup: new File(jenkins.rootDir, 'init.groovy.d/jenkins2fa.groovy').file])"""  # noqa: E501


def actual_state(jenkins: StandIn) -> World:
    """The actual state, read without our scripts."""
    seen: dict[str, Any] = json.loads(jenkins.groovy(LOOK).splitlines()[0])
    groups = {name: None if seen[name] is None else frozenset(seen[name]) for name in ("gate", "stored", "hold", "stored_hold")}
    return World(
        disk=Fields(*seen["disk"]),
        memory=Fields(*seen["memory"]),
        live=seen["live"],
        gate=groups["gate"],
        in_chain=seen["in_chain"],
        stored=groups["stored"],
        manager=seen["manager"],
        pending=seen["pending"],
        glass=seen["glass"],
        note=seen["note"],
        startup=seen["startup"],
        hold=groups["hold"],
        stored_hold=groups["stored_hold"],
    )
