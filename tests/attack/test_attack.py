"""A sample of the table that `make attack` runs in full, and a check that the tool finds a real hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from tests.attack.bench import Bench, InStandIn, started
from tests.attack.runner import Result, Runner, Size
from tests.attack.tables import POLICIES, Policy

SEED = 20261128
SAMPLE = Size(plain=0.15, odd=60, sequences=8, steps=32)
SAMPLED = ("questions", "both factors")
ALONE = """io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().with {
    setEnableTfa(true); setEnableSecurityQuestionsAuthentication(true); save() }
io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true
null"""


class WithoutGate(Bench):
    """The plugin alone: what the gate is for."""

    def _apply(self, wanted: Policy) -> None:
        if wanted.asks:
            self.jenkins.run(ALONE)


JAVAX, JAKARTA = ("javax", ""), ("jakarta", "/ci")


@pytest.fixture(params=[JAVAX, JAKARTA], ids=["javax", "jakarta-ci"])
def jenkins(request: pytest.FixtureRequest) -> Iterator[InStandIn]:
    flavour: Literal["javax", "jakarta"] = request.param[0]
    with started(flavour, request.param[1]) as running:
        yield InStandIn(running, request.param[1])


def told(result: Result) -> str:
    return "\n".join(map(str, [*result.let_in[:20], *result.refused[:20]]))


def test_nobody_is_let_in_or_refused_by_mistake(jenkins: InStandIn) -> None:
    result = Runner(Bench(jenkins), "sample", SEED).run([one for one in POLICIES if one.name in SAMPLED], SAMPLE)
    assert result.cases > 300
    assert not result.let_in + result.refused, told(result)


@pytest.mark.parametrize("jenkins", [JAVAX, pytest.param(JAKARTA, marks=pytest.mark.slow)], ids=["javax", "jakarta-ci"], indirect=True)
def test_the_table_finds_what_happens_without_the_gate(jenkins: InStandIn) -> None:
    jenkins.by_test_bench = True
    size = Size(plain=0.3, odd=0, sequences=2, steps=16)
    result = Runner(WithoutGate(jenkins), "without the gate", SEED).run([Policy("plugin alone")], size)
    found = frozenset().union(*(one.effects for one in result.let_in))
    assert found >= {"own SecurityQuestions", "verified", "content"}, told(result)
