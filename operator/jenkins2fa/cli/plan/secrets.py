"""Secrets and ConfigMaps from files, for plans and reports without a cluster: the manifests that the cluster has, too.

A value of a Secret may be ``$(NAME)``: it stands for the environment variable, so that the file can be kept in Git.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jenkins2fa.api.meta import Key
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.cli.manifests import Failure, Manifest, UnreadableFile, find_files, read_manifests
from jenkins2fa.core.references import ReferenceUnreadable

VARIABLE = re.compile(r"\s*\$\(([A-Za-z_][A-Za-z0-9_]*)\)\s*")
KINDS = ("Secret", "ConfigMap")


class SecretFiles:
    """The ``References`` of core, from files. Objects of other kinds are skipped."""

    def __init__(self, paths: tuple[str, ...], namespace: str) -> None:
        """``namespace``: of objects that name none. Raises CannotGoOn; never repeats a value."""
        self._bodies: dict[tuple[str, Key], Mapping[str, Any]] = {}
        for manifest in _objects(paths):
            key = Key(manifest.namespace or namespace, manifest.name)
            if (manifest.kind, key) in self._bodies:
                raise CannotGoOn(f"{manifest.file}:{manifest.line()}: the {manifest.kind} {key} is in the files of --secrets twice")
            self._bodies[manifest.kind, key] = manifest.body

    def read(self, kind: str, key: Key) -> Mapping[str, str]:
        body = self._bodies.get((kind, key))
        if body is None:
            raise ReferenceUnreadable(f"no {kind} {key} in the files of --secrets: add it there, or correct the reference")
        if kind == "ConfigMap":
            return _strings(body.get("data"))
        data = {**_decoded(body.get("data")), **_strings(body.get("stringData"))}
        return {name: _resolved(value, name, key) for name, value in data.items()}

    def read_again(self, kind: str, key: Key) -> None:
        """Files do not change while a plan is made."""

    def forget(self, kind: str, key: Key) -> None:
        """Nothing is cached."""


def _objects(paths: tuple[str, ...]) -> Iterator[Manifest]:
    try:
        for file in find_files(paths):
            for found in read_manifests(file):
                if isinstance(found, Failure):
                    raise CannotGoOn(f"{found.file}:{found.line}: {found.message}")
                if found.kind in KINDS and found.body.get("apiVersion") == "v1":
                    yield found
    except UnreadableFile as error:
        raise CannotGoOn(f"--secrets {error}") from None


def _strings(values: Any) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)} if isinstance(values, Mapping) else {}


def _decoded(values: Any) -> dict[str, str]:
    decoded = {}
    for name, value in _strings(values).items():
        try:
            decoded[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except ValueError:
            continue  # not UTF-8: none of our keys
    return decoded


def _resolved(value: str, name: str, key: Key) -> str:
    match = VARIABLE.fullmatch(value)
    if match is None:
        return value
    content = os.environ.get(match[1], "").strip()
    if not content:
        raise ReferenceUnreadable(f"the Secret {key}, key {name}: the environment variable {match[1]} is empty or not set")
    return content
