"""A real cluster's API server has Databases converted by the operator's pods, through their Service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.kind_cluster import NAMESPACE, Lived

pytestmark = [pytest.mark.kind, pytest.mark.timeout(3000), pytest.mark.nightly]

CHECKOUT = Path(__file__).resolve().parents[2]
OLD = {
    "apiVersion": "example.com/v1beta1",
    "kind": "Database",
    "metadata": {"name": "orders", "namespace": "default"},
    "spec": {"instances": 2, "engine": "postgres-16", "backup": {"schedule": "0 5 * * *"}},
}


def database(lived: Lived, version: str) -> dict[str, Any]:
    return lived.get(f"databases.{version}.example.com", "orders", "-n", "default")


@pytest.fixture(scope="module")
def operated(lived: Lived) -> Lived:
    """The operator runs, and a Database was written in the old version."""
    lived.kubectl("apply", "-f", str(CHECKOUT / "crds/example.com_databases.yaml"))
    lived.kubectl("apply", "-f", str(CHECKOUT / "examples/operators/database/manifests.yaml"))
    lived.rolled_out("database", NAMESPACE)
    # The API server takes a moment to trust a new authority.
    lived.eventually("the definition trusts the operator", lambda: _authority(lived))
    lived.eventually("the old version is written", lambda: _written(lived))
    return lived


def _authority(lived: Lived) -> str:
    definition = lived.get("crd", "databases.example.com")
    config = definition.get("spec", {}).get("conversion", {}).get("webhook", {}).get("clientConfig", {})
    return str(config.get("caBundle", ""))


def _written(lived: Lived) -> bool:
    try:
        lived.kubectl("apply", "-f", "-", text=json.dumps(OLD))
    except AssertionError:
        return False
    return True


def test_what_is_written_in_the_old_version_is_read_and_operated_in_the_new_one(operated: Lived) -> None:
    spec = database(operated, "v1")["spec"]
    assert (spec["size"], spec["version"], spec["backup"]) == ("medium", "16", True)
    found = operated.eventually("its stateful set", lambda: operated.get("statefulset", "orders"))
    assert found["spec"]["replicas"] == 2
    operated.eventually(
        "its state is told in the old version",
        lambda: database(operated, "v1beta1").get("status", {}).get("state") == "Provisioning",
    )


def test_conversions_go_on_while_every_pod_of_the_operator_is_replaced(operated: Lived) -> None:
    operated.kubectl("rollout", "restart", "deployment/database", "-n", NAMESPACE)
    operated.rolled_out("database", NAMESPACE)
    patch = json.dumps({"spec": {"instances": 3}})
    operated.eventually("the old version is changed", lambda: _patched(operated, patch))
    assert database(operated, "v1")["spec"]["size"] == "large"


def _patched(lived: Lived, patch: str) -> bool:
    try:
        lived.kubectl("patch", "databases.v1beta1.example.com", "orders", "--type=merge", "-p", patch)
    except AssertionError:
        return False
    return True
