"""What the devices of one claim have to have in common, or may not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.api.resource.v1 import Device, DeviceConstraint

from .device_pools import DeviceID


class Constraint:
    """A device is added when it is about to be allocated, and removed when that led nowhere."""

    def __init__(self, requests: Iterable[str], attribute: str) -> None:
        self._requests = frozenset(requests)
        self._attribute = attribute
        self._count = 0

    def add(self, request: str, subrequest: str, device: Device, id: DeviceID) -> bool:
        """Whether the device can join those that were added."""
        if not self._applies(request, subrequest):
            return True
        value = _attribute(device, id, self._attribute)
        if value is None or not self._joins(request, value):
            return False
        self._count += 1
        return True

    def remove(self, request: str, subrequest: str) -> None:
        if self._applies(request, subrequest):
            self._forget(request)
            self._count -= 1

    def _applies(self, request: str, subrequest: str) -> bool:
        named = {request, f"{request}/{subrequest}"} if subrequest else {request}
        return not self._requests or not self._requests.isdisjoint(named)

    def _joins(self, request: str, value: Any) -> bool:
        raise AssertionError("a constraint says who can join")

    def _forget(self, request: str) -> None: ...


class _Match(Constraint):
    """All have the same value."""

    _value: Any = None

    def _joins(self, request: str, value: Any) -> bool:
        if self._count == 0:
            self._value = value
        return value == self._value


class _Distinct(Constraint):
    """No request has the value of another one."""

    def __init__(self, requests: Iterable[str], attribute: str) -> None:
        super().__init__(requests, attribute)
        self._values: dict[str, Any] = {}

    def _joins(self, request: str, value: Any) -> bool:
        if self._count and value in self._values.values():
            return False
        self._values[request] = value
        return True

    def _forget(self, request: str) -> None:
        self._values.pop(request, None)


def constraint_of(constraint: DeviceConstraint) -> Constraint | None:
    """None for a kind of constraint that is not known."""
    if constraint.match_attribute is not None:
        return _Match(constraint.requests, constraint.match_attribute)
    if constraint.distinct_attribute is not None:
        return _Distinct(constraint.requests, constraint.distinct_attribute)
    return None


def _attribute(device: Device, id: DeviceID, name: str) -> tuple[str, Any] | None:
    """The value of a fully qualified attribute, with its type; the driver's own need no domain."""
    found = device.attributes.get(name)
    if found is None:
        domain, slash, plain = name.partition("/")
        if not slash or domain != id[0]:
            return None
        found = device.attributes.get(plain)
    if found is None:
        return None
    for type in ("string", "int_", "bool_", "version"):
        value = getattr(found, type)
        if value is not None:
            return (type, value)
    return None
