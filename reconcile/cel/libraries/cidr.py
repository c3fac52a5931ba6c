"""Kubernetes' networks."""

from __future__ import annotations

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.libraries.ip import ip_of, opaque_ip
from reconcile.cel.net import NetError, Prefix, parse_prefix
from reconcile.cel.types import BOOL, CIDR, INT, IP, STRING
from reconcile.cel.values import Opaque


def declarations() -> list[Function]:
    return [
        Function("cidr", [Overload("string_to_cidr", (STRING,), CIDR, _cidr)]),
        Function(
            "containsIP",
            [
                Overload("cidr_contains_ip_string", (CIDR, STRING), BOOL, _contains_ip_text, True),
                Overload("cidr_contains_ip_ip", (CIDR, IP), BOOL, _contains_ip, True),
            ],
        ),
        Function(
            "containsCIDR",
            [
                Overload("cidr_contains_cidr_string", (CIDR, STRING), BOOL, _contains_cidr_text, True),
                Overload("cidr_contains_cidr", (CIDR, CIDR), BOOL, _contains_cidr, True),
            ],
        ),
        Function("ip", [Overload("cidr_ip", (CIDR,), IP, lambda cidr: opaque_ip(cidr.value.address), True)]),
        Function(
            "prefixLength", [Overload("cidr_prefix_length", (CIDR,), INT, lambda cidr: cidr.value.bits, True)]
        ),
        Function(
            "masked",
            [Overload("cidr_masked", (CIDR,), CIDR, lambda cidr: _opaque(cidr.value.masked()), True)],
        ),
        Function("isCIDR", [Overload("is_cidr", (STRING,), BOOL, _is_cidr)]),
        Function("string", [Overload("cidr_to_string", (CIDR,), STRING, lambda cidr: cidr.text)]),
    ]


def _opaque(prefix: Prefix) -> Opaque:
    return Opaque(CIDR, prefix, str(prefix), -(-prefix.bits // 8))


def _cidr(text: str) -> Opaque:
    try:
        return _opaque(parse_prefix(text))
    except NetError as error:
        raise Failure(f"network address parse error during conversion from string: {error}") from None


def _contains_ip(cidr: Opaque, ip: Opaque) -> bool:
    return cidr.value.contains(ip.value)


def _contains_ip_text(cidr: Opaque, text: str) -> bool:
    try:
        return _contains_ip(cidr, ip_of(text))
    except Failure:
        # Kubernetes' own words here, whatever is wrong with the address.
        raise Failure("no such overload") from None


def _contains_cidr(cidr: Opaque, other: Opaque) -> bool:
    return cidr.value.holds(other.value)


def _contains_cidr_text(cidr: Opaque, text: str) -> bool:
    return _contains_cidr(cidr, _cidr(text))


def _is_cidr(text: str) -> bool:
    try:
        parse_prefix(text)
    except NetError:
        return False
    return True
