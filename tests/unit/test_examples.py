"""Whoever applies an example as it stands opens nothing: no break-glass, no exemption, nothing that is switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from jenkins2fa.api.parse import parse_policy
from jenkins2fa.api.policy import Enforcement, TwoFactorPolicy
from jenkins2fa.cli.manifests import Manifest, read_manifests
from jenkins2fa.core.break_glass import Glass, glass_to_be
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from tests.support.literals import FRESH, MANAGED, NOW

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LABELLED = ("everything.yaml", "break-glass.yaml")  # they show what most sites do not want, so they select nothing that a site has


def policies() -> list[tuple[str, TwoFactorPolicy]]:
    """Every policy in every file, with its path in the folder."""
    read = [(file, one) for file in sorted(EXAMPLES.rglob("*.yaml")) for one in read_manifests(file)]
    ours = [(file, one.body) for file, one in read if isinstance(one, Manifest) and one.kind == "TwoFactorPolicy"]
    return [(str(file.relative_to(EXAMPLES)), parse_policy(body)) for file, body in ours]


POLICIES = policies()


def test_the_policies_are_found() -> None:
    assert {*LABELLED, "typical.yaml", "smallest.yaml", "gitops/fleet/policies.yaml"} <= {name for name, _ in POLICIES}


@pytest.mark.parametrize(("name", "policy"), POLICIES, ids=[name for name, _ in POLICIES])
def test_nothing_opens(name: str, policy: TwoFactorPolicy) -> None:
    assert glass_to_be(policy.spec, FRESH, NOW).glass is Glass.NOTHING
    assert policy.spec.enforcement is not Enforcement.OFF


@pytest.mark.parametrize("wanted", LABELLED)
def test_what_shows_rare_fields_selects_nothing_that_a_site_has(wanted: str) -> None:
    (policy,) = [policy for name, policy in POLICIES if name == wanted]
    assert dict(policy.spec.instance_selector.labels) == {"example": wanted.removesuffix(".yaml")}


def test_everything_writes_nothing_even_where_it_governs() -> None:
    (policy,) = [policy for name, policy in POLICIES if name == "everything.yaml"]
    for at_hand in (Circumstances(NOW), Circumstances(NOW, drift=True), Circumstances(NOW, protected=True)):
        assert mode_of(policy.spec, MANAGED, at_hand) is Mode.REPORT_POLICY
