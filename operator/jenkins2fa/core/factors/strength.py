"""How strong each second factor is according to NIST SP 800-63B-4, with the section for each factor.

Jenkins asks for a password first, so a factor counts as the second one besides a password (Sec. 2.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from jenkins2fa.api.policy import Factor

STANDARD = "NIST SP 800-63B-4"
PHISHING_RESISTANT_OPTION = "Sec. 2.2.2"  # AAL2: at least one phishing-resistant option has to be offered


class ReachesAAL2(StrEnum):
    """Whether a password and this factor together can reach AAL2."""

    YES = "AAL2"
    CONDITIONAL = "AAL2 on a condition"
    NO = "AAL1"


@dataclass(frozen=True, slots=True)
class Strength:
    """``kind``: the authenticator type. ``condition``: what AAL2 depends on, or why it is out of reach. ``section``: of SP 800-63B-4.

    ``restricted``: allowed only with an alternative, and a plan to replace it (Sec. 3.2.9)."""

    kind: str
    reach: ReachesAAL2
    section: str
    condition: str = ""
    phishing_resistant: bool = False
    restricted: bool = False


STRENGTHS: Mapping[Factor, Strength] = MappingProxyType(
    {
        Factor.EMAIL_OTP: Strength(
            "none: e-mail is no out-of-band device",
            ReachesAAL2.NO,
            "Sec. 3.1.3.1",
            "a mailbox may be open to whoever has its password, and mail can be diverted",
        ),
        Factor.SECURITY_QUESTIONS: Strength(
            "none: knowledge, like the password",
            ReachesAAL2.NO,
            "Sec. 2.2.1, 3.1.1.2",
            "it is not something that one has, so it is no second factor beside a password",
        ),
        Factor.SMS_OTP: Strength(
            "out-of-band device over the telephone network",
            ReachesAAL2.CONDITIONAL,
            "Sec. 3.1.3.3, 3.2.9",
            "restricted: another factor has to be on offer too",
            restricted=True,
        ),
        Factor.DUO_PUSH: Strength(
            "out-of-band device",
            ReachesAAL2.CONDITIONAL,
            "Sec. 3.1.3",
            "only if the push asks for a code from the log-in page (Duo: verified push); a mere approval does not count",
        ),
        Factor.MOBILE_AUTHENTICATOR: Strength("single-factor one-time password", ReachesAAL2.YES, "Sec. 3.1.4"),
        Factor.YUBI_KEY: Strength("single-factor one-time password (a key that types it)", ReachesAAL2.YES, "Sec. 3.1.4"),
        Factor.BACKUP_CODES: Strength("look-up secret", ReachesAAL2.YES, "Sec. 3.1.2"),
        Factor.WEB_AUTHN: Strength("cryptographic authenticator", ReachesAAL2.YES, "Sec. 3.1.6, 3.1.7, 3.2.5", phishing_resistant=True),
    }
)


def in_order(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """Strongest first: phishing-resistant, AAL2, on a condition, AAL1; among equals by name."""
    rank = list(ReachesAAL2)
    return tuple(sorted(factors, key=lambda one: (not STRENGTHS[one].phishing_resistant, rank.index(STRENGTHS[one].reach), one.value)))


def below_aal2(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """The factors that keep a mixed list below AAL2: users may choose the weakest one."""
    return tuple(one for one in in_order(factors) if STRENGTHS[one].reach is ReachesAAL2.NO)


def reason_below(factors: Iterable[Factor]) -> str:
    """Why each of them cannot meet AAL2, with its section."""
    return "; ".join(f"{one.value}: {STRENGTHS[one].condition} ({STRENGTHS[one].section})" for one in in_order(factors))


def reservations(factors: Iterable[Factor]) -> tuple[str, ...]:
    """What AAL2 still depends on if no factor is below it: conditions of single factors, and of the whole list. Empty = nothing."""
    chosen = in_order(factors)
    conditions = [
        f"{one.value}: {STRENGTHS[one].condition} ({STRENGTHS[one].section})"
        for one in chosen
        if STRENGTHS[one].reach is ReachesAAL2.CONDITIONAL and not (STRENGTHS[one].restricted and _has_alternative(one, chosen))
    ]
    if chosen and not any(STRENGTHS[one].phishing_resistant for one in chosen):
        conditions.append(f"no phishing-resistant factor is on offer, as AAL2 asks ({PHISHING_RESISTANT_OPTION}): WebAuthn is one")
    return tuple(conditions)


def _has_alternative(one: Factor, chosen: Iterable[Factor]) -> bool:
    return any(other is not one and STRENGTHS[other].reach is ReachesAAL2.YES and other is not Factor.BACKUP_CODES for other in chosen)


def describe(factors: Iterable[Factor]) -> str:
    """One line about the strength of a list of factors. The weakest counts, since users choose. Empty for an empty list."""
    chosen = in_order(factors)
    if not chosen:
        return ""
    worst = max((STRENGTHS[one].reach for one in chosen), key=list(ReachesAAL2).index)
    resistant = [one.value for one in chosen if STRENGTHS[one].phishing_resistant]
    text = f"{worst.value} ({STANDARD})"
    lowered = below_aal2(chosen)
    if lowered and len(lowered) < len(chosen):
        text += f", lowered by {', '.join(one.value for one in lowered)}"
    elif worst is ReachesAAL2.CONDITIONAL:
        text += f", because of {', '.join(one.value for one in chosen if STRENGTHS[one].reach is ReachesAAL2.CONDITIONAL)}"
    return text + (f"; phishing-resistant: {', '.join(resistant)}" if resistant else "; none is phishing-resistant")
