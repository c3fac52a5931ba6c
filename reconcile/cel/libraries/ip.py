"""Kubernetes' IP addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.net import Address, NetError, parse_address
from reconcile.cel.types import BOOL, INT, IP, STRING
from reconcile.cel.values import Opaque

_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def declarations() -> list[Function]:
    return [
        Function("ip", [Overload("string_to_ip", (STRING,), IP, ip_of)]),
        Function("family", [Overload("ip_family", (IP,), INT, lambda ip: ip.value.version, True)]),
        Function("ip.isCanonical", [Overload("ip_is_canonical", (STRING,), BOOL, _is_canonical)]),
        _test("isUnspecified", "ip_is_unspecified", lambda address: address.is_unspecified),
        _test("isLoopback", "ip_is_loopback", lambda address: address.is_loopback),
        _test("isLinkLocalMulticast", "ip_is_link_local_multicast", _link_local_multicast),
        _test("isLinkLocalUnicast", "ip_is_link_local_unicast", lambda address: address.is_link_local),
        _test("isGlobalUnicast", "ip_is_global_unicast", _global_unicast),
        Function("isIP", [Overload("is_ip", (STRING,), BOOL, _is_ip)]),
        Function("string", [Overload("ip_to_string", (IP,), STRING, lambda ip: ip.text)]),
    ]


def _test(name: str, id: str, holds: Callable[[Address], bool]) -> Function:
    def run(ip: Opaque) -> bool:
        return holds(ip.value)

    return Function(name, [Overload(id, (IP,), BOOL, run, True)])


def opaque_ip(address: Address) -> Opaque:
    return Opaque(IP, address, str(address), 4 if address.version == 4 else 16)


def _parsed(text: str) -> Address:
    try:
        return parse_address(text)
    except NetError as error:
        words = str(error)
        if words.startswith("ParseAddr"):
            words = f'IP Address "{text}" parse error during conversion from string: {words}'
        raise Failure(words) from None


def ip_of(text: str) -> Opaque:
    return opaque_ip(_parsed(text))


def _is_canonical(text: str) -> bool:
    return str(_parsed(text)) == text


def _is_ip(text: str) -> bool:
    try:
        parse_address(text)
    except NetError:
        return False
    return True


def _link_local_multicast(address: Address) -> bool:
    packed = address.packed
    if len(packed) == 4:
        return packed[:3] == b"\xe0\x00\x00"
    return packed[0] == 0xFF and packed[1] & 0x0F == 0x02


def _global_unicast(address: Address) -> bool:
    return not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address == _BROADCAST
    )
