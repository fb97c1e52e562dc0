"""List the packages that the operator consists of: `python tools/supply.py [--check | --sbom FILE]`.

Without an option it writes THIRD-PARTY.md: the licences of all packages in the image (locks/run.txt). --check only compares, and refuses
licences that are not on the list below. --sbom writes a CycloneDX bill of materials. Everything is read from the packages installed here,
without network; the same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parent.parent
TABLE = CHECKOUT / "THIRD-PARTY.md"
ALLOWED = frozenset({"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"})
SPELLINGS = {"Apache 2.0": "Apache-2.0"}  # in old metadata that follows no standard
CLASSIFIERS = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_python_implementation": "CPython"}
IMAGE |= {"python_version": "3.11", "python_full_version": "3.11.14"}
NAMESPACE = uuid.UUID("6f0d6a1c-6c3a-5c0e-9d0b-0d8a4f0f7d11")  # ours, for serial numbers that depend on the content alone


@dataclass(frozen=True, slots=True)
class Package:
    """One package of the image. `licence` is an SPDX expression, `hashes` the SHA-256 of every file that the lock allows."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path) -> Iterator[tuple[Requirement, tuple[str, ...]]]:
    """The entries of a lock for the image's platform: requirement, hashes."""
    for entry in re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", lock.read_text())):
        found = Requirement(entry.split("\\")[0].strip())
        if found.marker is None or found.marker.evaluate(IMAGE):
            yield found, tuple(re.findall(r"--hash=sha256:(\w+)", entry))


def packages(lock: Path) -> list[Package]:
    """Every package of a lock with its installed metadata; raises LookupError for a version that is not installed here."""
    entries = [(normal(found.name), str(found.specifier).removeprefix("=="), hashes) for found, hashes in locked(lock)]
    names = {name for name, _, _ in entries}
    return [package(name, version, hashes, names) for name, version, hashes in entries]


def package(name: str, version: str, hashes: tuple[str, ...], names: set[str]) -> Package:
    distribution = importlib.metadata.distribution(name)
    if distribution.version != version:
        raise LookupError(f"{name}: {distribution.version} is installed here, the lock says {version}: make prepare")
    requirements = [Requirement(text) for text in distribution.requires or ()]
    applying = {normal(one.name) for one in requirements if one.marker is None or one.marker.evaluate({**IMAGE, "extra": ""})}
    return Package(name, version, licence_of(distribution), tuple(sorted(applying & names)), hashes)


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    """The licence as an SPDX expression, from the first of three fields that has one; raises LookupError if none has."""
    metadata = distribution.metadata
    fields = [str(value).strip() for name in ("License-Expression", "License") for value in metadata.get_all(name) or ()]
    named = [CLASSIFIERS.get(str(one), "") for one in metadata.get_all("Classifier") or ()]
    candidates = [*(SPELLINGS.get(one, one) for one in fields), *named]
    for text in filter(None, candidates):
        if expression(text) is not None:
            return text
    raise LookupError(f"{distribution.name}: its metadata names no licence that SPDX knows: look at it, then add it to tools/supply.py")


def expression(text: str) -> list[str] | None:
    """The licences in an SPDX expression; None if it is not valid."""
    try:
        parsed = get_spdx_licensing().parse(text, validate=True)
    except ExpressionError:
        return None
    return [str(key) for key in get_spdx_licensing().license_keys(parsed)] if parsed is not None else None


def forbidden(found: list[Package], allowed: frozenset[str] = ALLOWED) -> list[str]:
    """Packages with a licence that is not allowed, and that licence; in an OR, every alternative must be allowed."""
    return [f"{one.name}: {one.licence}" for one in found if not set(expression(one.licence) or ("?",)) <= allowed]


def table(found: list[Package]) -> str:
    """THIRD-PARTY.md."""
    rows = [f"| {one.name} | {one.version} | {one.licence} |" for one in found]
    head = ["<!-- Derived from locks/run.txt by tools/supply.py: make derived. -->", "# Packages that the operator runs with", ""]
    text = "The image contains these, Python itself (PSF-2.0) and the base image's system packages; nothing that only tests and tools need."
    return "\n".join([*head, text, "", "| package | version | licence |", "|---|---|---|", *rows, ""])


def bill(found: list[Package], moment: datetime) -> str:
    """A CycloneDX 1.6 bill of materials. `moment`: its time, given by the caller so that the output is reproducible."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    ours = component(Package(project["name"], project["version"], project["license"], (), ()), ComponentType.APPLICATION)
    parts = {one.name: component(one, ComponentType.LIBRARY) for one in found}
    bom = Bom(components=parts.values(), serial_number=uuid.uuid5(NAMESPACE, repr((project["version"], found))))
    bom.metadata.timestamp, bom.metadata.component = moment, ours
    direct = {normal(Requirement(text).name) for text in project["dependencies"]}
    bom.register_dependency(ours, [parts[name] for name in sorted(direct & parts.keys())])
    for one in found:
        bom.register_dependency(parts[one.name], [parts[name] for name in one.needs])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def component(one: Package, kind: ComponentType) -> Component:
    place = PackageURL("pypi", None, one.name, one.version)
    licence = LicenseFactory().make_from_string(one.licence)
    files = [file_reference(place, value) for value in one.hashes]
    reference = {"name": one.name, "version": one.version, "bom_ref": str(place), "purl": place}
    return Component(type=kind, licenses=[licence], external_references=files, **reference)  # type: ignore[arg-type]


def file_reference(place: PackageURL, digest: str) -> ExternalReference:
    """One file of a package, by its SHA-256, without a download location: that depends on who installs it."""
    where = XsUri(f"{place}?checksum=sha256:{digest}")
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=where, hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)]
    )


def main() -> int:
    """Write or check; exit code 1 with one line for each problem."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if the table is out of date or a licence is not allowed")
    parser.add_argument("--sbom", type=Path, metavar="FILE", help="write a CycloneDX bill of materials")
    parser.add_argument("--epoch", type=int, default=0, help="its time in seconds since 1970 (default 0: no time that means something)")
    arguments = parser.parse_args()
    found = packages(CHECKOUT / "locks" / "run.txt")
    if arguments.sbom:
        arguments.sbom.write_text(bill(found, datetime.fromtimestamp(arguments.epoch, UTC)))
        return 0
    problems = [f"{one} is not on the list of allowed licences (tools/supply.py)" for one in forbidden(found)]
    if arguments.check and (not TABLE.exists() or TABLE.read_text() != table(found)):
        problems.append("THIRD-PARTY.md is out of date: make derived")
    if not arguments.check:
        TABLE.write_text(table(found))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
