"""Client libraries of others: each is told the same by the embedded server and by a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import client_scripts
from helpers.client_scripts import Transcript
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_in_thread(tmp_path_factory.mktemp("clients")) as kubeconfig:
        yield kubeconfig


def kr8s(kubeconfig: Path, namespace: str) -> Transcript:
    return asyncio.run(client_scripts.kr8s(kubeconfig, namespace))


@pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")
@pytest.mark.parametrize(
    "script",
    [client_scripts.official, client_scripts.lightkube, kr8s, client_scripts.kopf],
    ids=["official", "lightkube", "kr8s", "kopf"],
)
def test_it_is_told_the_same_by_both(
    script: Callable[[Path, str], Transcript], embedded: Path, real_plane: ControlPlane
) -> None:
    name = f"client-{script.__name__}"
    ours = script(embedded, name)
    assert len(ours) >= 4
    assert ours == script(real_plane.kubeconfig, name)
