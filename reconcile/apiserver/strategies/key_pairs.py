"""A certificate and its private key: whether they go together, in the words of Go's `crypto/tls`."""

from __future__ import annotations

import re

_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----\s*\n(?:[^\n]*: [^\n]*\n)*([A-Za-z0-9+/=\s]*?)\n?-----END \1-----"
)


def key_pair_problem(certificate: bytes, key: bytes) -> str:
    """What a client is told, or nothing."""
    kinds = [match[1].decode() for match in _BLOCK.finditer(certificate)]
    if "CERTIFICATE" not in kinds:
        return _missing("certificate", kinds, certificate)
    keys = [match[1].decode() for match in _BLOCK.finditer(key)]
    if any(kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY") for kind in keys):
        return ""
    if not keys:
        return "tls: failed to find any PEM data in key input"
    if keys == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    return (
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM '
        f"blocks of the following types: [{' '.join(keys)}]"
    )


def _missing(what: str, kinds: list[str], text: bytes) -> str:
    if not kinds:
        return f"tls: failed to find any PEM data in {what} input"
    if len(kinds) == 1 and kinds[0].endswith("PRIVATE KEY"):
        return (
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM "
            "inputs may have been switched"
        )
    return (
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the '
        f"following types: [{' '.join(kinds)}]"
    )
