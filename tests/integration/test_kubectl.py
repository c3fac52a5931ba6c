"""kubectl, as it is, against the embedded server over HTTPS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from helpers.kubectl import Kubectl, serving_kubectl

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a: "1"}
"""
ROLLED_OUT = {
    "observedGeneration": 99, "replicas": 5, "updatedReplicas": 5, "readyReplicas": 5, "availableReplicas": 5,
}  # fmt: skip


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    with serving_kubectl(tmp_path_factory.mktemp("kubectl")) as kubectl:
        yield kubectl


def test_apply_get_scale_roll_out_and_delete(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=MANIFEST % 2).split("\n")[:3] == [
        "deployment.apps/web created", "service/web created", "configmap/conf created",
    ]  # fmt: skip
    again = kubectl("apply", "-f", "-", stdin=MANIFEST % 3)
    assert "deployment.apps/web configured" in again and "service/web unchanged" in again
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "3"
    assert kubectl("scale", "deploy", "web", "--replicas=5") == "deployment.apps/web scaled\n"
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "5"
    patch = json.dumps({"status": ROLLED_OUT})
    kubectl("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", patch)
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy", "web", "--timeout=20s")
    described = kubectl("describe", "deploy", "web")
    assert "5 desired | 5 updated | 5 total | 5 available" in described
    assert "10.0.0." in kubectl("get", "svc", "web", "-o", "jsonpath={.spec.clusterIP}")
    deleted = kubectl("delete", "-f", "-", stdin=MANIFEST % 2)
    assert deleted.count("deleted") == 3
    assert "not found" in kubectl("get", "deploy", "web", good=False)


def test_server_side_apply_names_the_manager_in_conflict(kubectl: Kubectl) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: '%s'}\n"
    applied = kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=text % "1")
    assert applied == "configmap/ssa serverside-applied\n"
    refused = kubectl(
        "apply", "--server-side", "--field-manager=two", "-f", "-", stdin=text % "2", good=False
    )
    assert 'conflict with "one": .data.a' in refused
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=text % "2")
    assert kubectl("get", "cm", "ssa", "-o", "jsonpath={.data.a}") == "2"


def test_a_manifest_with_a_wrong_field_is_refused_with_its_path(kubectl: Kubectl) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndatta: {a: b}\n"
    assert 'unknown field "datta"' in kubectl("apply", "-f", "-", stdin=text, good=False)


def test_watch_label_annotate_and_wait(kubectl: Kubectl) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\n"
    watching = kubectl.start("get", "cm", "--watch", "--output-watch-events")
    # A watch that says nothing fails the test instead of holding it.
    guard = threading.Timer(30, watching.kill)
    guard.start()
    try:
        kubectl("apply", "-f", "-", stdin=manifest)
        kubectl("label", "cm", "seen", "x=y")
        kubectl("annotate", "cm", "seen", "q=z")
        assert kubectl("get", "cm", "-l", "x=y", "-o", "name") == "configmap/seen\n"
        kubectl("delete", "cm", "seen")
        kubectl("wait", "--for=delete", "cm/seen", "--timeout=10s")
        assert watching.stdout is not None
        lines: list[str] = []
        while not any("DELETED" in line for line in lines):
            lines.append(watching.stdout.readline())
            assert lines[-1], lines
        ours = [line.split() for line in lines if "seen" in line.split()]
        assert [line[0] for line in ours] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    finally:
        guard.cancel()
        watching.kill()
        watching.wait()


def test_explain_and_api_resources(kubectl: Kubectl) -> None:
    assert "Number of desired pods" in kubectl("explain", "deployment.spec.replicas")
    listed = kubectl("api-resources", "--no-headers")
    names = {line.split()[0] for line in listed.splitlines()}
    assert {"pods", "deployments", "customresourcedefinitions", "leases"} <= names
    assert "Server Version: v1.36." in kubectl("version")


def test_a_custom_resource_is_served_described_and_explained(kubectl: Kubectl) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "databases.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "databases", "kind": "Database", "shortNames": ["db"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "properties": {
                                        "size": {
                                            "type": "string",
                                            "description": "How large it is.",
                                            "enum": ["small", "large"],
                                        }
                                    },
                                }
                            },
                        }
                    },
                }
            ],
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(definition))
    kubectl("wait", "--for=condition=Established", "crd/databases.example.com", "--timeout=10s")
    database = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "d"}}
    good = {**database, "spec": {"size": "small"}}
    assert "created" in kubectl("apply", "-f", "-", stdin=json.dumps(good))
    bad = {**database, "spec": {"size": "huge"}}
    refused = kubectl("apply", "-f", "-", stdin=json.dumps(bad), good=False)
    assert 'spec.size: Unsupported value: "huge": supported values: "small", "large"' in refused
    assert kubectl("get", "db", "-o", "name") == "database.example.com/d\n"
    assert "How large it is." in kubectl("explain", "database.spec.size")
    assert "Size:  small" in kubectl("describe", "db", "d")
    kubectl("delete", "crd", "databases.example.com", "--timeout=20s")
    kubectl("get", "db", good=False)
