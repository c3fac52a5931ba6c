"""The database operator in a real cluster: its three pods convert between the versions of the kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.kind_cluster import NAMESPACE, OPERATOR_IMAGE, PATIENCE, Lived

pytestmark = [pytest.mark.kind, pytest.mark.timeout(3000), pytest.mark.nightly]

CHECKOUT = Path(__file__).resolve().parents[2]
POSTGRES = "docker.io/library/postgres:17"
LISTEN = (
    "import socketserver; socketserver.TCPServer(('', 5432), socketserver.BaseRequestHandler).serve_forever()"
)

OLD = """
apiVersion: example.com/v1beta1
kind: Database
metadata: {name: orders}
spec: {instances: 1, engine: postgres-17}
"""
NEW = """
apiVersion: example.com/v1
kind: Database
metadata: {name: orders}
spec: {size: medium}
"""

SMALLER = '{"spec": {"instances": 1}}'


@pytest.fixture(scope="module")
def operated(lived: Lived) -> Lived:
    """The definition is there, and the operator's pods answer for it."""
    _stand_in_for_postgres(lived)
    lived.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "crds/example.com_databases.yaml"))
    lived.kubectl("apply", "-f", str(CHECKOUT / "examples/operators/database/manifests.yaml"))
    lived.rolled_out("database", NAMESPACE)
    # The API server takes a moment to trust a new authority.
    lived.eventually("the old version is written", lambda: _went(lived, "apply", "-f", "-", text=OLD))
    return lived


def _stand_in_for_postgres(lived: Lived) -> None:
    """An image of PostgreSQL's name that listens on its port: no registry has the real one."""

    def engine(*arguments: str) -> str:
        done = subprocess.run(
            [lived.engine, *arguments], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return done.stdout.strip()

    made = engine("create", OPERATOR_IMAGE)
    engine("commit", "--change", f'ENTRYPOINT ["/usr/bin/python3", "-c", "{LISTEN}"]', made, POSTGRES)
    engine("rm", made)
    lived.cluster.load_docker_image(POSTGRES)


def test_a_database_is_asked_for_in_one_version_and_changed_in_the_other(operated: Lived) -> None:
    _ready(operated, 1)
    new = operated.get("databases.v1.example.com", "orders")
    assert (new["spec"]["size"], new["status"]["phase"]) == ("small", "Ready")

    operated.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=NEW)
    _ready(operated, 2)
    old = operated.get("databases.v1beta1.example.com", "orders")
    assert (old["spec"]["instances"], old["status"]["state"]) == (2, "Ready")
    assert old["status"]["address"] == "orders.default.svc:5432"


def test_conversions_go_on_while_every_pod_of_the_operator_is_replaced(operated: Lived) -> None:
    operated.kubectl("rollout", "restart", "deployment/database", "-n", NAMESPACE)
    operated.rolled_out("database", NAMESPACE)
    smaller = ("patch", "databases.v1beta1.example.com", "orders", "--type=merge", "-p", SMALLER)
    operated.eventually("the old version is changed", lambda: _went(operated, *smaller))
    _ready(operated, 1)


def test_a_database_that_goes_takes_what_it_was_made_of_along(operated: Lived) -> None:
    operated.kubectl("delete", "databases.example.com", "orders", f"--timeout={PATIENCE:g}s")
    for kind in ("statefulset", "service"):
        operated.eventually(f"the {kind} is gone", lambda kind=kind: not operated.get(kind, "orders"))


def _went(lived: Lived, *arguments: str, text: str | None = None) -> bool:
    try:
        lived.kubectl(*arguments, text=text)
    except AssertionError:
        return False
    return True


def _ready(lived: Lived, pods: int) -> None:
    def status() -> bool:
        found = lived.get("databases.v1.example.com", "orders")
        status = found.get("status", {})
        return (
            status.get("phase") == "Ready"
            and status.get("readyReplicas") == pods
            and status.get("observedGeneration") == found["metadata"]["generation"]
        )

    lived.eventually(f"the database is ready with {pods} pods", status)
