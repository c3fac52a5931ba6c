"""Formats: those that a server enforces stay, others become what it can check, or go."""

from __future__ import annotations

from typing import Any, Final

from reconcile.crd.markers import add_rule

_KNOWN: Final = frozenset(
    {
        "int32", "int64", "float", "double", "byte", "date", "date-time", "duration", "email", "hostname",
        "ipv4", "ipv6", "cidr", "mac", "uri", "uuid", "uuid3", "uuid4", "uuid5", "password", "bsonobjectid",
        "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor",
    }
)  # fmt: skip
_NETWORKS: Final = frozenset(
    {"ipv4network", "ipv6network", "ipv4interface", "ipv6interface", "ipvanynetwork", "ipvanyinterface"}
)
# The longest text of an IPv6 address with an IPv4 one in it.
_LONGEST_ADDRESS: Final = 45


def with_known_format(schema: dict[str, Any]) -> None:
    """Change a schema's format into one that is enforced, or drop it."""
    name = schema.get("format")
    if "format" not in schema or name in _KNOWN:
        return
    del schema["format"]
    if name in _NETWORKS:
        schema["format"] = "cidr"
    elif name == "ipvanyaddress":
        schema.setdefault("maxLength", _LONGEST_ADDRESS)
        add_rule(schema, {"rule": "isIP(self)", "message": "must be an IP address"})
    elif name in ("uuid1", "uuid6", "uuid7", "uuid8"):
        schema["format"] = "uuid"
