"""The real kubectl, which finds our plugin on PATH."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.kube import CHECKOUT, KubeServer

# As pip writes it for [project.scripts].
SCRIPT = "#!{python}\nimport sys\nfrom jenkins2fa.cli.kubectl.command import main\nsys.exit(main())\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of `kubectl twofactor`."""

    code: int
    out: str
    err: str


class Plugin:
    """Calls `kubectl twofactor ...`; `folder` is put on PATH."""

    def __init__(self, kube: KubeServer, folder: Path) -> None:
        self.kube, self._folder = kube, folder
        script = folder / "kubectl-twofactor"
        script.write_text(SCRIPT.format(python=sys.executable))
        script.chmod(0o755)

    def __call__(self, *arguments: str, kubeconfig: Path | None = None, text: str = "") -> Ended:
        environment = self.kube.environment(kubeconfig)
        environment |= {"PATH": f"{self._folder}:{environment['PATH']}", "PYTHONPATH": str(CHECKOUT / "operator"), "COLUMNS": "200"}
        command = [self.kube.binaries / "kubectl", "twofactor", *arguments]
        result = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, timeout=120)
        return Ended(result.returncode, result.stdout, result.stderr)
