"""Checks of the observed controller: its plugin, its owner, changes under way, its gate."""

from __future__ import annotations

from datetime import timedelta

from jenkins2fa.api.fields import format_duration
from jenkins2fa.api.instance import CompetingManager, GateMode
from jenkins2fa.api.policy import PolicyMode
from jenkins2fa.core.guard.finding import Finding, Severity, Situation, could_not_read
from jenkins2fa.core.observation import COMMAND_LINE
from jenkins2fa.core.plan import HOLD, Layer, lacks_filter
from jenkins2fa.core.reasons import Reason

GATE_LAYERS = (Layer.GATE, Layer.STARTUP)
ESSENTIAL = frozenset({"plugin", "layers", "gate", "trial", "state"})  # a change needs these parts of an observation


def plugin_is_missing(s: Situation) -> Finding | None:
    plugin = s.observation.plugin
    if (plugin.installed and plugin.active and s.observation.memory is not None) or could_not_read(s, "plugin", "layers"):
        return None
    state = "disabled" if plugin.installed else "not installed"
    return Finding(
        Reason.PLUGIN_MISSING,
        f"the plugin {s.observation.capabilities.plugin} is {state} in this Jenkins: install or enable it and restart Jenkins",
    )


def plugin_is_unknown(s: Situation) -> Finding | None:
    plugin = s.observation.plugin
    if not plugin.installed or could_not_read(s, "plugin"):
        return None
    capabilities, experiment = s.observation.capabilities, s.observation.capabilities.experiment
    if not plugin.missing if experiment and s.experimental else s.observation.is_tested and not experiment:
        return None
    lacks = f" (it lacks {', '.join(plugin.missing[:3])})" if plugin.missing else ""
    edition = f" {plugin.edition.lower()} edition" if plugin.edition and (s.observation.is_tested or experiment) else ""
    way_out = f"Install version {' or '.join(capabilities.tested_versions)}, or a newer operator"
    if experiment and not plugin.missing:
        way_out = experiment.way_in
    return Finding(
        Reason.UNSUPPORTED_PLUGIN_VERSION,
        f"the plugin's version {plugin.version}{edition} is not one that this operator was tested with{lacks}: it is only "
        f"read, nothing is written. {way_out}",
    )


def two_plugins(s: Situation) -> Finding | None:
    """Of two that are active the site says which one counts. The other is switched off, since two redirect browsers in circles."""
    others, ours = s.observation.plugin.others, s.observation.capabilities.plugin
    if s.instance.provider:
        stuck = ", ".join(other.name for other in others if other.layers_on and not other.writable)
        text = f"{stuck} is active beside {ours}, in a version or edition that this operator cannot switch off"
        return Finding(Reason.TWO_PLUGINS, f"{text}: disable that plugin and restart Jenkins") if stuck else None
    if not others or s.policy.mode is PolicyMode.DISABLED:
        return None
    names = " and ".join((ours, *(other.name for other in others)))
    return Finding(
        Reason.TWO_PLUGINS,
        f"{names} are both active, and nobody says which one counts: set spec.provider on the JenkinsInstance, which switches the other "
        "off, or disable one of them and restart Jenkins",
    )


def plugin_spares_users(s: Situation) -> Finding | None:
    """With a gate its rules decide, and the plugin's own lists open nothing."""
    spared = s.observation.memory.spared if s.observation.memory else frozenset()
    if not spared or s.plan.desired.gate is not None or not s.plan.desired.enforcing:
        return None
    return Finding(
        Reason.PLUGIN_SPARES_USERS,
        f"the plugin's own lists exempt {len(spared)} users or groups, whatever this policy says: empty exemptUsers and exemptRoles in "
        "Jenkins, or set gate.mode: Managed, which ignores them",
        Severity.HAZARD,
    )


def gate_knows_no_pages(s: Situation) -> Finding | None:
    gate = s.plan.desired.gate
    if s.observation.capabilities.gate_knows_pages or gate is None or not s.plan.desired.enforcing:
        return None
    return Finding(
        Reason.GATE_UNKNOWN_PAGES,
        "the gate opens the pages of the free edition's factors only, so it would keep users from answering the "
        f"{s.observation.capabilities.name}'s: set gate.mode: None on the JenkinsInstance",
        path="gate",
    )


def groups_are_unknown(s: Situation) -> Finding | None:
    """The gate cannot know whether a user without any group is in an enforced one, so it asks them."""
    without_group = s.observation.gate.without_group
    if not without_group or s.policy.enforced_groups is None:
        return None
    people = "1 person" if without_group == 1 else f"{without_group} people"
    return Finding(
        Reason.GROUPS_UNKNOWN,
        f"the security realm reports no group for {people} who logged in since Jenkins started, so they are asked for a second factor too",
        Severity.HAZARD,
        path="enforcedGroups",
    )


def clocks_differ(s: Situation) -> Finding | None:
    ahead = s.observation.clock_ahead
    if not ahead:
        return None
    return Finding(
        Reason.CLOCK_SKEW,
        f"the clock of this Jenkins is {format_duration(abs(ahead))} {'ahead of' if ahead > timedelta(0) else 'behind'} the operator's: "
        "one-time passwords from an authenticator may be refused there. Set the clock of Jenkins' host, or of the operator's",
        Severity.HAZARD,
    )


def edition_is_experimental(s: Situation) -> Finding | None:
    experiment = s.observation.capabilities.experiment
    if experiment is None or not s.experimental:
        return None
    return Finding(Reason.EXPERIMENTAL_PREMIUM, experiment.warning, Severity.HAZARD)


def observation_is_damaged(s: Situation) -> Finding | None:
    """A part that could not be read cannot be compared, and must not be overwritten."""
    unread = sorted(set(s.observation.damaged) & ESSENTIAL)
    if not unread:
        return None
    return Finding(
        Reason.OBSERVATION_DAMAGED,
        f"Jenkins cannot read its own {', '.join(unread)}, so nothing is written: put back, or remove, what is damaged "
        "(the plugin's settings file, or a file of $JENKINS_HOME/jenkins2fa)",
    )


def plugin_filter_is_missing(s: Situation) -> Finding | None:
    if not s.plan.desired.enforcing or not lacks_filter(s.observation):
        return None
    return Finding(
        Reason.PLUGIN_FILTER_MISSING, "the plugin's own filter is not in Jenkins' filter chain, so it asks nobody: restart Jenkins"
    )


def another_owner(s: Situation) -> Finding | None:
    current = s.observation.owner
    if (
        current is None
        or s.owner is None
        or current.same_manager(s.owner)
        or current.cluster == COMMAND_LINE
        or s.take_over == current.name
    ):
        return None
    return Finding(
        Reason.OWNED_ELSEWHERE,
        f"this Jenkins is managed by {current.name} (cluster and instance): remove it there, or take over by the annotation "
        f"jenkins2fa.dev/take-over: {current.name}",
    )


def competing_manager(s: Situation) -> Finding | None:
    if not s.observation.managed_by_code or not s.plan.changes or s.instance.competing_manager is CompetingManager.OVERRIDE:
        return None
    return Finding(
        Reason.COMPETING_MANAGER,
        f"configuration-as-code sets the same fields ({s.observation.capabilities.code_key}) and would undo them at the next restart or "
        "reload: remove them from its YAML, or set competingManager: Override on the JenkinsInstance",
    )


def trial_is_pending(s: Situation) -> Finding | None:
    if s.observation.trial.pending is None or s.observation.trial.stale:
        return None
    return Finding(Reason.TRIAL_PENDING, f"trial {s.observation.trial.pending} is still open: it ends by itself within a minute")


def gate_is_not_provided(s: Situation) -> Finding | None:
    """If 2FA is off, the plan has no change of a provided gate (``Desired.gate_counts``)."""
    if s.instance.gate.mode is not GateMode.PROVIDED:
        return None
    gates = [change for change in s.plan.changes if change.path != HOLD and (change.path.startswith("gate") or change.layer in GATE_LAYERS)]
    if not gates:
        return None
    return Finding(
        Reason.GATE_NOT_PROVIDED,
        "gate.mode is Provided, but the gate in this Jenkins is not the one that this policy needs: mount what `jenkins2fa "
        "gate render` prints "
        "into init.groovy.d and restart Jenkins",
        path="gate",
    )


def flapping(s: Situation) -> Finding | None:
    """Only if no other field differs: this field must not keep another one wrong, so all of them are corrected then."""
    differing = s.plan.paths
    if not differing or not set(differing) <= set(s.flapping):
        return None
    return Finding(
        Reason.FLAPPING,
        f"{', '.join(differing)}: corrected three times within an hour, and changed back each time: find out who or what "
        "changes it in Jenkins; it goes on when "
        "the policy changes, when another field differs too, or now by the annotation jenkins2fa.dev/reconcile-at with a new value",
    )


def gate_is_left_behind(s: Situation) -> Finding | None:
    """The rules of that gate still decide who is asked, and nothing compares them with the policy."""
    if s.instance.gate.mode is not GateMode.NONE or not s.observation.gate.installed or s.policy.mode is PolicyMode.DISABLED:
        return None
    return Finding(
        Reason.GATE_LEFT_BEHIND,
        "gate.mode is None, but a gate of this operator is still in this Jenkins and still exempts users: set "
        "gate.mode: Managed, or take "
        "it out with `jenkins2fa gate remove`",
    )


def competing_manager_is_unknown(s: Situation) -> Finding | None:
    if s.observation.managed_by_code is not None or s.instance.competing_manager is CompetingManager.OVERRIDE or not s.plan.changes:
        return None
    return Finding(
        Reason.COMPETING_MANAGER_UNKNOWN,
        "configuration-as-code is at work, and its sources cannot be read from here: if they set the same fields "
        f"({s.observation.capabilities.code_key}), they will undo "
        "this at the next restart or reload",
        Severity.HAZARD,
    )
