"""`jenkins2fa export` writes one policy for all controllers with the same settings, and it selects exactly these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from jenkins2fa.cli.export import Content, PolicyContent
from jenkins2fa.cli.yaml_writing import Exported, files_of, groups_of, names_for

REPORT: dict[str, Any] = {"mode": "Audit", "allowedFactors": [{"type": "SecurityQuestions"}]}
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

GOLDEN = {
    "00-shared--4847721cc0ba.yaml": """\
---
# For 2 controllers with the same settings: those whose instance has the label jenkins2fa.dev/policy: shared--4847721cc0ba
# Cannot be expressed: emailOTP.template: left out
# 2FA is on
apiVersion: jenkins2fa.dev/v1alpha1
kind: TwoFactorPolicy
metadata:
  name: shared--4847721cc0ba
  namespace: team
spec:
  instanceSelector:
    matchLabels:
      jenkins2fa.dev/policy: shared--4847721cc0ba
  mode: Audit
  allowedFactors:
  - type: SecurityQuestions
""",
    "a-example-com-ci.yaml": """\
---
# https://a.example.com/ci/
# Cannot be expressed: the settings on disk differ
# gate.mode None: there is no gate, only the plugin. Managed lets the operator install it.
apiVersion: jenkins2fa.dev/v1alpha1
kind: JenkinsInstance
metadata:
  name: a-example-com-ci
  namespace: team
  labels:
    jenkins2fa.dev/policy: shared--4847721cc0ba
spec:
  url: https://a.example.com/ci/
  credentialsRef:
    name: a-example-com-ci
  gate:
    mode: None
---
# Put the account's API token here, by your own way of keeping secrets, and keep it out of Git.
apiVersion: v1
kind: Secret
metadata:
  name: a-example-com-ci
  namespace: team
type: Opaque
stringData:
  host: a.example.com/ci
  username: bot
  token: ''
""",
}


def exported(url: str, spec: dict[str, Any] | None = None, gaps: tuple[str, ...] = (), policy_gaps: tuple[str, ...] = ()) -> Exported:
    policy = PolicyContent(spec or REPORT, policy_gaps, ("2FA is on",))
    return Exported(names_for([url])[url], url, "bot", Content(policy, None, gaps))


def written(found: Sequence[Exported]) -> list[dict[str, Any]]:
    return [one for text in files_of(found, groups_of(found), None).values() for one in yaml.safe_load_all(text)]


def selected(found: Sequence[Exported]) -> dict[str, list[str]]:
    """The instances that each exported policy selects."""
    objects = written(found)
    instances = [one["metadata"] for one in objects if one["kind"] == "JenkinsInstance"]
    policies = [one for one in objects if one["kind"] == "TwoFactorPolicy"]
    return {
        one["metadata"]["name"]: [
            meta["name"] for meta in instances if one["spec"]["instanceSelector"]["matchLabels"].items() <= meta.get("labels", {}).items()
        ]
        for one in policies
    }


def test_manifests_of_a_shared_policy_and_one_of_its_instances() -> None:
    """What differs between the controllers stays with the instance; comments on the policy appear once, above it."""
    found = [
        exported("https://a.example.com/ci/", gaps=("the settings on disk differ",), policy_gaps=("emailOTP.template: left out",)),
        exported("https://b.example.com/", policy_gaps=("emailOTP.template: left out",)),
    ]
    files = files_of(found, groups_of(found), "team")
    assert list(files) == [*GOLDEN, "b-example-com.yaml"]
    assert {name: files[name] for name in GOLDEN} == GOLDEN
    assert "Cannot be expressed" not in files["b-example-com.yaml"]


def test_each_policy_selects_exactly_its_instances() -> None:
    bare = replace(exported("https://bare.example.com/"), content=Content(None, None, ("not installed",)))
    found = [
        exported("https://a.example.com/"),
        exported("https://b.example.com/", {**REPORT, "apiTokens": "Challenge"}),
        bare,
        exported("https://c.example.com/", dict(reversed(REPORT.items()))),
        exported("https://d.example.com/", policy_gaps=("emailOTP.template: left out",)),
    ]
    shared, *rest = selected(found).items()
    assert shared[1] == ["a-example-com", "c-example-com"]
    assert rest == [("b-example-com", ["b-example-com"]), ("d-example-com", ["d-example-com"])]
    assert not [one for one in written([bare]) if "labels" in one["metadata"]]


def test_a_shared_policys_name_depends_only_on_its_controllers() -> None:
    two = [exported("https://a.example.com/"), exported("https://b.example.com/")]
    names = {group.name for found in (two, two[::-1]) for group in groups_of(found)}
    other = [replace(one, content=Content(PolicyContent({"mode": "Disabled", "suspend": True}), None)) for one in two]
    assert {group.name for group in groups_of(other)} == names
    more = groups_of([*two, exported("https://c.example.com/")])
    assert len(names | {group.name for group in more}) == 2
    assert all(LABEL_VALUE.fullmatch(name) for name in names)


def test_no_controller_has_the_name_of_a_shared_policy() -> None:
    two = [exported("https://a.example.com/"), exported("https://b.example.com/")]
    name = groups_of(two)[0].name
    third = exported(f"https://{name}.{'x' * 70}/", {**REPORT, "apiTokens": "Challenge"})
    assert third.name != name
    assert len(selected([*two, third])) == 2
    assert LABEL_VALUE.fullmatch(third.name)
