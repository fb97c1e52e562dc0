"""What a request may do: the rules as a user of Jenkins would say them, on one screen. They know nothing of how the gate works."""

from __future__ import annotations

from enum import Enum

from tests.attack.tables import Answers, Kind, Policy, Way, What, Who


class Answer(Enum):
    """May have its effect; a second factor comes first; refused, whatever is given."""

    MAY = "may"
    CHALLENGED = "challenged"
    REFUSED = "refused"


def expected(who: Who, what: What, policy: Policy) -> Answer:
    """May this person's request have its effect under this policy?"""
    if what.kind is Kind.OPEN:
        return Answer.MAY
    if who.user is None:
        public = policy.public and (what.kind is Kind.READ or what.trigger)
        return Answer.MAY if public else Answer.REFUSED
    if not who.crumb and what.method == "POST":
        return Answer.REFUSED

    mine = who.factors & policy.factors  # the second factors that could be asked for
    if policy.asks and not is_in(who, policy):
        if what.kind is Kind.ANSWER and what.factor in mine and is_right(who, what):
            return Answer.MAY
        first = what.enrols and what.own and what.factor in policy.factors and not mine
        if first and (what.kind is Kind.FACTOR or is_right(who, what)):
            return Answer.MAY
        if what.kind is Kind.READ and policy.public:
            return Answer.MAY
        return Answer.CHALLENGED

    if what.kind is Kind.FACTOR and what.own and mine and not who.verified:
        return Answer.CHALLENGED  # not to be asked is not the same as having proven who one is
    if what.kind is Kind.BUILD and policy.window and policy.asks and not (who.fresh or is_exempt(who, policy)):
        return Answer.CHALLENGED
    if (what.kind is Kind.ADMIN or (what.kind is Kind.FACTOR and not what.own)) and not who.admin:
        return Answer.REFUSED
    return Answer.MAY


def is_exempt(who: Who, policy: Policy) -> bool:
    """By a group, or by an API token where the policy exempts those."""
    return who.robot or (policy.tokens_exempt and who.way is Way.TOKEN)


def is_in(who: Who, policy: Policy) -> bool:
    return who.verified or is_exempt(who, policy)


def is_right(who: Who, what: What) -> bool:
    """Whether the answers are the ones that this person has stored, or the code the one that was mailed to this very session."""
    return what.answers is who.answers or (what.answers is Answers.CODE and (who.mailed or what.asks))
