"""Approvals: what an annotation covers, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.instance import InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import APPROVE_WEAKENING
from jenkins2fa.api.policy import DeletionPolicy, TwoFactorPolicy
from jenkins2fa.core.approval import release_approval
from jenkins2fa.core.assess import Assessment, assess
from jenkins2fa.core.observation import Observation, Owner
from tests.support.literals import BARE, CODE, MANAGED, NOW, in_force, instance, policy, spec

FLEET = (MANAGED, BARE)


def off(named: str = "", generation: int = 2) -> TwoFactorPolicy:
    desired = policy(mode="Disabled")
    annotations = {APPROVE_WEAKENING: named} if named else {}
    return replace(desired, meta=replace(desired.meta, uid="policy-uid", generation=generation, annotations=annotations))


def enforced(where: InstanceSpec = MANAGED, of: str = "policy-uid") -> Observation:
    observation = in_force(spec(apiTokens="Challenge" if where is not BARE else None), where)
    assert observation.owner is not None
    return replace(observation, owner=replace(observation.owner, policy=of))


def assessed(desired: TwoFactorPolicy, observation: Observation, at: JenkinsInstance | None = None) -> Assessment:
    return assess(desired, at or instance(), observation, CODE, cluster="cluster", now=NOW, require_approval=True)


def digest_to_approve(*arguments: Any) -> str:
    found = assessed(*arguments)
    assert found.refused is not None
    assert found.refused.reason == "ApprovalRequired"
    return found.refused.message.rpartition("=")[2]


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", ",,\t"])
def test_one_annotation_approves_a_mixed_fleet(between: str) -> None:
    digests = [digest_to_approve(off(), enforced(where), instance(where)) for where in FLEET]
    assert len(set(digests)) == len(FLEET)
    desired = off(between.join(["1-older", *digests]))
    for where in FLEET:
        assert assessed(desired, enforced(where), instance(where)).refused is None
        assert assessed(desired, enforced(where), instance(where)).may_write
    assert digest_to_approve(off(between.join(digests[1:])), enforced())
    assert digest_to_approve(off("".join(digests)), enforced()), "a prefix of a digest does not count"


def test_an_approval_covers_every_instance_that_the_policy_governs() -> None:
    elsewhere = replace(instance(), meta=replace(instance().meta, name="another", uid="another-uid"))
    owner = Owner("cluster", "another-uid", "policy-uid", 1)
    assert digest_to_approve(off(), enforced()) == digest_to_approve(off(), replace(enforced(), owner=owner, identity="another"), elsewhere)


@pytest.mark.parametrize("former", ["another-policy", None])
def test_a_controller_added_later_needs_its_own_approval(former: str | None) -> None:
    observation = enforced(of="another-policy") if former else replace(enforced(), owner=None)
    approved_for_others = off(digest_to_approve(off(), enforced()))
    own = digest_to_approve(approved_for_others, observation)
    assert assessed(off(own), observation).may_write
    assert assessed(off(own), enforced()).refused is None, "the approval also covers later drift corrections"
    assert digest_to_approve(off(own), replace(observation, identity="another Jenkins at this URL")) != own
    assert digest_to_approve(off(own, generation=3), observation) != own, "another edit"
    again = replace(observation, owner=replace(observation.owner, instance="made-again") if observation.owner else None)
    assert digest_to_approve(off(own), again, moved(uid="made-again")) != own, "another object of this name"


def moved(**meta: Any) -> JenkinsInstance:
    found = instance()
    return replace(found, meta=replace(found.meta, **meta))


def test_releasing_a_policy_needs_its_own_approval() -> None:
    owner = Owner("cluster", "instance-uid", "policy-uid", 1)
    digest = release_approval(instance(), enforced(), owner, DeletionPolicy.DISABLE)
    assert digest == release_approval(instance(), enforced(), replace(owner, generation=9), DeletionPolicy.DISABLE)
    others = {
        release_approval(instance(), enforced(), owner, DeletionPolicy.RESTORE),
        release_approval(moved(uid="made-again"), enforced(), owner, DeletionPolicy.DISABLE),
        release_approval(instance(), enforced(), replace(owner, policy="the next one"), DeletionPolicy.DISABLE),
        release_approval(instance(), replace(enforced(), identity="another"), owner, DeletionPolicy.DISABLE),
        digest_to_approve(off(), enforced()),
    }
    assert len(others) == 5
    assert digest not in others
