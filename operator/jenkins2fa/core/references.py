"""What an instance refers to by name: Secrets and ConfigMaps of its namespace. ``kube/secrets.py`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from jenkins2fa.api.meta import Key


class ReferenceUnreadable(Exception):
    """The object does not exist, or may not be read. The text says which object, and what to do."""


class References(Protocol):
    """Reads Secrets and ConfigMaps by name; ``kind`` is ``Secret`` or ``ConfigMap``. Raises ReferenceUnreadable."""

    def read(self, kind: str, key: Key) -> Mapping[str, str]:
        """The data of an object, decoded and at most a minute old."""

    def read_again(self, kind: str, key: Key) -> Mapping[str, str] | None:
        """The data from a new request; None when the last one was less than a second ago, and would only be repeated."""

    def forget(self, kind: str, key: Key) -> None:
        """Read the object anew next time."""
