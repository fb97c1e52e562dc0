"""Accounts of many Jenkinses from one YAML file. It names environment variables and files, never values, and hosts that may be asked.

::

    credentials:
      team-a/build:                        # namespace/name of the JenkinsInstance, or its name alone, or "*" for all the others
        hosts: [jenkins.example.com/ci]    # host, port unless standard, and optionally a path; "*.example.com" is every host of that domain
        username: plan-bot                 # or usernameEnv
        tokenEnv: BUILD_TOKEN              # or tokenFile
        secondFactorSeedFile: seed         # optional; or secondFactorSeedEnv
        caFile: corporate-ca.pem           # optional

``hosts`` is what the key ``host`` is in the operator's Secrets: whoever may change the URL in a pull request cannot have a token
sent elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jenkins2fa.api.consent import host_and_port, is_below, place_of
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.cli.yaml_reading import UnreadableYAML, read_documents
from jenkins2fa.jenkins.account import Credentials, seed_problem
from jenkins2fa.jenkins.errors import HostNotAllowed, SecretMissing
from jenkins2fa.jenkins.http import Connection

KEYS = ("hosts", "username", "usernameEnv", "tokenEnv", "tokenFile", "secondFactorSeedEnv", "secondFactorSeedFile", "caFile")
EVERYBODY = "*"
_NAME = re.compile("[A-Za-z_]{1,30}")  # what may be repeated of a key; anything else may be a secret


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of the file; ``named`` are its texts by key."""

    entry: str
    hosts: tuple[str, ...]
    named: Mapping[str, str]

    def connection(self, instance: JenkinsInstance) -> Connection:
        """How to reach an instance. Raises HostNotAllowed or SecretMissing."""
        url = instance.spec.url
        if not any(_matches(host, url) for host in self.hosts):
            place = place_of(url)
            raise HostNotAllowed(
                f"the credentials {self.entry} are not for {place}: nothing was sent. Add {place} to their hosts, or correct spec.url"
            )
        seed = self._optional("secondFactorSeed")
        problem = seed_problem(seed) if seed is not None else None
        if problem:
            raise SecretMissing(f"the seed of the second factor of the credentials {self.entry} {problem}")
        credentials = Credentials(self._username(), self._required("token"), seed)
        return Connection(url, credentials, self._file("caFile") if "caFile" in self.named else None)

    def _username(self) -> str:
        return self.named.get("username") or self._variable("usernameEnv")

    def _required(self, what: str) -> str:
        found = self._optional(what)
        if found is None:
            raise SecretMissing(f"the credentials {self.entry} have no {what}: give {what}Env or {what}File")
        return found

    def _optional(self, what: str) -> str | None:
        if f"{what}Env" in self.named:
            return self._variable(f"{what}Env")
        return self._file(f"{what}File").strip() if f"{what}File" in self.named else None

    def _variable(self, key: str) -> str:
        name = self.named.get(key)
        if name is None:
            raise SecretMissing(f"the credentials {self.entry} have no username: give username or usernameEnv")
        try:
            value = os.environ.get(name, "").strip()
        except UnicodeEncodeError:  # a name that no variable can have
            value = ""
        if not value:
            raise SecretMissing(f"the credentials {self.entry}: the environment variable {name} is empty or not set")
        return value

    def _file(self, key: str) -> str:
        name = self.named[key]
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, ValueError) as problem:  # a name that no file can have, too
            raise SecretMissing(
                f"the credentials {self.entry}: the file {name}: {getattr(problem, 'strerror', None) or 'is not text'}"
            ) from None
        if not text.strip():
            raise SecretMissing(f"the credentials {self.entry}: the file {name} is empty")
        return text


class CredentialsFile:
    """The accounts of a file, found by instance."""

    def __init__(self, file: str) -> None:
        """Raises CannotGoOn when the file is not as it must be, secrets written into it included."""
        self._file = file
        self._accounts = {name: _account(f"{name} of {file}", found) for name, found in _entries(file).items()}

    def connection(self, instance: JenkinsInstance) -> Connection:
        """How to reach an instance. Raises HostNotAllowed or SecretMissing."""
        for name in (str(instance.meta.key), instance.meta.name, EVERYBODY):
            if name in self._accounts:
                return self._accounts[name].connection(instance)
        raise SecretMissing(f'{self._file} has no credentials for {instance.meta.key}: add an entry of that name, or one called "*"')


def _entries(file: str) -> Mapping[str, Any]:
    try:
        document = next((one.value for one in read_documents(Path(file).read_text(encoding="utf-8"))), None)
    except (OSError, UnicodeDecodeError) as problem:
        raise CannotGoOn(f"{file}: {getattr(problem, 'strerror', None) or 'is not text'}") from None
    except UnreadableYAML as problem:
        raise CannotGoOn(f"{file}:{problem.line}: {problem}") from None
    found = document.get("credentials") if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) for name in found):
        raise CannotGoOn(f"{file}: must have `credentials`, a mapping from instances to {', '.join(KEYS)}")
    return found


def _account(entry: str, found: Any) -> Account:
    if not isinstance(found, Mapping):
        raise CannotGoOn(f"{entry}: must be a mapping with {', '.join(KEYS)}")
    unknown = sorted(str(key) for key in found if key not in KEYS)
    if unknown:
        hint = ": a secret is named by variable or file, never written here" if {"token", "password"} & set(unknown) else ""
        shown = ", ".join(key if _NAME.fullmatch(key) else "that is no name" for key in unknown)
        raise CannotGoOn(f"{entry}: unknown key {shown} (there are {', '.join(KEYS)}){hint}")
    hosts = found.get("hosts")
    hosts = [hosts] if isinstance(hosts, str) else hosts
    if not isinstance(hosts, list) or not hosts or not all(isinstance(host, str) and host.strip("*. ") for host in hosts):
        raise CannotGoOn(f"{entry}: hosts: required: the hosts that this account may be sent to, such as [jenkins.example.com]")
    texts = {key: value for key, value in found.items() if key != "hosts"}
    if not all(isinstance(value, str) and value.strip() for value in texts.values()):
        raise CannotGoOn(f"{entry}: every value must be a text")
    return Account(entry, tuple(host.strip() for host in hosts), texts)


def _matches(allowed: str, url: str) -> bool:
    """As ``consents``, and "*." stands for every host of a domain."""
    (host, _, path), wanted = allowed.partition("/"), host_and_port(url).lower()
    host = host.lower()
    named = wanted.endswith(host[1:]) and wanted != host[2:] if host.startswith("*.") else host == wanted
    return named and is_below(path, urlsplit(url).path)
