"""The instructions of the Dockerfile, executed without Docker on copies of the files, in a fresh environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jenkins2fa import __version__
from tests.support.charted import CHART
from tests.support.kube import CHECKOUT

FILES_OF_BUILDS = ("__pycache__",)
NO_PATHS = {"PATH", "PYTHONPATH", "VIRTUAL_ENV"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in place of the image's root, after COPY and RUN of the build stage."""
    root = tmp_path_factory.mktemp("image")
    source = root / "source"
    source.mkdir()
    text = (CHECKOUT / "Dockerfile").read_text().split("\nFROM")[1]
    for instruction, rest in re.findall(r"^(COPY|RUN) (.*)$", text, re.MULTILINE):
        if instruction == "COPY":
            *names, target = rest.split()
            for name in names:
                copy(CHECKOUT / name, source / target / (name if target == "./" else ""))
        else:
            command = re.sub(r"(?<![\w.])/(opt|wheel)\b", rf"{root}/\1", rest)
            command = re.sub(r"(?<!/)\bpython(?= -m)", f"{sys.base_prefix}/bin/python3", command)
            result = subprocess.run(["sh", "-ec", command], cwd=source, env=environment(root), capture_output=True, text=True)
            assert result.returncode == 0, f"{command}\n{result.stderr}"
    return root


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*FILES_OF_BUILDS))
    else:
        shutil.copy(source, target)


def environment(root: Path) -> dict[str, str]:
    """The environment variables of a process in the image that concern paths."""
    kept = {name: value for name, value in os.environ.items() if name not in NO_PATHS}
    return {**kept, "PATH": f"{root}/opt/jenkins2fa/bin:/usr/local/bin:/usr/bin:/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def call(image: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd="/", env=environment(image), capture_output=True, text=True, timeout=60)


def test_the_entry_point_works(image: Path) -> None:
    result = call(image, "jenkins2fa", "--version")
    assert (result.returncode, result.stdout.strip()) == (0, f"jenkins2fa {__version__}")
    assert call(image, "jenkins2fa", "--help").returncode == 0


def test_every_module_can_be_imported_in_the_image(image: Path) -> None:
    modules = "pkgutil.walk_packages(jenkins2fa.__path__, 'jenkins2fa.')"
    script = f"import jenkins2fa, pkgutil, importlib\nfor found in {modules}:\n    importlib.import_module(found.name)"
    result = call(image, "python", "-c", script)
    assert result.returncode == 0, result.stderr
    found = call(image, "python", "-c", "import jenkins2fa; print(jenkins2fa.__file__)").stdout
    assert found.startswith(str(image)), "the checkout must not be used"


def test_the_image_has_schemas_and_scripts(image: Path) -> None:
    good = call(image, "jenkins2fa", "validate", str(CHECKOUT / "examples" / "smallest.yaml"))
    assert good.returncode == 0, good.stdout + good.stderr
    packaged = {path.name for path in (image / "opt").rglob("jenkins2fa/jenkins/groovy/*.groovy")}
    assert packaged == {path.name for path in (CHECKOUT / "operator" / "jenkins2fa" / "jenkins" / "groovy").glob("*.groovy")}


def test_the_operator_starts_in_the_image_and_names_what_is_missing(image: Path) -> None:
    assert call(image, "jenkins2fa", "run", "--help").returncode == 0
    result = call(image, "jenkins2fa", "run", "--kubeconfig", "/nowhere")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: no connection to an API server")


def test_installed_versions_match_the_constraints(image: Path) -> None:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split(" ;")[0].strip().split("==") for line in lines if "==" in line)
    listed = call(image, "python", "-c", "import importlib.metadata as m\nfor d in m.distributions(): print(d.name, d.version)").stdout
    installed = {name.lower().replace("_", "-").replace(".", "-"): version for name, version in map(str.split, listed.splitlines())}
    installed.pop("jenkins-2fa-operator")
    assert installed
    assert {name: version for name, version in installed.items() if pinned.get(name) != version} == {}


def test_the_helm_test_runs_in_the_image(image: Path) -> None:
    """The hook's script uses the operator's own modules; without an API server it prints one line."""
    script = (CHART / "files" / "leads.py").read_text()
    variables = {**environment(image), "LEASE_NAMESPACE": "x", "KUBECONFIG": "/nowhere", "PATIENCE": "0"}
    result = subprocess.run(["python", "-c", script], env=variables, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "no operator leads: no connection to an API server" in result.stderr
    assert "Traceback" not in result.stderr
