"""The exit codes of every command, in one place."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--help` needs the codes only, and is quick
    from jenkins2fa.core.assess import Assessment
    from jenkins2fa.core.summary import Summary


class ExitCode(IntEnum):
    """In one run over many, the worst counts: ERROR, then NOT_ENFORCED, then DIFFERS."""

    AS_DESIRED = 0
    ERROR = 1
    DIFFERS = 2
    NOT_ENFORCED = 3  # or refused, or unsupported


MEANINGS = {
    ExitCode.AS_DESIRED: "as desired",
    ExitCode.ERROR: "an error",
    ExitCode.DIFFERS: "something differs, or would change",
    ExitCode.NOT_ENFORCED: "refused, unsupported or not enforced",
}
EXIT_CODES = "Exit codes of every command: " + ", ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
_WORST_FIRST = (ExitCode.ERROR, ExitCode.NOT_ENFORCED, ExitCode.DIFFERS)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code of many; AS_DESIRED of none."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), ExitCode.AS_DESIRED)


def code_of(summary: Summary) -> ExitCode:
    """What conditions come to."""
    if summary.as_desired:
        return ExitCode.AS_DESIRED
    return ExitCode.NOT_ENFORCED if summary.stalled or not summary.proven else ExitCode.DIFFERS


def code_of_all(summaries: Iterable[Summary]) -> ExitCode:
    """Nothing is proven where there is nothing: of none it is NOT_ENFORCED."""
    codes = [code_of(one) for one in summaries]
    return worst(codes) if codes else ExitCode.NOT_ENFORCED


def code_of_plan(found: Assessment) -> ExitCode:
    """What a plan comes to. A plan asks for no proof."""
    if found.refused or found.plan.unsupported:
        return ExitCode.NOT_ENFORCED
    return ExitCode.DIFFERS if found.plan.changes else ExitCode.AS_DESIRED
