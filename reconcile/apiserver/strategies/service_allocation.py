"""What services get from the server: a cluster address, node ports, a port for health checks.

The rules are those of kube-apiserver's `registry/core/service/storage/alloc.go` and its allocators. They are
asked twice: before validation, whether what a client wants can be had, and directly before the write, when no
other service can come in between. A dry run takes nothing: its values are made up, as the real server's are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reconcile.apiserver.field_errors import invalid
from reconcile.apiserver.status import internal_error
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.apiserver.strategies.cluster_addresses import Draw, FullError, Pool

JSONObject = dict[str, Any]

NODE_PORTS = range(30000, 32768)
# The lower part of the range is given out last: it is for who asks for a certain value.
_STATIC_PORTS = 86
_MADE_UP_PORT = 32768


class _Ports:
    """The node ports that one write takes."""

    def __init__(self, taken: set[int], draw: Draw, *, dry_run: bool) -> None:
        self._taken = taken
        self._mine: list[int] = []
        self._draw = draw
        self._dry_run = dry_run

    def take(self, port: int) -> str:
        """Take this port; what is in the way, or nothing."""
        if port not in NODE_PORTS and not self._dry_run:
            return "provided port is not in the valid range. The range of valid ports is 30000-32767"
        if port in self._taken or port in self._mine:
            return "provided port is already allocated"
        self._mine.append(port)
        return ""

    def take_any(self) -> int | None:
        if self._dry_run:
            self._mine.append(max(self._mine, default=_MADE_UP_PORT) + 1)
            return self._mine[-1]
        for part in (NODE_PORTS[_STATIC_PORTS:], NODE_PORTS[:_STATIC_PORTS]):
            for port in _from_anywhere(part, self._draw):
                if port not in self._taken and port not in self._mine:
                    self._mine.append(port)
                    return port
        return None


def _from_anywhere(values: range, draw: Draw) -> Iterable[int]:
    start = draw(len(values))
    return (*values[start:], *values[:start])


def allocate(
    name: str,
    spec: JSONObject,
    before: JSONObject | None,
    others: Callable[[], list[JSONObject]],
    pool: Callable[[], Pool],
    draw: Draw,
    *,
    dry_run: bool,
) -> list[str]:
    """Set in the spec what the server gives; returns the addresses that it was given.

    `before` is the spec that is replaced, `others` gives those of all other services, `pool` the free
    addresses. Raises 422 for what cannot be had, 500 where nothing is left.
    """
    given = _addresses(name, spec, before, pool)
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        # A service with ports of nodes is rare, and all others must be looked at for it.
        return given
    taken = {number for each in (*others(), before or {}) for number in _numbers(each)}
    ports = _Ports(taken, draw, dry_run=dry_run)
    if before is None:
        _first_ports(name, spec, ports)
    else:
        _next_ports(name, spec, before, ports)
    if health_checked(spec) and not (before is not None and health_checked(before)):
        _health_port(spec, ports)
    return given


def health_checked(spec: JSONObject) -> bool:
    """Whether a load balancer asks each node if it has endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _numbers(spec: JSONObject) -> set[int]:
    found = {port.get("nodePort") or 0 for port in spec.get("ports") or ()}
    return (found | {spec.get("healthCheckNodePort") or 0}) - {0}


def _addresses(name: str, spec: JSONObject, before: JSONObject | None, pool: Callable[[], Pool]) -> list[str]:
    """Set the addresses of the families that have none yet; returns those that were given."""
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return []
    held = [] if before is None or before.get("type") == "ExternalName" else before.get("clusterIPs") or []
    wanted: list[str] = spec.get("clusterIPs") or []
    if held == ["None"]:
        return []
    given: list[str] = []
    addresses = list(wanted)
    found: Pool | None = None
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if index < len(held):
            continue
        found = found or pool()
        asked = wanted[index] if index < len(wanted) else ""
        if asked:
            if problem := found.problem(asked):
                text = f"failed to allocate IP {asked}: {problem}"
                raise _refused(name, "spec.clusterIPs", wanted or None, text)
            given.append(asked)
            continue
        try:
            given.append(found.any(family))
        except FullError:
            text = f'failed to allocate a serviceIP for Service "{name}": range is full'
            raise internal_error(text) from None
        addresses[index : index + 1] = given[-1:]
    if given:
        spec["clusterIP"], spec["clusterIPs"] = addresses[0], addresses
    return given


def _allocates(spec: JSONObject) -> bool:
    return spec.get("type") != "LoadBalancer" or spec.get("allocateLoadBalancerNodePorts") is not False


def _first_ports(name: str, spec: JSONObject, ports: _Ports) -> None:
    """The node ports of a new service: ports of one number, of several protocols, share theirs."""
    given: list[JSONObject] = spec.get("ports") or []
    shared: dict[int, int] = {}
    for index, port in enumerate(given):
        number, wanted = port.get("port") or 0, port.get("nodePort") or 0
        if not wanted and not _allocates(spec):
            continue
        if number not in shared:
            asked = (each.get("nodePort") or 0 for each in given if (each.get("port") or 0) == number)
            shared[number] = next((each for each in asked if each), 0)
            if shared[number]:
                _take(name, index, shared[number], ports)
            else:
                shared[number] = _any(ports)
            port["nodePort"] = shared[number]
        elif not wanted:
            port["nodePort"] = shared[number]
        elif wanted != shared[number]:
            _take(name, index, wanted, ports)


def _next_ports(name: str, spec: JSONObject, before: JSONObject, ports: _Ports) -> None:
    """The node ports of a changed service."""
    held = {port.get("nodePort") or 0 for port in before.get("ports") or ()}
    mine: set[int] = set()
    for index, port in enumerate(spec.get("ports") or ()):
        wanted = port.get("nodePort") or 0
        if not wanted and not _allocates(spec):
            continue
        if not wanted:
            port["nodePort"] = _any(ports)
        elif wanted not in held and wanted not in mine:
            _take(name, index, wanted, ports)
            mine.add(wanted)


def _take(name: str, index: int, port: int, ports: _Ports) -> None:
    problem = ports.take(port)
    if problem:
        raise _refused(name, f"spec.ports[{index}].nodePort", port, problem)


def _any(ports: _Ports) -> int:
    port = ports.take_any()
    if port is None:
        raise internal_error("failed to allocate a nodePort: range is full")
    return port


def _health_port(spec: JSONObject, ports: _Ports) -> None:
    wanted: int = spec.get("healthCheckNodePort") or 0
    if wanted:
        problem = ports.take(wanted)
        if problem:
            raise internal_error(f"failed to allocate requested HealthCheck NodePort {wanted}: {problem}")
        return
    port = ports.take_any()
    if port is None:
        raise internal_error("failed to allocate a HealthCheck NodePort 0: range is full")
    spec["healthCheckNodePort"] = port


def _refused(name: str, field: str, value: object, text: str) -> Exception:
    return invalid_status("", "Service", name, [invalid(field, value, text)])
