"""The life cycle of the chart on a real API server: installed, upgraded, rolled back and removed by the real helm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.charted import CHART, RELEASE, package
from tests.support.kube import KubeServer
from tests.support.running import NAMESPACE
from tests.support.scene import QUESTIONS

OLD = {
    "templates/crds.yaml": ("shortNames: [tfp]", "shortNames: [tfp, twofactor]"),
    "templates/deployment.yaml": ("terminationGracePeriodSeconds: 10", "terminationGracePeriodSeconds: 11"),
}


@pytest.fixture
def bare() -> Iterator[KubeServer]:
    """An API server without CRDs, for this test alone."""
    with KubeServer() as kube:
        kube.new_namespace(NAMESPACE)
        kube.new_namespace("team")
        yield kube


def test_the_notes_say_what_to_do_next(bare: KubeServer) -> None:
    told = bare.helm("install", RELEASE, str(CHART), "-n", NAMESPACE, "--dry-run=server")
    notes = told.split("NOTES:")[1]
    assert "serves all namespaces." in notes
    assert "helm test jenkins-2fa-operator -n jenkins-2fa" in notes
    assert "The operator may read no Secret yet" in notes
    every = bare.helm("install", RELEASE, str(CHART), "-n", NAMESPACE, "--set", "rbac.everyReference=true", "--dry-run=server")
    assert "The operator may read any Secret in all namespaces" in every
    assert "\n\n\n" not in notes
    warning, own = "There is no published image", "image.repository=registry.example.com/operator"
    assert warning in notes
    assert warning not in bare.helm("install", RELEASE, str(CHART), "-n", NAMESPACE, "--set", own, "--dry-run=server")


def test_install_upgrade_roll_back_remove_and_install_again(bare: KubeServer, tmp_path: Path) -> None:
    kube = bare
    old, new = str(package(kube, tmp_path, "0.0.9", OLD)), str(CHART)
    kube.helm("install", RELEASE, old, "-n", NAMESPACE)
    kube.kubectl("wait", "--for=condition=Established", "crd", "--all")
    kube.apply(*_objects(), namespace="team")
    before = _versions(kube)
    assert _differing(kube) == (["tfp", "twofactor"], 11)

    kube.helm("upgrade", RELEASE, new, "-n", NAMESPACE)
    assert _differing(kube) == (["tfp"], 10)
    kube.helm("rollback", RELEASE, "1", "-n", NAMESPACE)
    assert _differing(kube) == (["tfp", "twofactor"], 11)
    kube.helm("upgrade", RELEASE, new, "-n", NAMESPACE)

    kube.helm("uninstall", RELEASE, "-n", NAMESPACE)
    assert _versions(kube) == before
    left = kube.kubectl(
        "get", "all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,services,networkpolicies,secrets,configmaps",
        "-A", "-l", f"app.kubernetes.io/instance={RELEASE}", "-o", "name",
    )  # fmt: skip
    assert left == ""

    kube.helm("install", RELEASE, new, "-n", NAMESPACE)
    assert _versions(kube) == before


def test_a_second_release_does_not_take_over_the_crds(bare: KubeServer) -> None:
    bare.helm("install", "one", str(CHART), "-n", NAMESPACE, "--set", "watchNamespaces={jenkins-2fa}")
    with pytest.raises(Exception, match=r"CustomResourceDefinition.*(exists|conflict|ownership)"):
        bare.helm("install", "two", str(CHART), "-n", "team", "--set", "watchNamespaces={team}")
    bare.helm("install", "two", str(CHART), "-n", "team", "--set", "watchNamespaces={team},crds.install=false")
    bare.helm("uninstall", "two", "-n", "team")
    assert len(bare.get("crd")["items"]) == 4


def test_crds_are_removed_with_the_release_only_on_request(bare: KubeServer) -> None:
    bare.helm("install", RELEASE, str(CHART), "-n", NAMESPACE, "--set", "crds.keep=false")
    bare.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait")
    assert bare.get("crd")["items"] == []


def _objects() -> list[dict[str, Any]]:
    api = "jenkins2fa.dev/v1alpha1"
    instance = {"url": "https://jenkins.example.com/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}}
    return [
        {"apiVersion": api, "kind": "TwoFactorPolicy", "metadata": {"name": "baseline"}, "spec": QUESTIONS},
        {"apiVersion": api, "kind": "JenkinsInstance", "metadata": {"name": "build"}, "spec": instance},
    ]


def _versions(kube: KubeServer) -> list[tuple[str, str]]:
    """UID and resource version of every object of ours; if equal, it is the same object, unchanged."""
    items = kube.get("twofactorpolicies,jenkinsinstances", "-A")["items"]
    return sorted((item["metadata"]["uid"], item["metadata"]["resourceVersion"]) for item in items)


def _differing(kube: KubeServer) -> tuple[list[str], int]:
    """What differs between the two versions: in a CRD, and in the Deployment."""
    crd = kube.get("crd", "twofactorpolicies.jenkins2fa.dev")
    deployment = kube.get("deployment", RELEASE, "-n", NAMESPACE)
    return crd["spec"]["names"]["shortNames"], deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
