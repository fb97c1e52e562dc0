"""An instance whose governing policy is invalid needs attention, and its controller gets no request."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from jenkins2fa.api.instance import Access
from jenkins2fa.api.parse import parse_policy_or_scope
from jenkins2fa.api.status import ENFORCED, READY, STALLED
from jenkins2fa.controller.aggregate import BreakGlassReconciler, PolicyReconciler
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.reconcile import InstanceReconciler
from jenkins2fa.controller.instance.subject import Memory, Subject
from jenkins2fa.core.conditions import judge
from tests.support.literals import MANAGED, NOW, instance

NO_CONTEXT = cast("Context", None)  # not needed, because nothing is done
BODY = {
    "metadata": {"namespace": "platform", "name": "baseline", "uid": "1", "generation": 1},
    "spec": {"instanceSelector": {}, "mode": "Disabled", "suspend": True, "allowedFactors": [{"type": "FactorOfTheNextVersion"}]},
}


@pytest.mark.parametrize("access", list(Access))
def test_nothing_is_done_if_the_governing_policy_is_invalid(access: Access) -> None:
    policy = parse_policy_or_scope(BODY)
    assert policy is not None
    found = instance(replace(MANAGED, access=access))
    reconciler = InstanceReconciler(NO_CONTEXT, cast("PolicyReconciler", None), cast("BreakGlassReconciler", None))
    outcome = reconciler._outcome(Subject({}, found, policy, Memory("instance-uid")))
    judged = {one.type: (one.status, one.reason) for one in judge(outcome, NOW)}
    assert judged[READY] == ("False", "Invalid")
    assert judged[STALLED] == ("True", "Invalid")
    assert judged[ENFORCED] == ("Unknown", "Invalid")
    assert outcome.failure is not None
    assert "platform/baseline" in outcome.failure.message
    assert "FactorOfTheNextVersion" not in outcome.failure.message  # content of another namespace
