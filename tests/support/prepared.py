"""Folders of the parts that tools/prepare.py builds. They are built on first use, so a test also runs without `make`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def prepared(part: str) -> Path:
    """Folder of the part `kube` or `stand-in`; builds it if it is missing, with progress on standard error."""
    command = [sys.executable, str(CHECKOUT / "tools" / "prepare.py"), "--print", part]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
