"""A kind cluster that lives on this project's operators.

pytest tests/e2e --kind          pytest-kind downloads kind, kubectl and the node image
RECONCILE_REQUIRE=kind pytest …  what is needed is built from package registries (`reconcile.testing.kind`)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.kind_cluster import Lived, live_on_examples, make_cluster

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Three nodes, with kube-controller-manager's and kube-scheduler's places taken by the examples."""
    with make_cluster(request.config, tmp_path_factory.mktemp("kind"), CHECKOUT, workers=2) as cluster:
        live_on_examples(cluster, CHECKOUT)
        yield cluster


@pytest.fixture
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lived]:
    """One node, one operator with one pod: Deployments are its work and nobody else's."""
    with make_cluster(request.config, tmp_path, CHECKOUT, name="-small", workers=0) as cluster:
        live_on_examples(cluster, CHECKOUT, ["deployment"], replicas=1)
        yield cluster
