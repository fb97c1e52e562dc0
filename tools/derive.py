"""Derive ``schemas/*.json``, ``docs/fields.md`` and the CRDs in the chart and in config/ from ``crds/``, the only source of the schema.

``python tools/derive.py`` writes them. ``python tools/derive.py --check`` only lists those that are out of date (exit code 1).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"
LIMITS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
BOUNDS = ("minLength", "maxLength", "pattern", "minimum", "maximum", "minItems", "maxItems", "maxProperties")
KEPT = ("type", "description", "default", "enum", *BOUNDS)
Schema = dict[str, Any]


def main(arguments: list[str]) -> int:
    wanted = derived_files()
    stale = [path for path, text in wanted.items() if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is out of date: run python tools/derive.py")
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path], "utf-8")
        print(f"wrote {path}")
    return 0


def derived_files() -> dict[str, str]:
    """Every derived file: path from the repository's root -> text."""
    texts = crd_texts()
    crds = [yaml.safe_load(text) for text in texts.values()]
    schemas = {f"{crd['spec']['names']['singular']}_{version(crd)['name']}.json": json_schema(crd) for crd in crds}
    schemas["all.json"] = {
        "$schema": DRAFT,
        "title": "Any object of jenkins2fa.dev",
        "oneOf": [{"$ref": name} for name in schemas],
    }
    files = {f"schemas/{name}": json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}
    files["docs/fields.md"] = field_reference(crds)
    files["charts/jenkins-2fa-operator/templates/crds.yaml"] = chart_template(list(texts.values()))
    files["config/crds.yaml"] = kustomize_resource(list(texts.values()))
    files[CLUSTER_POLICY] = texts[CLUSTER_POLICY]
    return files


POLICY = "crds/jenkins2fa.dev_twofactorpolicies.yaml"
CLUSTER_POLICY = "crds/jenkins2fa.dev_clustertwofactorpolicies.yaml"
NAMESPACE_SELECTOR = """                namespaceSelector:
                  type: object
                  description: >-
                    Selects namespaces by their labels. An empty selector ({}) selects all of them. Every namespace has the label
                    kubernetes.io/metadata.name.
                  x-kubernetes-map-type: atomic
                  properties:
"""
ESCAPED = """                    escaped:
                      type: integer
                      format: int32
                      description: >-
                        Instances in the selected namespaces that escape the policy: no cluster policy selects them (for example, a
                        label is missing), or their access is not Manage. The message of Ready names them.
"""


def crd_texts() -> dict[str, str]:
    """Every CRD: path -> text, the derived one included."""
    paths = [path for path in sorted((ROOT / "crds").glob("*.yaml")) if path.name != Path(CLUSTER_POLICY).name]
    texts = {f"crds/{path.name}": path.read_text("utf-8") for path in paths}
    return dict(sorted({**texts, CLUSTER_POLICY: cluster_policy(texts[POLICY])}.items()))


def cluster_policy(text: str) -> str:
    """The CRD of ClusterTwoFactorPolicy: that of TwoFactorPolicy, but cluster-scoped, with namespaceSelector and a count of escapes."""
    properties = re.search(r"(?ms)^ {16}instanceSelector:\n.*?^ {18}properties:[^\n]*\n(.*?)^ {16}(?=\S)", text)
    if properties is None:
        raise ValueError("the CRD of TwoFactorPolicy has no instanceSelector")
    changes = (
        (r"(?m)^#.*\n", ""),
        (r"scope: Namespaced", "scope: Cluster"),
        (r"shortNames: \[tfp\]", "shortNames: [ctfp]"),
        (r"TwoFactorPolicy(?= describes| *\.$|List$|$)", "ClusterTwoFactorPolicy"),
        (r"twofactorpolicies(?=\.jenkins2fa\.dev$|$)", "clustertwofactorpolicies"),
        (r"singular: twofactorpolicy", "singular: clustertwofactorpolicy"),
        (r"JenkinsInstance\s+objects\s+in\s+its\s+namespace\)", "JenkinsInstance objects in the namespaces that it selects)"),
        (r"in\s+the\s+policy's\s+namespace\s+by\s+their\s+labels", "in the selected namespaces by their labels"),
        (r"required: \[instanceSelector,", "required: [namespaceSelector, instanceSelector,"),
        (r"^( {16}instanceSelector:)$", (NAMESPACE_SELECTOR + properties[1]).replace("\\", r"\\") + r"\1"),
        (r"^( {20}failing:\n(?: {22}.*\n)+)", r"\1" + ESCAPED),
    )
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        if not count:
            raise ValueError(f"the CRD of TwoFactorPolicy lacks what the one of ClusterTwoFactorPolicy changes: {pattern}")
    return "# Derived from the CRD of TwoFactorPolicy by tools/derive.py: change it there.\n" + text


def version(crd: Schema) -> Schema:
    found: Schema = crd["spec"]["versions"][0]
    return found


# JSON Schema


_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
METADATA: Schema = {
    "type": "object",
    "description": "Standard Kubernetes metadata.",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": f"^{_NAME}([.]{_NAME})*$"},
        "namespace": {"type": "string", "maxLength": 63, "pattern": f"^{_NAME}$"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
    },
}


CLUSTER_METADATA = {**METADATA, "properties": {name: value for name, value in METADATA["properties"].items() if name != "namespace"}}


def json_schema(crd: Schema) -> Schema:
    """A JSON Schema (draft 2020-12) for editors and CI: no unknown fields, with the rules that JSON Schema can express."""
    source, kind = version(crd)["schema"]["openAPIV3Schema"], crd["spec"]["names"]["kind"]
    schema = convert(source)
    for name, value in (("apiVersion", f"{crd['spec']['group']}/{version(crd)['name']}"), ("kind", kind)):
        schema["properties"][name] = {"const": value, "description": source["properties"][name]["description"]}
    schema["properties"]["metadata"] = METADATA if crd["spec"]["scope"] == "Namespaced" else CLUSTER_METADATA
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return {"$schema": DRAFT, "title": kind, **schema}


def convert(source: Schema) -> Schema:
    result: Schema = {name: source[name] for name in KEPT if name in source}
    if source.get("format") in LIMITS:
        lowest, highest = LIMITS[source["format"]]
        result.setdefault("minimum", lowest)
        result.setdefault("maximum", highest)
    elif "format" in source:
        result["format"] = source["format"]
    if source.get("x-kubernetes-list-type") == "set":
        result["uniqueItems"] = True
    result.update(from_rules(source))
    if "required" in source:
        result["required"] = source["required"]
    if "properties" in source:
        result["properties"] = {name: convert(child) for name, child in source["properties"].items()}
        result["additionalProperties"] = False
    elif "additionalProperties" in source:
        result["additionalProperties"] = convert(source["additionalProperties"])
    if "items" in source:
        result["items"] = convert(source["items"])
    return result


def from_rules(source: Schema) -> Schema:
    """The part of a field's CEL rules that JSON Schema can express: not empty, or a single pattern."""
    found: Schema = {}
    for rule in (entry["rule"] for entry in source.get("x-kubernetes-validations", ())):
        expression = re.fullmatch(r"(self != '' && )?self\.matches\('(.*)'\)", rule)
        if expression:
            found["pattern"] = expression[2].replace("\\\\", "\\")
            if expression[1]:
                found["minLength"] = 1
        if rule == "size(self) > 0":
            found["minItems"] = 1
    return found


# The chart and the Kustomize base


BEFORE = """{{- /* Derived from crds/ by tools/derive.py: change it there. */}}
{{- if .Values.crds.install }}
"""
ANNOTATIONS = """  labels:
    {{- include "operator.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
"""


def chart_template(texts: list[str]) -> str:
    """The CRDs as a template: Helm never upgrades a chart's crds/ folder. The resource policy keeps Helm from deleting them."""
    documents = []
    for text in texts:
        if "{{" in text:
            raise ValueError("a CRD contains {{, which Helm would read as a template")
        documents.append(re.sub(r"(?m)^(metadata:\n  name: .*\n)", lambda found: found[1] + ANNOTATIONS, without_comments(text), count=1))
    return BEFORE + "---\n".join(documents) + "{{- end }}\n"


def kustomize_resource(texts: list[str]) -> str:
    """The CRDs in one file: Kustomize reads no file outside a base's own folder."""
    return "# Derived from crds/ by tools/derive.py: change it there.\n" + "---\n".join(map(without_comments, texts))


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


# Field reference


INTRODUCTION = """<!-- Derived from crds/ by tools/derive.py: change it there. -->
# Fields

Every field of the custom resources. `[]` stands for one entry of a list. A field without a default may be left out unless it is required;
its description says what that means. The API server refuses what breaks a rule; `jenkins2fa validate` says the same without a cluster.

Editors complete and check fields with the JSON Schemas in `schemas/`, one for each resource: put
`# yaml-language-server: $schema=PATH/twofactorpolicy_v1alpha1.json` at the top of a file.
Plain JSON Schema cannot say the rules between fields.
"""


def field_reference(crds: list[Schema]) -> str:
    policy_first = sorted(crds, key=lambda crd: str(crd["spec"]["names"]["kind"]), reverse=True)
    return "\n".join([INTRODUCTION, *(kind_reference(crd) for crd in policy_first)])


def kind_reference(crd: Schema) -> str:
    kind, short, schema = crd["spec"]["names"]["kind"], crd["spec"]["names"]["shortNames"][0], version(crd)["schema"]["openAPIV3Schema"]
    lines = [f"## {kind}\n", f"`{crd['spec']['group']}/{version(crd)['name']}`, short name `{short}`. {schema['description']}\n"]
    for part in ("spec", "status"):
        lines += [f"### {kind}: {part}\n", "| field | type | what it does |", "|---|---|---|"]
        rules: dict[str, list[str]] = {}
        note_rules(schema["properties"][part], part, rules)
        lines[-2:-2] = [f"Rule: {rule}.\n" for rule in rules.get(part, ())]
        fields = walk(schema["properties"][part], part, rules)
        lines += [row(path, field, required, rules.get(path, [])) for path, field, required in fields]
        lines.append("")
    lines += [f"### {kind}: columns of `kubectl get`\n", "| column | what it shows |", "|---|---|"]
    for column in version(crd)["additionalPrinterColumns"]:
        wide = " (with `-o wide`)" if column.get("priority") else ""
        lines.append(f"| {column['name'].upper()}{wide} | {escape(column.get('description', 'How long ago the object was made.'))} |")
    return "\n".join(lines) + "\n"


def walk(schema: Schema, path: str, rules: dict[str, list[str]]) -> Iterator[tuple[str, Schema, bool]]:
    """Every field below ``schema``: path, its schema, whether it is required. Also collects which rules concern which path."""
    for name, child in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        note_rules(child, place, rules)
        if "items" in child:
            note_rules(child["items"], f"{place}[]", rules)
        yield place, child, name in schema.get("required", ())
        yield from walk(child["items"], f"{place}[]", rules) if "items" in child else walk(child, place, rules)


def note_rules(schema: Schema, path: str, rules: dict[str, list[str]]) -> None:
    for entry in schema.get("x-kubernetes-validations", ()):
        rules.setdefault(path + entry.get("fieldPath", ""), []).append(entry["message"])


def row(path: str, schema: Schema, required: bool, rules: list[str]) -> str:
    text = schema.get("description", "")
    if "default" in schema and schema["default"] != {}:
        text += f" Default: `{json.dumps(schema['default']).strip(chr(34))}`."
    bounds = {"maxLength": "characters", "maxItems": "entries"}
    text += "".join(f" At most {schema[name]} {unit}." for name, unit in bounds.items() if name in schema)
    text += "".join(f"<br>Rule: {rule}." for rule in rules)
    return f"| `{path}`{' (required)' if required else ''} | {type_name(schema)} | {escape(text.strip())} |"


def type_name(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "items" in schema:
        inner = schema["items"]
        return f"list of {type_name(inner)}" if "enum" in inner else f"list of {inner['type']}s"
    if schema.get("format") == "date-time":
        return "time"
    return "`true`, `false`" if schema["type"] == "boolean" else str(schema["type"])


def escape(text: str) -> str:
    kept = text.replace("<br>", "\0").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return kept.replace("\0", "<br>")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
