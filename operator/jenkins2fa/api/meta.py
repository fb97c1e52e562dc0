"""What all custom resources share: group and version, annotations, metadata, label selectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from jenkins2fa.api.fields import Fields, InvalidObject

GROUP = "jenkins2fa.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

CLUSTER_SCOPED = ("ClusterTwoFactorPolicy",)  # kinds whose objects have no namespace

RECONCILE_AT = f"{GROUP}/reconcile-at"  # on an instance or a policy: a new value starts a reconcile
APPROVE_WEAKENING = f"{GROUP}/approve-weakening"  # on a policy, instance or break-glass: digests of approved changes
TAKE_OVER = f"{GROUP}/take-over"  # on an instance: the owner that may be replaced, as the status names it

_EMPTY: Mapping[str, str] = MappingProxyType({})
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies an object within its resource. The namespace of a cluster-scoped object is empty."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of an object, as far as decisions need it."""

    namespace: str
    name: str
    uid: str = ""
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    annotations: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    created: datetime = _EPOCH
    deleting: bool = False

    @property
    def key(self) -> Key:
        return Key(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of ``matchExpressions``."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels
        match self.operator:
            case "In":
                return present and labels[self.key] in self.values
            case "NotIn":
                return not present or labels[self.key] not in self.values
            case "Exists":
                return present
            case _:
                return not present


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A Kubernetes label selector; an empty one matches everything."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.labels) and all(e.matches(labels) for e in self.expressions)


def read_metadata(body: Mapping[str, Any]) -> Metadata:
    """The metadata of an object. Fields that a file leaves out get harmless defaults. Raises InvalidObject."""
    root = Fields(body)
    metadata = collect_metadata(root)
    if root.problems:
        raise InvalidObject(root.problems)
    return metadata


def collect_metadata(root: Fields) -> Metadata:
    """As :func:`read_metadata`, but the problems are added to ``root``."""
    meta = root.nested("metadata") or Fields({}, "metadata", root.problems)
    return Metadata(
        namespace="" if root.values.get("kind") in CLUSTER_SCOPED else meta.string("namespace") or "default",
        name=meta.string("name") or "",
        uid=meta.string("uid") or "",
        generation=meta.integer("generation", 0),
        labels=_read_strings(meta.nested("labels")),
        annotations=_read_strings(meta.nested("annotations")),
        created=meta.time("creationTimestamp") or _EPOCH,
        deleting=meta.has("deletionTimestamp"),
    )


def _read_strings(fields: Fields | None) -> Mapping[str, str]:
    if fields is None:
        return _EMPTY
    for key, value in fields.values.items():
        if not isinstance(value, str):
            fields.fail(str(key), "must be a string: write it in quotes")
    return MappingProxyType(dict(fields.values))


def read_selector(fields: Fields | None) -> LabelSelector:
    if fields is None:
        return LabelSelector()
    return LabelSelector(_read_labels(fields.nested("matchLabels")), tuple(_read_requirements(fields)))


def _read_labels(fields: Fields | None) -> tuple[tuple[str, str], ...]:
    if fields is None:
        return ()
    for key, value in fields.values.items():
        if not isinstance(value, str):
            fields.fail(str(key), f"must be a string, is {value!r}: write it in quotes")
    return tuple(sorted((str(key), str(value)) for key, value in fields.values.items()))


def _read_requirements(fields: Fields) -> list[Requirement]:
    items = fields.values.get("matchExpressions")
    if items is not None and not isinstance(items, list | tuple):
        fields.fail("matchExpressions", "must be a list")
        return []
    return [_read_requirement(fields, number, item) for number, item in enumerate(items or ())]


def _read_requirement(fields: Fields, number: int, item: Any) -> Requirement:
    place = f"matchExpressions[{number}]"
    if not isinstance(item, Mapping):
        fields.fail(place, "must be a mapping with key, operator and values")
        return Requirement("", "")
    one = Fields(item, fields.at(place), fields.problems)
    operator, values = one.required_string("operator"), one.strings("values") or ()
    if operator and operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        one.fail("operator", f"must be one of In, NotIn, Exists, DoesNotExist, is {operator!r}")
    if operator in ("In", "NotIn") and not values:
        one.fail("values", "required because operator is In or NotIn")
    if operator in ("Exists", "DoesNotExist") and values:
        one.fail("values", "only allowed when operator is In or NotIn")
    return Requirement(one.required_string("key"), operator, frozenset(values))
