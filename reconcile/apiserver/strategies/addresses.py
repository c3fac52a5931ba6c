"""IP addresses and ranges: what is wrong with them, in the words of apimachinery's `validation/ip.go`."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from reconcile.apiserver.field_errors import FieldError, go_quote, invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])")
_NUMBER = re.compile(r"[0-9]+")


def parse_ip(text: str) -> Address | None:
    """The address, also with zeros before its numbers, as old versions wrote some; None for anything else."""
    if "%" in text or "/" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    if "." not in text or ":" in text:
        return None
    try:
        return ipaddress.IPv4Address(_ZEROS.sub("", text))
    except ValueError:
        return None


def _mapped(address: Address) -> bool:
    return address.version == 6 and address.ipv4_mapped is not None


def canonical(address: Address) -> str:
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def ip_errors(field: str, text: str) -> list[FieldError]:
    """An address in any of its forms that mean one thing to everybody."""
    address = parse_ip(text)
    if address is None:
        return [invalid(field, text, NOT_AN_IP)]
    if _has_zeros(text):
        return [invalid(field, text, "must not have leading 0s")]
    if _mapped(address):
        return [invalid(field, text, "must not be an IPv4-mapped IPv6 address")]
    return []


def _has_zeros(text: str) -> bool:
    return ":" not in text and bool(_ZEROS.search(text))


def canonical_ip_errors(field: str, text: str) -> list[FieldError]:
    """An address in its canonical form."""
    errors = ip_errors(field, text)
    address = parse_ip(text)
    if not errors and address is not None and text != canonical(address):
        errors.append(invalid(field, text, f"must be in canonical form ({go_quote(canonical(address))})"))
    return errors


def endpoint_ip_errors(field: str, text: str) -> list[FieldError]:
    """An address that something can listen on, as endpoints and external addresses have it."""
    address = parse_ip(text)
    if address is None:
        return [invalid(field, text, "must be a valid IP address")]
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    six = address.version == 6
    local = ipaddress.ip_network("ff02::/16" if six else "224.0.0.0/24")
    found = (
        (address.is_unspecified, f"may not be unspecified ({text})"),
        (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (address.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (address in local, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
    return [invalid(field, text, problem) for wrong, problem in found if wrong]


def ip_warnings(field: str, text: str) -> list[str]:
    """What a client is told about an address that is right and not canonical."""
    address = parse_ip(text)
    if address is None:
        return []
    shown = canonical(address)
    if _has_zeros(text) or _mapped(address):
        return [f"{field}: non-standard IP address {go_quote(text)} is invalid: use {go_quote(shown)}"]
    if address.version == 6 and shown != text:
        form = f"should be in RFC 5952 canonical format ({go_quote(shown)})"
        return [f"{field}: IPv6 address {go_quote(text)} {form}"]
    return []


def load_balancer_warnings(new: dict[str, Any], old: dict[str, Any] | None) -> list[str]:
    """Texts about the addresses that a load balancer was given, in a service's or an ingress's status."""
    given = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [
        warning
        for index, each in enumerate(given)
        if each.get("ip")
        for warning in ip_warnings(f"status.loadBalancer.ingress[{index}]", each["ip"])
    ]


def cidr(text: str) -> Network | None:
    """The network of an address with a prefix, host bits left aside; None for anything else."""
    host, slash, bits = text.partition("/")
    address = parse_ip(host)
    if not slash or address is None or not _NUMBER.fullmatch(bits) or int(bits) > address.max_prefixlen:
        return None
    return ipaddress.ip_network(f"{address}/{int(bits)}", strict=False)


def cidr_errors(field: str, text: str) -> list[FieldError]:
    network = cidr(text)
    if network is None:
        return [invalid(field, text, _NOT_A_CIDR)]
    host, _, bits = text.partition("/")
    if _has_zeros(host) or (bits != "0" and bits.startswith("0")):
        return [invalid(field, text, "must not have leading 0s in IP or prefix length")]
    address = parse_ip(host)
    if address is not None and _mapped(address):
        return [invalid(field, text, "must not have an IPv4-mapped IPv6 address")]
    if address != network.network_address:
        return [invalid(field, text, "must not have bits set beyond the prefix length")]
    return []


def canonical_cidr_errors(field: str, text: str) -> list[FieldError]:
    """A range in its canonical form."""
    errors = cidr_errors(field, text)
    network = cidr(text)
    if not errors and network is not None and text != str(network):
        errors.append(invalid(field, text, f"must be in canonical form ({go_quote(str(network))})"))
    return errors


def interface_address_errors(field: str, text: str) -> list[FieldError]:
    """The address of an interface with the length of its prefix, in the canonical form."""
    if cidr(text) is None:
        wanted = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
        return [invalid(field, text, wanted)]
    host, _, bits = text.partition("/")
    address, length = parse_ip(host), int(bits)
    assert address is not None
    if _mapped(address) and length > 32:
        length -= 96
    shown = f"{canonical(address)}/{length}"
    return [] if text == shown else [invalid(field, text, f"must be in canonical form ({go_quote(shown)})")]


def cidr_warnings(field: str, text: str) -> list[str]:
    """What a client is told about a range that is right and not canonical."""
    network = cidr(text)
    if network is None:
        return []
    host, _, bits = text.partition("/")
    address = parse_ip(host)
    quoted, shown = go_quote(text), go_quote(str(network))
    warnings: list[str] = []
    if address is not None and address != network.network_address:
        single = go_quote(f"{canonical(address)}/{network.max_prefixlen}")
        ambiguous = f"is ambiguous in this context (should be {shown} or {single}?)"
        warnings.append(f"{field}: CIDR value {quoted} {ambiguous}")
    if _has_zeros(host) or (bits != "0" and bits.startswith("0")):
        warnings.append(f"{field}: non-standard CIDR value {quoted} is invalid: use {shown}")
    if not warnings and network.version == 6 and str(network) != text:
        warnings.append(f"{field}: IPv6 CIDR value {quoted} should be in RFC 5952 canonical format ({shown})")
    return warnings
