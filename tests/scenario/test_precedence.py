"""Which policy governs an instance, and what the overridden ones report."""

from __future__ import annotations

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import World

PRODUCTION = {"matchLabels": {"tier": "production"}}


def test_an_overridden_policy_names_the_one_that_governs(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("strong", priority=10)
    state = world.policy("weak", mode="Disabled")
    state.expect("tfp", "strong", Ready="True", Enforced="True/Probed")
    loser = state.expect("tfp", "weak", Ready="False/Overridden", Stalled="True/Overridden")
    assert loser["instances"]["overridden"] == 1
    assert "team/strong" in state.message("tfp", "weak")
    assert jenkins.is_on
    state = world.policy("strong", priority=-1)
    state.expect("tfp", "weak", Ready="True", Enforced="False/Disabled")
    state.expect("tfp", "strong", Ready="False/Overridden")
    assert jenkins.is_off


def test_a_policy_that_selects_nothing_is_reported(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, labels={"tier": "test"})
    state = world.policy("baseline", instanceSelector=PRODUCTION)
    state.expect("tfp", "baseline", Ready="False/NoMatchingInstance", Stalled="True", Enforced="Unknown")
    assert state.expect("ji", "build", Ready="True/NoPolicy", Enforced="Unknown/NoPolicy")["summary"]["policy"] == "<none>"


def test_a_changed_label_changes_the_governing_policy_at_once(world: World, jenkins: FakeController) -> None:
    world.policy("baseline", instanceSelector=PRODUCTION)
    state = world.instance("build", jenkins.url, checkInterval="1h", labels={"tier": "production"})
    state.expect("tfp", "baseline", Ready="True", Enforced="True/Probed")
    state = world.label("ji", "build", tier="test")
    state.expect("tfp", "baseline", Ready="False/NoMatchingInstance")
    state.expect("ji", "build", Ready="True/NoPolicy")
    assert jenkins.is_on, "an instance that is no longer selected stays as it is"


def test_a_cluster_policy_outranks_every_namespaced_policy(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("own", mode="Disabled", priority=1000).expect("tfp", "own", Ready="True", Enforced="False/Disabled")
    world.label_namespace("team", guarded="yes")
    state = world.cluster_policy("floor", {"guarded": "yes"})
    state.expect("ctfp", "floor", Ready="True", Enforced="True/Probed")
    state.expect("tfp", "own", Ready="False/Overridden")
    assert "ClusterTwoFactorPolicy floor" in state.message("tfp", "own")
    status = state.status("ji", "build")
    assert status["summary"]["policy"] == "ctfp/floor"
    assert (status["policy"]["kind"], "namespace" in status["policy"]) == ("ClusterTwoFactorPolicy", False)
    assert jenkins.is_on
    state = world.label_namespace("team")
    state.expect("tfp", "own", Ready="True", Enforced="False/Disabled")
    state.expect("ctfp", "floor", Ready="False/NoMatchingInstance")


def test_a_deleted_cluster_policy_is_released(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.label_namespace("team", guarded="yes")
    state = world.cluster_policy("floor", {"guarded": "yes"}, deletionPolicy="Disable")
    state.expect("ctfp", "floor", Ready="True", Enforced="True/Probed")
    world.delete("ctfp", "floor")
    world.pass_time(65).expect("ji", "build", Ready="True/NoPolicy")
    assert jenkins.is_off


def test_a_break_glass_opens_an_instance_of_a_cluster_policy(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.label_namespace("team", guarded="yes")
    world.cluster_policy("floor", {"guarded": "yes"})
    state = world.break_glass("incident", world.clock.moment(hours=1), "INC-1")
    state.expect("tfbg", "incident", Ready="True/Open", Open="True")
    state.expect("ctfp", "floor", Ready="True/BreakGlass")
    assert jenkins.is_open


def test_a_cluster_policy_counts_and_names_the_instances_that_escape_it(world: World, jenkins: FakeController) -> None:
    world.label_namespace("team", guarded="yes")
    world.instance("build", jenkins.url, labels={"tier": "production"})
    state = world.cluster_policy("floor", {"guarded": "yes"}, instanceSelector=PRODUCTION)
    assert state.expect("ctfp", "floor", Ready="True", Enforced="True/Probed")["instances"]["escaped"] == 0

    def escape() -> tuple[int, str]:
        found = world.state()
        return found.status("ctfp", "floor")["instances"]["escaped"], found.message("ctfp", "floor")

    world.instance("build", jenkins.url, labels={"tier": "production"}, access="Observe", gate=None)
    assert escape()[0] == 1
    assert "1 instance of its namespaces escapes this policy: team/build (access: Observe)" in escape()[1]
    world.label("ji", "build")
    assert "team/build (not selected by its labels)" in escape()[1]
    world.instance("build", jenkins.url, labels={"tier": "production"})
    assert escape()[0] == 0


def test_the_holder_of_the_owner_record_wins_among_two_instances(world: World, jenkins: FakeController) -> None:
    """Even if the holder is the younger instance: the older one was pointed at this controller later."""
    localhost = jenkins.url.replace("127.0.0.1", "localhost")
    world.secret("again", host=localhost.removeprefix("http://"), username="admin", token="token")
    world.instance("older", jenkins.url, labels={"tier": "a"}, credentialsRef={"name": "missing"})
    world.instance("holder", jenkins.url, labels={"tier": "a"})
    world.policy("baseline", instanceSelector={"matchLabels": {"tier": "a"}}).expect("ji", "holder", Ready="True", Enforced="True/Probed")
    state = world.instance("older", localhost, labels={"tier": "a"}, credentialsRef={"name": "again"})
    state.expect("ji", "older", Ready="False/DuplicateInstance", Stalled="True")
    assert "team/holder holds the owner record" in state.message("ji", "older")
    state = world.annotate("ji", "holder", "now")
    assert "identity" not in state.expect("ji", "holder", Enforced="True/Probed")["jenkins"]
    world.delete("ji", "holder")
    world.annotate("ji", "older", "now").expect("ji", "older", Ready="True", Enforced="True/Probed")
