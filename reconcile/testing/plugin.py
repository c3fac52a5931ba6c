"""The pytest plugin: fixtures for operators' tests, found by pytest once the package is installed.

cluster         an embedded cluster in virtual time, one a test (`reconcile.testing.cluster`)
control_plane   a real etcd and kube-apiserver, one a module (`reconcile.testing.control_plane`)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reconcile.testing.cluster import Cluster
    from reconcile.testing.control_plane import ControlPlane


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An empty embedded cluster in virtual time."""
    from reconcile.testing.cluster import Cluster

    with Cluster() as made:
        yield made


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """A real etcd and kube-apiserver, shared by the tests of a module.

    Skips where the machine cannot run one; fails there when `RECONCILE_REQUIRE` names `controlplane`.
    """
    from reconcile.testing.control_plane import ControlPlane
    from reconcile.testing.requirements import require

    require("controlplane")
    with ControlPlane() as plane:
        yield plane
