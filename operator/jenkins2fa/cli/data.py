"""Where the files are that travel with the package but are no Python."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """``crds`` or ``schemas``: copied into the wheel, and at the top of a checkout (an editable install copies nothing)."""
    packaged = _PACKAGE / "data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent / name


@cache
def load_schema(kind: str, version: str) -> dict[str, Any]:
    """The JSON Schema of one kind."""
    path = data_folder("schemas") / f"{kind.lower()}_{version}.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema
