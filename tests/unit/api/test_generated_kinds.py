"""The generated kinds: every struct can be decoded, and importing one group costs that group."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import msgspec
import pytest

import reconcile.api
from reconcile.objects.meta import KubernetesObject, Struct


def _modules() -> list[str]:
    found = pkgutil.walk_packages(reconcile.api.__path__, "reconcile.api.")
    return sorted(module.name for module in found if not module.ispkg)


@pytest.mark.parametrize("name", _modules())
def test_every_struct_of_a_module_has_a_decoder(name: str) -> None:
    module = importlib.import_module(name)
    for exported in module.__all__:
        kind = getattr(module, exported)
        assert issubclass(kind, Struct)
        msgspec.json.Decoder(kind)


@pytest.mark.parametrize("name", _modules())
def test_wire_names_are_unique_and_list_keys_name_fields(name: str) -> None:
    module = importlib.import_module(name)
    for exported in module.__all__:
        kind: type[Struct] = getattr(module, exported)
        wire = kind.__struct_encode_fields__
        assert len(set(wire)) == len(wire)
        assert set(kind.__list_keys__) <= set(wire)


def test_a_kind_knows_where_it_is_served() -> None:
    from reconcile.api.apps.v1 import Deployment
    from reconcile.api.core.v1 import Node

    assert issubclass(Deployment, KubernetesObject)
    assert Deployment.__resource_type__.path("default", "web") == (
        "/apis/apps/v1/namespaces/default/deployments/web"
    )
    assert not Node.__resource_type__.namespaced


def test_initialisms_keep_their_wire_names() -> None:
    from reconcile.api.core.v1 import PodSpec, PodStatus, ServiceSpec

    def wire(kind: type[Struct], attribute: str) -> str:
        return kind.__struct_encode_fields__[kind.__struct_fields__.index(attribute)]

    assert wire(PodSpec, "host_ipc") == "hostIPC"
    assert wire(PodStatus, "pod_ips") == "podIPs"
    assert wire(ServiceSpec, "cluster_ip") == "clusterIP"
    assert wire(ServiceSpec, "external_ips") == "externalIPs"


def test_importing_one_group_costs_that_group_and_what_it_refers_to() -> None:
    program = (
        "import sys, reconcile.api.coordination.v1; "
        "print(*sorted(m for m in sys.modules if m.startswith('reconcile.api.')))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert output.split() == ["reconcile.api.coordination", "reconcile.api.coordination.v1"]
