"""Faults of the operator's process, the API server, the Lease, and of what people write into Kubernetes."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from tests.support.running import NAMESPACE as LEASE_NAMESPACE
from tests.support.soak.faults import Area, Heal, fault, nothing
from tests.support.soak.wire import Mode
from tests.support.soak.world import INSTANCE, LABELS, POLICY, SECRET, World


@fault(Area.OPERATOR, (0, 6), ends_operator=True)
def operator_killed(world: World, share: float) -> Heal:
    world.operator.kill()
    return world.launch_operator


@fault(Area.OPERATOR, (0, 6), ends_operator=True)
def operator_stopped_in_order(world: World, share: float) -> Heal:
    if world.operator.running():
        world.operator.terminate()
    return world.launch_operator


@fault(Area.OPERATOR, (1, 14))
def operator_frozen(world: World, share: float) -> Heal:
    """Pause the operator, sometimes for longer than its Lease: it wakes up in the middle of a step, and must notice."""
    world.freeze(world.operator_pid())
    return lambda: world.freeze(world.operator_pid(), thaw=True)


@fault(Area.REPLICA, (4, 12))
def second_operator(world: World, share: float) -> Heal:
    world.launch_second()
    return world.end_second


@fault(Area.LEASE)
def lease_deleted(world: World, share: float) -> Heal:
    world.kube.kubectl("delete", "lease", "jenkins-2fa-operator", "-n", LEASE_NAMESPACE, "--ignore-not-found")
    return nothing


@fault(Area.API, (1, 12))
def api_server_stopped(world: World, share: float) -> Heal:
    world.served = False
    world.kube.stop()

    def heal() -> None:
        world.kube.start()
        world.served = True

    return heal


@fault(Area.API, (1, 12))
def api_server_hangs(world: World, share: float) -> Heal:
    world.served = False
    pid = world.kube.pid
    world.freeze(pid)

    def heal() -> None:
        world.freeze(pid, thaw=True)
        world.served = True

    return heal


@fault(Area.API)
def api_server_slow(world: World, share: float) -> Heal:
    world.to_kube.turn(Mode.SLOW, 0.2 + 2 * share)
    return lambda: world.to_kube.turn(Mode.OPEN)


@fault(Area.API)
def api_server_connections_reset(world: World, share: float) -> Heal:
    world.to_kube.turn(Mode.RESET)
    return lambda: world.to_kube.turn(Mode.OPEN)


@fault(Area.API)
def api_server_answers_lost(world: World, share: float) -> Heal:
    world.to_kube.turn(Mode.DEAF)
    return lambda: world.to_kube.turn(Mode.OPEN)


# --- what people write ---


@fault(Area.SECRET, (2, 70))
def secret_deleted(world: World, share: float) -> Heal:
    """Sometimes for longer than the minute for which a Secret is cached."""
    world.delete("secret", SECRET)
    return world.put_secret


@fault(Area.SECRET, (2, 70))
def secret_wrong(world: World, share: float) -> Heal:
    """A different host, an invalid token, or a missing key."""
    wrong: tuple[dict[str, str | None], ...] = ({"host": "jenkins.invalid"}, {"token": "11" + "0" * 32}, {"username": None})
    world.delete("secret", SECRET)
    world.put_secret(**wrong[int(share * 2.99)])
    return world.put_secret


@fault(Area.POLICY)
def policy_edited(world: World, share: float) -> Heal:
    if share < 0.5:
        world.put_policy(exemptGroups=["robots", "auditors"])
    else:
        world.put_policy(allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP={"senderAddress": "2fa@lab.invalid"})
    return world.put_policy


@fault(Area.POLICY)
def policy_off(world: World, share: float) -> Heal:
    world.put_policy(mode="Disabled")
    return world.put_policy


@fault(Area.POLICY, suspends=True)
def policy_suspended(world: World, share: float) -> Heal:
    world.put_policy(suspend=True)
    return world.put_policy


@fault(Area.POLICY, (0, 9))
def policy_deleted(world: World, share: float) -> Heal:
    """Delete the policy, with each deletion policy, for less and for more than the grace period (2 s here)."""
    world.put_policy(deletionPolicy=("Retain", "Restore", "Disable")[int(share * 2.99)])
    world.delete("tfp", POLICY)
    return world.put_policy


@fault(Area.POLICY, (0, 9))
def policy_to_be_released(world: World, share: float) -> Heal:
    """The same, but its deletion policy was in force before."""
    deletion = ("Restore", "Disable")[share < 0.5]
    world.put_policy(deletionPolicy=deletion)
    world.wait_for_status()
    world.delete("tfp", POLICY)
    return world.put_policy


@fault(Area.POLICY)
def policy_overridden(world: World, share: float) -> Heal:
    world.put_policy("stronger", priority=10, exemptGroups=["others"])
    return lambda: world.delete("tfp", "stronger")


@fault(Area.POLICY, (3, 10))
def break_glass(world: World, share: float) -> Heal:
    """A break-glass that ends by itself before the heal, or by its deletion."""
    until, reason = datetime.now(UTC) + timedelta(seconds=4 + 20 * share), f"inc-{secrets.token_hex(3)}"
    world.scene.break_glass(reason, f"{until:%Y-%m-%dT%H:%M:%SZ}", reason)
    return lambda: world.delete("tfbg", reason)


@fault(Area.POLICY, needs_jenkins=True)
def mail_server_gone(world: World, share: float) -> Heal:
    """With a policy that needs it: refused, or only a note if there is another factor."""
    world.mail_server("")
    factors = ["EmailOTP"] if share < 0.5 else ["EmailOTP", "SecurityQuestions"]
    world.put_policy(allowedFactors=factors, emailOTP={"senderAddress": "2fa@lab.invalid"})

    def heal() -> None:
        world.put_policy()
        world.mail_server("mail.lab.invalid")

    return heal


@fault(Area.INSTANCE)
def labels_changed(world: World, share: float) -> Heal:
    world.put_instance({"tier": "test"})
    return lambda: world.put_instance(LABELS)


@fault(Area.INSTANCE, (0, 6))
def instance_deleted(world: World, share: float) -> Heal:
    world.delete("ji", INSTANCE)
    return world.put_instance
