"""Which of two resource versions is newer, by the rule the Kubernetes API states.

A comparable version is a decimal number without leading zeros and above zero, of any length; versions of
one resource are then ordered as numbers. Everything else is opaque: it can be told equal, no more.
"""

from __future__ import annotations


def is_comparable(version: str) -> bool:
    """Whether a version follows the API's rule for comparable ones.

    >>> is_comparable("1024"), is_comparable("0"), is_comparable("007"), is_comparable("")
    (True, False, False, False)
    """
    return version.isascii() and version.isdigit() and version[0] != "0"


def compare_resource_versions(left: str, right: str) -> int:
    """-1, 0 or 1 as `left` is older than, the same as, or newer than `right`.

    Raises:
        ValueError: one of the two is not comparable.

    >>> compare_resource_versions("9", "10")
    -1
    """
    for version in (left, right):
        if not is_comparable(version):
            raise ValueError(f"resource version {version!r} cannot be compared: it is not a positive number")
    if left == right:
        return 0
    return -1 if (len(left), left) < (len(right), right) else 1


def is_newer(version: str, than: str) -> bool:
    """Whether `version` is certainly newer; False when either cannot be compared.

    >>> is_newer("10", "9"), is_newer("9", "10"), is_newer("abc", "9")
    (True, False, False)
    """
    if not (is_comparable(version) and is_comparable(than)):
        return False
    return len(version) > len(than) or (len(version) == len(than) and version > than)


def is_older(version: str, than: str) -> bool:
    """Whether `version` is certainly older; False when either cannot be compared."""
    return is_newer(than, version)
