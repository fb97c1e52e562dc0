"""The demo: on a real API server and Jenkins stand-ins, the operator enforces a policy, and restores it after a change in Jenkins.

The first Jenkins has the plugin miniOrange, the second one OpenMFA: there a user enrols an authenticator app, and a thief with the user's
password does not get in. It ends with a summary. With --keep it keeps running and prints how to explore it. It leaves nothing behind, and
contacts no other machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import yaml
from rich.console import Console
from rich.markup import escape

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from tests.support.actions import is_on  # noqa: E402
from tests.support.kube import KubeServer  # noqa: E402
from tests.support.openmfa import answer, code, enrol_by_page  # noqa: E402
from tests.support.people import logged_in  # noqa: E402
from tests.support.standin import Browser, StandIn  # noqa: E402

NAMESPACE, OPERATOR_NAMESPACE = "demo", "jenkins-2fa"
EXAMPLES = CHECKOUT / "examples"
USERS = {
    "admin": {"password": "admin-pw-1", "admin": True, "email": "admin@example.invalid"},
    "alice": {"password": "alice-pw-1", "email": "alice@example.invalid"},
    "robot": {"password": "robot-pw-1", "groups": ["service-accounts"]},
}
CHECK_SECONDS = 5

console = Console(highlight=False, soft_wrap=True)


class Demo:
    """One run: what is running, and the measured times (seconds by name)."""

    def __init__(self, kube: KubeServer, jenkins: StandIn, folder: pathlib.Path) -> None:
        self.kube, self.jenkins, self.folder = kube, jenkins, folder
        self.figures: dict[str, float] = {}
        self.operator: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """What an administrator of the cluster does once: CRDs, rights, the operator."""
        self.kube.apply_crds()
        for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
            self.kube.new_namespace(namespace)
        for file in ("rbac.yaml", "rbac-every-reference.yaml"):
            self.kube.kubectl("apply", "-n", OPERATOR_NAMESPACE, "-f", str(CHECKOUT / "deploy" / file))
        config = self.kube.service_account(OPERATOR_NAMESPACE, "jenkins-2fa-operator")
        command = [sys.executable, "-m", "jenkins2fa.cli.main", "run", "--lease-namespace", OPERATOR_NAMESPACE, "--kubeconfig", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "operator")}
        self.operator = subprocess.Popen(command, env=environment, stdout=self.log.open("wb"), stderr=subprocess.STDOUT)

    @property
    def log(self) -> pathlib.Path:
        return self.folder / "operator.log"

    def register(self, jenkins: StandIn, **changed: Any) -> None:
        """The Secret and the JenkinsInstance of examples/instance.yaml, with the values of a stand-in; `changed` of the metadata."""
        secret, instance = yaml.safe_load_all((EXAMPLES / "instance.yaml").read_text())
        host = jenkins.url.removeprefix("http://")
        secret["stringData"] = {"host": host, "username": "admin", "token": jenkins.tokens["admin"]}
        instance["spec"] = {**instance["spec"], "url": f"{jenkins.url}/", "checkInterval": f"{CHECK_SECONDS}s"}
        if changed:
            instance["metadata"] |= changed
            secret["metadata"]["name"] = instance["spec"]["credentialsRef"]["name"] = changed["name"]
        for body in (secret, instance):
            self.kube.apply(body, namespace=NAMESPACE)

    def apply_policy(self, file: str) -> None:
        self.kube.kubectl("apply", "-n", NAMESPACE, "-f", str(EXAMPLES / file))

    def is_proven(self, policy: str) -> bool:
        found = self.kube.get("twofactorpolicy", policy, "-n", NAMESPACE).get("status", {}).get("conditions", [])
        return any((one["type"], one["status"], one["reason"]) == ("Enforced", "True", "Probed") for one in found)

    def measure(self, name: str, done: Callable[[], bool], seconds: float) -> None:
        """Waits until ``done``, and records how long that took. After too long, stops the demo with the operator's log."""
        start = time.monotonic()
        while not done():
            if time.monotonic() - start > seconds:
                raise SystemExit(self.explain(f"{name}: not within {seconds:g} s"))
            if self.operator is not None and self.operator.poll() is not None:
                raise SystemExit(self.explain("the operator has ended"))
            time.sleep(0.02)
        self.figures[name] = time.monotonic() - start

    def explain(self, trouble: str) -> str:
        with contextlib.suppress(Exception):
            console.print(self.kube.kubectl("describe", "tfp,ji", "-n", NAMESPACE), markup=False)
        return f"The demo failed: {trouble}\n{self.log.read_text(errors='replace')[-3000:]}"

    def stop(self) -> None:
        if self.operator is not None and self.operator.poll() is None:
            self.operator.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.operator.wait(5)
            if self.operator.poll() is None:
                self.operator.kill()


def say(text: str) -> None:
    console.print(f"\n[bold cyan]==>[/] [bold]{escape(text)}[/]")


def note(text: str) -> None:
    console.print(f"    {escape(text)}")


@contextlib.contextmanager
def watching(kube: KubeServer) -> Iterator[None]:
    """Prints the output of `kubectl get tfp -w`."""
    command = ["kubectl", "get", "twofactorpolicies", "-n", NAMESPACE, "-w"]
    watch = subprocess.Popen(command, env=kube.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stream = watch.stdout
    assert stream is not None
    printer = threading.Thread(target=lambda: [console.print(f"    [dim]{escape(line.rstrip())}[/]") for line in stream], daemon=True)
    printer.start()
    try:
        yield
    finally:
        time.sleep(0.5)  # the last line may be on its way
        watch.terminate()
        watch.wait()
        printer.join(2)


def show_users(demo: Demo, title: str) -> None:
    """Whether an ordinary user, an exempt user and a script with an API token get in."""
    note(title)
    requests = (
        ("alice, in a browser", demo.jenkins.browser("alice", "alice-pw-1")),
        ("robot, in the exempt group service-accounts", demo.jenkins.browser("robot", "robot-pw-1")),
        ("a script with alice's API token", demo.jenkins.browser("alice")),
    )
    for who, browser in requests:
        show_answer(who, browser)


def show_answer(who: str, browser: Browser) -> None:
    """Where a request for the first page leads."""
    met = browser.call("/")
    place = met.headers.get("Location", "?").removeprefix(browser.url)
    what = "gets the page (200)" if met.status_code == 200 else f"is sent to {place} ({met.status_code})"
    note(f"  {who:<46} {what}")


def undo_in_the_ui(demo: Demo) -> None:
    """An administrator logs in, passes the second factor, and switches 2FA off in the plugin's own form."""
    admin = demo.jenkins.browser("admin", "admin-pw-1")
    admin.login("admin-pw-1")
    admin.enrol()
    form = '{"formPage":"basicConfig","enableTfa":false,"enableSecurityQuestion":true}'
    answer = admin.call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": form}, headers=admin.crumb())
    asked = "is asked all the same" if demo.jenkins.browser("alice", "alice-pw-1").status("/") == 302 else "gets in"
    note(f"the plugin's form answers {answer.status_code}, its settings say off now; alice {asked}")


def run(demo: Demo, second: StandIn, keep: bool) -> None:
    say("Install: CRDs, a service account with least rights, the operator")
    demo.install()
    say("Register a Jenkins: a Secret and a JenkinsInstance (examples/instance.yaml)")
    demo.register(demo.jenkins)
    show_users(demo, "Before any policy:")
    say("kubectl apply -f examples/typical.yaml; kubectl get twofactorpolicies -w")
    with watching(demo.kube):
        demo.apply_policy("typical.yaml")
        demo.measure("apply -> Enforced=True/Probed", lambda: demo.is_proven("production"), 60)
    show_users(demo, "With the policy in force:")
    say("An administrator switches 2FA off in Jenkins' own page")
    undo_in_the_ui(demo)
    with watching(demo.kube):
        demo.measure(
            ("changed in Jenkins -> corrected"),
            lambda: is_on(demo.jenkins),
            CHECK_SECONDS * 1.1 + 10,
        )
    show_users(demo, "After the correction:")
    use_an_app(demo, second)
    say("What the cluster says")
    for arguments in (
        ("get", "tfp,ji"),
        ("get", "events", "-o", "custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message"),
    ):
        console.print(demo.kube.kubectl(*arguments, "-n", NAMESPACE).rstrip(), markup=False)
    summarise(demo)
    if keep:
        stay(demo, second)


def use_an_app(demo: Demo, jenkins: StandIn) -> None:
    """OpenMFA: alice enrols an authenticator app, and somebody who has only her password stays outside."""
    say("A second Jenkins, with OpenMFA: kubectl apply -f examples/authenticator-app.yaml")
    demo.register(jenkins, name="release-jenkins", labels={"second-factor": "authenticator-app"})
    with watching(demo.kube):
        demo.apply_policy("authenticator-app.yaml")
        demo.measure("apply -> Enforced=True/Probed, OpenMFA", lambda: demo.is_proven("authenticator-app"), 60)
    alice = logged_in(jenkins, "alice")
    show_answer("alice, who has no app yet", alice)
    secret, _ = enrol_by_page(alice)
    show_answer("alice, after she has enrolled her app", alice)
    again = logged_in(jenkins, "alice")
    show_answer("alice, at her next login", again)
    answer(again, code(secret, 1))  # each code works once, so the next one
    show_answer("alice, after the code of her app", again)
    thief = logged_in(jenkins, "alice")
    show_answer("a thief with alice's password", thief)
    met = enrol_by_page(thief, pyotp.random_base32())[1]
    note(f"  {'the thief, who tries to enrol another app':<46} is refused ({met.status_code})")
    show_answer("the thief, after that", thief)


def summarise(demo: Demo) -> None:
    say("Summary")
    for name, seconds in demo.figures.items():
        note(f"{name:<38} {seconds:6.2f} s")
    note(f"(checkInterval is {CHECK_SECONDS} s here; the product's default is 30 s)")


def stay(demo: Demo, second: StandIn) -> None:
    say("Everything stays up. Look around in another terminal; Ctrl-C here ends it.")
    note(f"export KUBECONFIG={demo.kube.kubeconfig} PATH={demo.kube.binaries}:$PATH")
    note(f"kubectl -n {NAMESPACE} get tfp,ji -o wide; kubectl -n {NAMESPACE} describe tfp; kubectl explain tfp.spec")
    note(f"Jenkins: {demo.jenkins.url}, with OpenMFA: {second.url} (users admin, alice, robot; password <name>-pw-1)")
    note(f"operator's log: {demo.log}")
    with contextlib.suppress(KeyboardInterrupt):
        while demo.operator is not None and demo.operator.poll() is None:
            time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="stay at the end, and say how to look around")
    arguments = parser.parse_args()
    start = time.monotonic()
    say("Start: a real kube-apiserver, and two Jenkins stand-ins whose 2FA plugins are switched off")
    with (
        tempfile.TemporaryDirectory(prefix="jenkins2fa-demo-") as folder,
        KubeServer() as kube,
        StandIn(users=USERS, realm="groups", smtp_host="mail.example.invalid") as jenkins,
        StandIn(users=USERS, realm="groups", plugins=("openmfa",)) as second,
    ):
        demo = Demo(kube, jenkins, pathlib.Path(folder))
        try:
            run(demo, second, arguments.keep)
        finally:
            demo.stop()
    note(f"the whole demo                         {time.monotonic() - start:6.2f} s")


if __name__ == "__main__":
    main()
