"""Real control planes for the tests of this folder."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.cel_oracle import build_oracle
from helpers.etcd_history import EtcdHistory
from helpers.faulty_world import FaultyWorld, faulty_control_plane

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.requirements import require


@pytest.fixture(scope="session")
def needs_control_plane() -> None:
    """Skips or fails the tests that ask for it where no control plane can be run."""
    require("controlplane")


@pytest.fixture(scope="session")
def cel_oracle(needs_control_plane: None) -> Path:
    """An executable that says what Kubernetes' own libraries say of expressions, built with Go."""
    return build_oracle()


@pytest.fixture(scope="module")
def control_plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    """etcd and kube-apiserver with default options, shared by a module's tests."""
    with ControlPlane() as plane:
        yield plane


@pytest.fixture(scope="module")
def plane_and_history(needs_control_plane: None) -> Iterator[tuple[ControlPlane, EtcdHistory]]:
    """A control plane to be hurt, and all that its etcd was made to store, shared by a module's tests."""
    with faulty_control_plane() as both:
        yield both


@pytest.fixture
def world(
    plane_and_history: tuple[ControlPlane, EtcdHistory], tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., FaultyWorld]:
    """Makes the world of a test, in a namespace of its own."""
    namespace = f"n{zlib.crc32(request.node.nodeid.encode())}"

    def make(**arguments: Any) -> FaultyWorld:
        return FaultyWorld(*plane_and_history, tmp_path, namespace, **arguments)

    return make
