"""Faults of the network to Jenkins, of Jenkins itself and its disk, and changes that people make there without the operator."""

from __future__ import annotations

import json
import secrets

from tests.support.actions import GATE_OUT
from tests.support.people import administrator, save_form
from tests.support.protocol_model import actual_state as look_inside
from tests.support.soak.faults import Area, Heal, fault, nothing
from tests.support.soak.wire import Mode
from tests.support.soak.world import ADMINISTRATOR, OPERATOR, SETTINGS, USERS, World

CONFIG = "io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()"
LIVE = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']"


def _wire(world: World, mode: Mode, amount: float = 0.0) -> Heal:
    world.to_jenkins.turn(mode, amount)
    return lambda: world.to_jenkins.turn(Mode.OPEN)


@fault(Area.WIRE)
def network_refused(world: World, share: float) -> Heal:
    return _wire(world, Mode.REFUSED)


@fault(Area.WIRE)
def network_reset(world: World, share: float) -> Heal:
    return _wire(world, Mode.RESET)


@fault(Area.WIRE, (2, 15))
def network_stalled(world: World, share: float) -> Heal:
    return _wire(world, Mode.STALLED)


@fault(Area.WIRE)
def network_slow(world: World, share: float) -> Heal:
    return _wire(world, Mode.SLOW, 0.1 + 3 * share)


@fault(Area.WIRE)
def answers_cut_short(world: World, share: float) -> Heal:
    return _wire(world, Mode.CUT, int(900 * share))


@fault(Area.WIRE)
def answers_lost(world: World, share: float) -> Heal:
    return _wire(world, Mode.DEAF)


@fault(Area.JENKINS, (0, 1), needs_jenkins=True)
def jenkins_restarted(world: World, share: float) -> Heal:
    world.jenkins.restart(wait=False)
    return nothing


@fault(Area.JENKINS)
def jenkins_killed(world: World, share: float) -> Heal:
    world.away = True
    world.jenkins.kill()
    return world.start_jenkins


@fault(Area.JENKINS, (1, 14))
def jenkins_frozen(world: World, share: float) -> Heal:
    world.away = True
    world.freeze(world.jenkins.pid)

    def heal() -> None:
        world.freeze(world.jenkins.pid, thaw=True)
        world.away = False

    return heal


@fault(Area.JENKINS, needs_jenkins=True)
def jenkins_unavailable(world: World, share: float) -> Heal:
    world.jenkins.faults(unavailableSeconds=8)
    return lambda: world.jenkins.faults(unavailableSeconds=0)


@fault(Area.JENKINS, needs_jenkins=True)
def jenkins_refuses_tokens(world: World, share: float) -> Heal:
    world.jenkins.faults(tokensRefusedSeconds=8)
    return lambda: world.jenkins.faults(tokensRefusedSeconds=0)


@fault(Area.JENKINS, needs_jenkins=True)
def jenkins_answers_500(world: World, share: float) -> Heal:
    world.jenkins.faults(answerSeconds=8, answerStatus=500)
    return lambda: world.jenkins.faults(answerSeconds=0)


@fault(Area.JENKINS, needs_jenkins=True)
def jenkins_quiets_down(world: World, share: float) -> Heal:
    world.jenkins.groovy("jenkins.model.Jenkins.get().doQuietDown()")

    def heal() -> None:
        world.groovy("jenkins.model.Jenkins.get().doCancelQuietDown()")

    return heal


@fault(Area.SECRET, (0, 8), needs_jenkins=True)
def token_rotated(world: World, share: float) -> Heal:
    """The old token is revoked at once, and the Secret gets the new one later. Jenkins restarts, because the stand-in reads tokens then."""
    world.token = "11" + secrets.token_hex(16)
    world.secrets.add(world.token)
    (world.jenkins.home / "standin-tokens.json").write_text(json.dumps({world.token: OPERATOR}))
    world.jenkins.restart()
    return world.put_secret


# --- people ---


def _person_saves(world: World, *, enabled: bool, sender: str | None) -> None:
    browser = administrator(world.jenkins, ADMINISTRATOR, USERS[ADMINISTRATOR]["password"])
    if browser is not None:  # else the watch says so
        save_form(browser, enabled=enabled, questions=True, sender=sender)


@fault(Area.SETTINGS, edits_disk=True, needs_jenkins=True)
def form_saved_off(world: World, share: float) -> Heal:
    _person_saves(world, enabled=False, sender=None)
    return nothing


@fault(Area.SETTINGS, edits_disk=True, needs_jenkins=True)
def form_saved_otherwise(world: World, share: float) -> Heal:
    """Change factors. Without a gate 2FA stays off: switching it on would shut the operator out."""
    _person_saves(world, enabled=look_inside(world.jenkins).in_chain, sender="carol@lab.invalid")
    return nothing


@fault(Area.SETTINGS, needs_jenkins=True)
def memory_changed_by_script(world: World, share: float) -> Heal:
    world.groovy(f"{CONFIG}.setEnableTfa(false)" if share < 0.5 else f"{CONFIG}.setEnableSecurityQuestionsAuthentication(false)")
    return nothing


@fault(Area.SETTINGS, needs_jenkins=True)
def live_flag_cleared(world: World, share: float) -> Heal:
    world.groovy(f"{LIVE} = false")
    return nothing


@fault(Area.SETTINGS, edits_disk=True)
def settings_file_edited(world: World, share: float) -> Heal:
    """Off, or damaged; a person repairs the damage."""
    file = world.jenkins.home / SETTINGS
    if not file.exists():
        return nothing
    text = file.read_text()
    if share < 0.6:
        file.write_text(text.replace("<enableTfa>true", "<enableTfa>false"))
        return nothing
    file.write_text(text[: len(text) // 2])
    return lambda: world.restore(file, text)


@fault(Area.GATE, opens_gate=True, needs_jenkins=True)
def gate_taken_out(world: World, share: float) -> Heal:
    """Remove the gate from the filter chain. It restores itself, at most three times within an hour; then a person lets the operator in."""
    world.groovy(GATE_OUT)
    return nothing


@fault(Area.GATE, opens_gate=True)
def gate_file_edited(world: World, share: float) -> Heal:
    return _file(world, "jenkins2fa/gate.json", share)


@fault(Area.GATE)
def state_file_edited(world: World, share: float) -> Heal:
    return _file(world, "jenkins2fa/state.json", share)


@fault(Area.GATE, opens_gate=True)
def start_up_file_removed(world: World, share: float) -> Heal:
    (world.jenkins.home / "init.groovy.d/jenkins2fa.groovy").unlink(missing_ok=True)
    return nothing


def _file(world: World, name: str, share: float) -> Heal:
    """Removed (the operator repairs it), or damaged (a person does)."""
    file = world.jenkins.home / name
    if not file.exists():
        return nothing
    text = file.read_text()
    if share < 0.5:
        file.unlink()
        return nothing
    file.write_text(text[: len(text) // 2])
    return lambda: world.restore(file, text)


@fault(Area.DISK)
def disk_read_only(world: World, share: float) -> Heal:
    world.folders("+i")
    return lambda: world.folders("-i")


@fault(Area.DISK)
def disk_full(world: World, share: float) -> Heal:
    world.limit_files(0)
    return lambda: world.limit_files(-1)
