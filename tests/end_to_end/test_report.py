"""`jenkins2fa report` of a cluster: by a user who may read the Secrets, and by an auditor who may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner

from jenkins2fa.cli.main import main
from tests.support.actions import is_on, switch_off
from tests.support.commands import Ended
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

READ = ["get", "list"]


def call(kubeconfig: Path, scene: Scene, *options: str) -> Ended:
    command = ["report", "--kubeconfig", str(kubeconfig), "-n", scene.namespace, *options]
    result = CliRunner().invoke(main, command, env={"JENKINS_URL": "", "JENKINS_TOKEN": ""})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def auditor(kube: KubeServer, namespace: str, *, events: bool = True) -> Path:
    """Credentials that may read our custom resources and Events, and nothing else."""
    name = "auditor" if events else "auditor-without-events"
    rules: list[dict[str, Any]] = [{"apiGroups": ["jenkins2fa.dev"], "resources": ["*"], "verbs": READ}]
    rules += [{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": READ}] if events else []
    group = "rbac.authorization.k8s.io"
    kubeconfig = kube.service_account(namespace, name)
    kube.apply(
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
        namespace=namespace,
    )
    return kubeconfig


def test_the_report_probes_if_it_may_read_secrets_and_else_quotes_the_status(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn
) -> None:
    scene.policy("baseline", exemptGroups=["robots"])
    scene.instance("build", jenkins.url)
    scene.instance("unmanaged", "https://nobody.invalid", credentialsRef={"name": "absent"}, labels={"x": "y"})
    scene.policy("baseline", exemptGroups=["robots"], instanceSelector={"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]})
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    switch_off(jenkins)
    wait_until(lambda: is_on(jenkins), seconds=20, what="the operator puts it back")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=20, what="the Event is there")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")

    found = call(scene.kube.kubeconfig, scene, "-o", "json").document
    rows = {one["name"]: one for one in found["instances"]}
    build = rows["build"]
    assert [build["proof"]["basis"], build["proof"]["enforced"]["status"], build["policy"]] == [
        "Probe",
        "True",
        f"{scene.namespace}/baseline",
    ]
    assert [build["rules"]["exemptGroups"], build["layers"]["gate"], build["differences"]] == [["robots"], "in place", []]
    assert {"DriftCorrected", "Corrected"} <= {one["reason"] for one in build["history"]}  # the Event, and Jenkins' own record
    assert [rows["unmanaged"]["policy"], rows["unmanaged"]["notChecked"][0]["what"]] == [None, "Jenkins itself"]

    few = auditor(scene.kube, scene.namespace)
    told = call(few, scene, "-o", "json")
    build = {one["name"]: one for one in told.document["instances"]}["build"]
    assert [build["proof"]["basis"], build["proof"]["enforced"]["reason"], build["layers"]] == ["Status", "Probed", None]
    assert [told.code, told.document["summary"]["proven"], told.document["summary"]["recordedAsProven"]] == [3, 0, 1]
    assert "DriftCorrected" in {one["reason"] for one in build["history"]}
    assert "Secret" in build["notChecked"][0]["why"]

    scene.delete("ji", "unmanaged")
    recorded = call(few, scene, "--recorded", "-o", "json")
    assert [recorded.code, recorded.document["summary"]["recordedAsProven"]] == [0, 1]
    without = call(auditor(scene.kube, scene.namespace, events=False), scene, "--recorded", "-o", "json").document["instances"][0]
    assert [without["history"], without["notChecked"][-1]["why"]] == [[], "you have no right to list Events"]
    assert call(few, scene, "--recorded", "-o", "json").document["breakGlasses"] == []
    scene.break_glass("drill", "2020-01-01T12:00:00Z", "Drill", instanceSelector={"matchLabels": {"no": "instance"}})
    (drill,) = call(few, scene, "--recorded", "-o", "json").document["breakGlasses"]
    assert [drill[name] for name in ("name", "reason", "state", "open", "openedAt", "instances")] == [
        "drill", "Drill", "Expired", False, None, [],
    ]  # fmt: skip
    for form in ("html", "json"):
        text = call(scene.kube.kubeconfig, scene, "-o", form).out
        assert jenkins.tokens["admin"] not in text
