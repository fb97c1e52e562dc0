"""A provided gate, which the site mounts itself: verified, used, and never written."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from tests.support.actions import is_on
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

USERS = {"robot": {"password": "robot-pw-1", "groups": ["robots"]}}


@pytest.fixture
def jenkins() -> Iterator[StandIn]:
    with StandIn(realm="groups", users=USERS) as running:
        yield running


def mount(scene: Scene, jenkins: StandIn, folder: Path) -> Path:
    """What a site does: the policy of the cluster goes through `gate render`, the file into init.groovy.d, and Jenkins is restarted."""
    manifest = folder / "policy.json"
    manifest.write_text(json.dumps({key: scene.get("tfp", "baseline")[key] for key in ("apiVersion", "kind", "metadata", "spec")}))
    rendered = CliRunner().invoke(main, ["gate", "render", str(manifest), "--username", "admin"])
    assert rendered.exit_code == 0, rendered.output
    file = jenkins.home / "init.groovy.d" / "jenkins2fa.groovy"
    file.parent.mkdir(exist_ok=True)
    file.chmod(0o644) if file.exists() else None
    file.write_text(rendered.stdout)
    file.chmod(0o444)
    jenkins.restart()
    return file


def test_a_provided_gate_is_used_and_never_written(operator: OperatorProcess, scene: Scene, jenkins: StandIn, tmp_path: Path) -> None:
    scene.instance("build", jenkins.url, gate={"mode": "Provided"})
    scene.policy("baseline", exemptGroups=["robots"])
    body = scene.wait("ji", "build", Ready="False/GateNotProvided", Stalled="True/GateNotProvided", Enforced="False")
    assert {"path": "gate", "state": "Refused"}.items() <= next(one for one in body["status"]["fields"] if one["path"] == "gate").items()
    assert "jenkins2fa gate render" in scene.message("ji", "build")
    assert not (jenkins.home / "init.groovy.d" / "jenkins2fa.groovy").exists()
    assert not is_on(jenkins), "nothing that needs the gate is switched on"

    file = mount(scene, jenkins, tmp_path)
    mounted = file.read_bytes()
    body = scene.wait("ji", "build", seconds=40, Ready="True/InForce", Enforced="True/Probed", Stalled="False")
    assert body["status"]["gate"]["mode"] == "Provided"
    assert body["status"]["gate"]["sha256"] == hashlib.sha256(mounted).hexdigest()
    assert [file.read_bytes(), (jenkins.home / "jenkins2fa" / "gate.json").exists()] == [mounted, False]
    assert jenkins.browser("robot", "robot-pw-1").status("/") == 200
    assert is_on(jenkins)

    scene.policy("baseline", exemptGroups=["others"])
    scene.wait("ji", "build", Ready="False/GateNotProvided", Stalled="True", Enforced="False")
    assert [file.read_bytes(), jenkins.browser("robot", "robot-pw-1").status("/")] == [mounted, 200], "the mounted gate continues unchanged"
    mount(scene, jenkins, tmp_path)
    scene.wait("ji", "build", seconds=40, Ready="True/InForce", Enforced="True/Probed")
    assert jenkins.browser("robot", "robot-pw-1").status("/") == 302


def test_a_read_only_home_is_observed_and_proven(operator: OperatorProcess, scene: Scene, jenkins: StandIn, tmp_path: Path) -> None:
    """Settings and gate come with the image: observed and proven. No owner record can be written, and nothing changed."""
    scene.instance("build", jenkins.url, gate={"mode": "Provided"})
    scene.policy("baseline", exemptGroups=["robots"])
    mount(scene, jenkins, tmp_path)
    scene.wait("ji", "build", seconds=40, Ready="True/InForce", Enforced="True/Probed")
    shutil.rmtree(jenkins.home / "jenkins2fa")
    folders = [str(jenkins.home / name) for name in (".", "plugins/moTfaGlobalConfig", "init.groovy.d") if (jenkins.home / name).is_dir()]
    subprocess.run(["chattr", "+i", *folders], check=True)
    try:
        scene.annotate("ji", "build", "1")
        wait_until(lambda: "this controller has no owner record" in scene.message("ji", "build"), seconds=30, what="the note about it")
        scene.wait("ji", "build", Ready="True/InForce", Stalled="False", Enforced="True/Probed")
        scene.policy("baseline", exemptGroups=["robots"], mode="Disabled")
        scene.wait("ji", "build", seconds=30, Ready="False/NotPersisted", Stalled="True")
        assert is_on(jenkins)
    finally:
        subprocess.run(["chattr", "-i", *folders], check=True)
