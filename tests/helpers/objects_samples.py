"""Kinds and JSON values for the tests of `objects`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from hypothesis import strategies as st

from reconcile.objects.custom import CustomResource, Model
from reconcile.objects.identity import ResourceType
from reconcile.objects.meta import KubernetesObject, Struct

# Mutable defaults are copied by msgspec and Pydantic.
# ruff: noqa: RUF012


class Port(Struct):
    container_port: int
    protocol: str | None = None
    name: str | None = None


class Part(Struct):
    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {"ports": ("containerPort", "protocol")}

    name: str
    image: str | None = None
    args: list[str] = []
    ports: list[Port] = []
    env: dict[str, str] = {}


class Template(Struct):
    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {"parts": ("name",)}

    parts: list[Part] = []
    node: str | None = None
    free: Any = None


class MachineStatus(Struct):
    phase: str | None = None
    ready: int | None = None


class Machine(KubernetesObject):
    __resource_type__: ClassVar[ResourceType] = ResourceType("example.com", "v1", "Machine", "machines")

    spec: Template = msgspec.field(default_factory=Template)
    status: MachineStatus = msgspec.field(default_factory=MachineStatus)


class RobotSpec(Model):
    size: int
    template: Template | None = None
    tags: list[str] = []
    arm_count: int | None = None


class RobotStatus(Model):
    phase: str | None = None


class Robot(CustomResource, group="example.com", version="v1", short_names=["rb"]):
    spec: RobotSpec
    status: RobotStatus | None = None


def json_values(*, max_leaves: int = 10) -> st.SearchStrategy[Any]:
    """Any JSON value, as a server could store it."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=max_leaves,
    )
