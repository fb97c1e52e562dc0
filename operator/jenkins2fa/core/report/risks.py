"""The residual risk of an instance, in general words, and what could not be checked (``docs/residual-risk.md`` has details)."""

from __future__ import annotations

from datetime import datetime

from jenkins2fa.api.policy import ApiTokens
from jenkins2fa.api.status import ENFORCED, TRUE
from jenkins2fa.core.factors.strength import below_aal2, reason_below, reservations
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.report.document import Gap, ReportedProof, Rules

OPEN_BREAK_GLASS = "A break-glass is open: nobody is challenged."
WITHOUT_GATE = "There is no gate: the plugin alone does not guarantee that a password by itself opens nothing."
EVERYWHERE = (
    "Requests without a login are never challenged: Jenkins' authorization decides what anonymous visitors may do.",
    "A user without a second factor enrols one after a login with the password alone.",
    "A stolen cookie of a verified session is a verified session until it ends.",
    "Agents, SSH and the file system do not use HTTP and are not challenged.",
    "Administrators are trusted: they can run code in Jenkins. The operator detects changes at its next reconcile.",
    "A proof holds for the time and the account of its probe.",
)


def risks(rules: Rules | None, observation: Observation | None, proof: ReportedProof, now: datetime) -> tuple[str, ...]:
    """The risks of this instance. Those of every instance are in :data:`EVERYWHERE`."""
    texts: list[str] = []
    if proof.enforced.type == ENFORCED and proof.enforced.status != TRUE:
        texts.append("It is not proven that a second factor is demanded.")
    if rules is not None:
        texts += _of_rules(rules)
    if observation is not None:
        texts += _of_jenkins(observation, now)
    elif proof.enforced.reason == Reason.PLUGIN_ALONE:
        texts.append(WITHOUT_GATE)
    elif proof.enforced.reason == Reason.BREAK_GLASS:
        texts.append(OPEN_BREAK_GLASS)
    return tuple(texts)


def _of_rules(rules: Rules) -> list[str]:
    texts = []
    if below_aal2(rules.factors):
        texts.append(f"Below AAL2: {reason_below(below_aal2(rules.factors))}.")
    texts += [f"{text[:1].upper()}{text[1:]}." for text in reservations(rules.factors)]
    if rules.enforced_groups is not None:
        texts.append(f"Only members of {', '.join(sorted(rules.enforced_groups))} are challenged; everyone else logs in with a password.")
    if rules.exempt_groups:
        texts.append(f"Members of {', '.join(sorted(rules.exempt_groups))} are never challenged.")
    if rules.api_tokens == ApiTokens.EXEMPT:
        texts.append("API tokens are a single factor by decision: a stolen token is enough.")
    return texts


def _of_jenkins(observation: Observation, now: datetime) -> list[str]:
    texts = []
    gate = observation.gate.settings
    if gate is None:
        texts.append(WITHOUT_GATE)
    texts += _of_plugin(observation)
    if observation.anonymous_administers:
        texts.append("Anyone may administer this controller without logging in.")
    if gate is None or gate.build_window is None:
        texts.append("Builds start without a fresh second factor.")
    if observation.break_glass_open(now):
        texts.append(OPEN_BREAK_GLASS)
    users = observation.enrolment
    if users is not None and users.not_enrolled:
        administrators = f" (administrators: {users.administrators_not_enrolled})" if users.administrators_not_enrolled else ""
        texts.append(
            f"{users.not_enrolled} of {users.total} users have no second factor yet{administrators}: a stolen password can enrol one."
        )
    if observation.managed_by_code:
        texts.append("Configuration-as-code sets the same settings and may change them at a reload or restart.")
    return texts


def _of_plugin(observation: Observation) -> list[str]:
    """What the plugin's own settings leave open, and whom it does not let answer. The gate does not follow its lists."""
    texts, settings = [], observation.memory
    if settings is not None and settings.enrolled_only and observation.gate.hold is None:
        texts.append("The plugin challenges enrolled users only: everyone else logs in with a password.")
    if settings is not None and settings.spared and not observation.gated:
        texts.append(f"The plugin's own lists exempt {len(settings.spared)} users or groups: they log in with a password.")
    if observation.gate.locked_out:
        texts.append(f"Users locked out by the plugin now, after wrong answers: {observation.gate.locked_out}. Somebody may be guessing.")
    return texts


def gaps_of(observation: Observation) -> tuple[Gap, ...]:
    """The parts of an observation that Jenkins could not report."""
    gaps = [Gap(part, "the script failed at this part in Jenkins") for part in observation.damaged]
    if observation.enrolment is None and "users" not in observation.damaged:
        gaps.append(Gap("enrolment", "users were not counted"))
    if observation.enrolment is not None and not observation.enrolment.complete:
        gaps.append(Gap("administrators", "the security realm is slow and has not been asked about every user yet: run the report again"))
    if not observation.capabilities.counts_all_factors:
        gaps.append(Gap(f"enrolment in factors of the {observation.capabilities.name}", "only security questions and e-mail are counted"))
    if observation.managed_by_code is None:
        gaps.append(Gap("configuration-as-code", "its files cannot be read, so it may set the same settings"))
    return tuple(gaps)
