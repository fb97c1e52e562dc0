"""The commands of README, "Start", as written, on a real API server and a Jenkins stand-in.

Not as they stand there: what builds and pushes the image and what installs the command line does nothing, the operator runs beside the API
server (which has no nodes), and the placeholders of examples/instance.yaml are filled in, as the README asks for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.kube import CHECKOUT, KubeServer
from tests.support.running import OperatorProcess
from tests.support.standin import StandIn

REPLACED = ("docker", "python3", "pip")  # programs that are replaced and do nothing here


def blocks() -> list[list[str]]:
    """The commands of the section, by code block."""
    section = (CHECKOUT / "README.md").read_text().partition("\n## Start\n")[2].partition("\n## ")[0]
    return [block.strip().splitlines() for block in re.findall(r"(?ms)^```$(.*?)^```$", section)]


def bench(folder: Path, jenkins: StandIn) -> None:
    """A checkout with what the commands need, the values of this controller, and replacements for missing programs."""
    for name in ("crds", "deploy", "examples"):
        shutil.copytree(CHECKOUT / name, folder / name)
    file = folder / "examples" / "instance.yaml"
    secret, instance = yaml.safe_load_all(file.read_text())
    host = jenkins.url.removeprefix("http://")
    assert secret["stringData"]["host"] in instance["spec"]["url"]
    secret["stringData"] = {"host": host, "username": "admin", "token": jenkins.tokens["admin"]}
    instance["spec"] |= {"url": f"{jenkins.url}/"}
    file.write_text(yaml.safe_dump_all([secret, instance]))
    (folder / "token.txt").write_text(jenkins.tokens["admin"])
    programs = folder / "programs"
    programs.mkdir()
    for name in REPLACED:
        _write_program(programs / name, "exit 0")
    _write_program(programs / "jenkins2fa", f'exec "{sys.executable}" -m jenkins2fa.cli.main "$@"')


def _write_program(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def run(commands: list[str], folder: Path, kube: KubeServer) -> str:
    """Run the commands and return their output; stops at the first failure (exit code 2 of `plan` means: something would change)."""
    environment = kube.environment()
    path = f"{folder / 'programs'}{os.pathsep}{environment['PATH']}"
    text = "\n".join(f"({one}) || [ $? = 2 ]" if one.startswith("jenkins2fa plan") else one for one in map(_bare, commands))
    environment |= {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(CHECKOUT / "operator")}
    ended = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def _bare(command: str) -> str:
    return re.sub(r"\s{3,}#.*", "", command).replace("ADMIN", "admin")


def test_the_start_section_works_as_written(tmp_path: Path) -> None:
    users = {"admin": {"password": "admin-pw-1", "admin": True, "email": "admin@example.invalid"}}
    operator, command_line, use = blocks()
    with KubeServer() as kube, StandIn(users=users, realm="groups", smtp_host="mail.example.invalid") as jenkins:
        bench(tmp_path, jenkins)
        assert "deployment.apps/jenkins-2fa-operator created" in run(operator, tmp_path, kube)
        deployed = kube.get("deployment", "jenkins-2fa-operator", "-n", "jenkins-2fa")["spec"]["template"]["spec"]["containers"][0]
        assert deployed["image"].startswith("registry.example.com/")
        assert any("pip install ." in one for one in command_line)
        with OperatorProcess(kube):
            said = run(use, tmp_path, kube)
    assert "fields would change" in said
    assert "twofactorpolicy.jenkins2fa.dev/production condition met" in said
