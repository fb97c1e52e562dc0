"""Jenkins records when a break-glass was open, so that their total time can be limited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.managed import Managed, policy
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

LONGEST = timedelta(hours=4)
MINUTE = timedelta(minutes=1)


def opened(managed: Managed, reason: str, length: timedelta) -> datetime | None:
    with managed.driver() as driver:
        return driver.open_break_glass(datetime.now(UTC) + length, reason, LONGEST, keep=True)


def test_start_and_end_of_each_break_glass_are_recorded(managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    begun = datetime.now(UTC)
    until = opened(managed, "INC-1", timedelta(hours=1))
    ((first, planned),) = managed.observe().break_glass_times
    assert abs(first - begun) < MINUTE
    assert planned == until
    with managed.driver() as driver:
        driver.close_break_glass()
    ((again, ended),) = managed.observe().break_glass_times
    assert again == first
    assert abs(ended - datetime.now(UTC)) < MINUTE, "the recorded end is when it was closed, not when it would have expired"


def test_chained_break_glasses_count_as_one(managed: Managed, standin: StandIn) -> None:
    """If they are less than a minute apart, they count as one, so that nobody can fill the file."""
    managed.apply(policy())
    opened(managed, "INC-1", timedelta(hours=1))
    first = managed.observe().break_glass_times[0][0]
    for number in range(2, 6):
        opened(managed, f"INC-{number}", timedelta(hours=number))
    ((begun, until),) = managed.observe().break_glass_times
    assert begun == first
    assert until - begun > timedelta(hours=3, minutes=50)


def test_records_are_kept_for_a_day(managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    opened(managed, "INC-1", timedelta(seconds=0.3))
    wait_until(lambda: managed.observe().break_glass_until is None, seconds=10, every=0.2, what="it is over")
    now = datetime.now(UTC)
    spans = [[int((now + timedelta(hours=hours)).timestamp() * 1000) for hours in span] for span in ((-30, -26), (-25, -23), (-3, -1))]
    standin.groovy(
        "def file = new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json');"
        f"def state = new groovy.json.JsonSlurper().parse(file); state.breakGlass.times = {spans};"
        "file.text = groovy.json.JsonOutput.toJson(state)"
    )
    opened(managed, "INC-2", timedelta(hours=1))
    assert [round((begun - now) / timedelta(hours=1)) for begun, _ in managed.observe().break_glass_times] == [-25, -3, 0]


def test_a_break_glass_ends_even_if_its_end_cannot_be_recorded(managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    opened(managed, "INC-1", timedelta(hours=1))
    (standin.home / "jenkins2fa" / "state.json").write_text("{")
    with managed.driver() as driver:
        driver.close_break_glass()
    seen = managed.observe()
    assert (seen.break_glass_until, seen.live) == (None, True)
