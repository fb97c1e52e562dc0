"""Applying an unchanged example weakens nothing: no break-glass, no exemption, no disabled protection."""

from __future__ import annotations

from pathlib import Path

import pytest

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_break_glass, parse_policy
from jenkins2fa.api.policy import PolicyMode, TwoFactorPolicy
from jenkins2fa.cli.manifests import POLICY_KINDS, Manifest, read_manifests
from jenkins2fa.core.break_glass import Action, active, decide
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from tests.support.literals import FRESH, MANAGED, NOW

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LABELLED = ("everything.yaml", "cluster-policy.yaml")  # they show settings that few sites want, so they select no real instance


def policies() -> list[tuple[str, TwoFactorPolicy]]:
    """Every policy in every file, with its path in the folder."""
    read = [(file, one) for file in sorted(EXAMPLES.rglob("*.yaml")) for one in read_manifests(file)]
    ours = [(file, one.body) for file, one in read if isinstance(one, Manifest) and one.kind in POLICY_KINDS]
    return [(str(file.relative_to(EXAMPLES)), parse_policy(body)) for file, body in ours]


def example_break_glass() -> TwoFactorBreakGlass:
    (found,) = [one for one in read_manifests(str(EXAMPLES / "break-glass.yaml")) if isinstance(one, Manifest)]
    return parse_break_glass(found.body)


POLICIES = policies()


def test_example_policies_are_found() -> None:
    assert {*LABELLED, "typical.yaml", "smallest.yaml", "gitops/fleet/policies.yaml"} <= {name for name, _ in POLICIES}


@pytest.mark.parametrize(("name", "policy"), POLICIES, ids=[name for name, _ in POLICIES])
def test_no_example_weakens_protection(name: str, policy: TwoFactorPolicy) -> None:
    assert policy.spec.mode is not PolicyMode.DISABLED


def test_the_example_break_glass_has_expired() -> None:
    found = example_break_glass()
    assert dict(found.spec.instance_selector.labels) == {"example": "break-glass"}
    selected = Metadata(found.meta.namespace, "jenkins", labels={"example": "break-glass"})
    assert found.selects(selected)
    assert decide(active([found], selected, NOW), FRESH, NOW).action is Action.NOTHING


@pytest.mark.parametrize("wanted", LABELLED)
def test_examples_of_rare_fields_select_no_real_instance(wanted: str) -> None:
    (policy,) = [policy for name, policy in POLICIES if name == wanted]
    assert dict(policy.spec.instance_selector.labels) == {"example": wanted.removesuffix(".yaml")}


def test_the_example_of_every_field_writes_nothing_even_if_it_governs() -> None:
    (policy,) = [policy for name, policy in POLICIES if name == "everything.yaml"]
    for at_hand in (Circumstances(NOW), Circumstances(NOW, drift=True), Circumstances(NOW, protected=True)):
        assert mode_of(policy.spec, MANAGED, at_hand) is Mode.AUDIT
