"""Where the parts lie that tools/prepare.py makes: they are made on first use, so a test can be run without `make`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def prepared(part: str) -> Path:
    """Folder of the part `kube` or `stand-in`, made first where it is missing (progress on standard error)."""
    command = [sys.executable, str(CHECKOUT / "tools" / "prepare.py"), "--print", part]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
