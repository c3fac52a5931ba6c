"""Formats of strings that a server checks in custom objects, as kube-openapi's `pkg/validation/strfmt` does.

Names are compared without dashes: `date-time` is `datetime`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from reconcile.apiserver.customresources.mail_addresses import is_mail_address

_HEX: Final = "[0-9a-fA-F]"
_LETTER: Final = r"a-zA-Z0-9\p{S}\p{L}"
_ONE_LABEL: Final = rf"^[{_LETTER}](?:-?[{_LETTER}]{{0,62}})?$"
_LABELS: Final = rf"^(?:[{_LETTER}](?:[-{_LETTER}]{{0,61}}[{_LETTER}])?\.)+[a-zA-Z\p{{L}}]{{2,63}}$"
_COLOR_PART: Final = r"[ \t\n\f\r]*(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])[ \t\n\f\r]*"
_CARDS: Final = (
    r"4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}"
)
_SHORT_NAME: Final = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_CLOCK: Final = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[^\n][0-9]+)?(?:z|[-+][0-9]{2}:[0-9]{2})"
_ZEROS: Final = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])|(?<=:)0+(?=[0-9]+\.)")


def known_format(name: str) -> Callable[[str], bool] | None:
    """What says whether a text has the format of a name; None for a format that a server ignores."""
    return _FORMATS.get(name.replace("-", ""))


def _matches(pattern: str) -> Callable[[str], bool]:
    return partial(_match, pattern)


def _match(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _uri(text: str) -> bool:
    from reconcile.cel.net import NetError, parse_url

    try:
        parse_url(text, request=True)
    except NetError:
        return False
    return True


def _hostname(text: str) -> bool:
    from reconcile.cel.re2 import search

    if _size(text) > 255 or any(_size(label) > 63 for label in text.split(".")):
        return False
    return search(_ONE_LABEL, text) is not None or search(_LABELS, text) is not None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


def _tolerated(text: str) -> str:
    """An address without the zeros before its decimal numbers, which old versions let pass."""
    return _ZEROS.sub("", text) if "." in text else text


def _ipv4(text: str) -> bool:
    return "." in text and _address(_tolerated(text)) is not None


def _ipv6(text: str) -> bool:
    return ":" in text and _address(text) is not None


def _cidr(text: str) -> bool:
    written, slash, bits = text.partition("/")
    address = _address(_tolerated(written))
    if address is None or not slash or not bits.isascii() or not bits.isdigit():
        return False
    return int(bits) <= address.max_prefixlen


def _mac(text: str) -> bool:
    for parts in (6, 8, 20):
        colons = f"{_HEX}{{2}}(?P<between>[:-]){_HEX}{{2}}(?:(?P=between){_HEX}{{2}}){{{parts - 2}}}"
        dots = rf"{_HEX}{{4}}(?:\.{_HEX}{{4}}){{{parts // 2 - 1}}}"
        if _match(colons, text) or _match(dots, text) or _match(f"{_HEX}{{{2 * parts}}}", text):
            return True
    return False


def _digits(text: str) -> str:
    return re.sub(r"[ \t\n\f\r-]+", "", text)


def _isbn10(text: str) -> bool:
    number = _digits(text)
    if not _match("[0-9]{9}[0-9X]", number):
        return False
    values = [10 if char == "X" else int(char) for char in number]
    return sum(place * value for place, value in enumerate(values, 1)) % 11 == 0


def _isbn13(text: str) -> bool:
    number = _digits(text)
    if not _match("[0-9]{13}", number):
        return False
    return sum(int(char) * (3 if place % 2 else 1) for place, char in enumerate(number)) % 10 == 0


def _isbn(text: str) -> bool:
    return _isbn10(text) or _isbn13(text)


def _credit_card(text: str) -> bool:
    number = re.sub("[^0-9]+", "", text)
    if not _match(_CARDS, number):
        return False
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _date(text: str) -> bool:
    from reconcile.cel.strfmt import parse_date

    return parse_date(text) is not None


def _date_time(text: str) -> bool:
    """A date, and up to the next `t` a time of the day with a zone, which is not looked at."""
    parts = text.lower().split("t")
    clock = re.fullmatch(_CLOCK, parts[1]) if len(parts) > 1 else None
    if clock is None or not _date(parts[0]):
        return False
    hour, minute, second = clock.groups()
    return hour <= "23" and minute <= "59" and second <= "59"


def _duration(text: str) -> bool:
    from reconcile.cel.strfmt import parse_format_duration

    return parse_format_duration(text) is not None


def _short_name(text: str) -> bool:
    return _size(text) <= 63 and _match(_SHORT_NAME, text)


def _long_name(text: str) -> bool:
    return _size(text) <= 253 and _match(rf"{_SHORT_NAME}(?:\.{_SHORT_NAME})*", text)


def _uuid(third: str = "", fourth: str = "") -> Callable[[str], bool]:
    """Groups of hexadecimal digits, dashes or none between them; two may begin with a mark."""
    groups = [f"{_HEX}{{8}}", f"{_HEX}{{4}}"]
    groups += [f"{mark}{_HEX}{{{3 if mark else 4}}}" for mark in (third, fourth)]
    return _matches("-?".join([*groups, f"{_HEX}{{12}}"]))


_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "bsonobjectid": _matches(f"{_HEX}{{24}}"),
    "byte": _matches("(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/](?:=|[A-Za-z0-9+/]))"),
    "cidr": _cidr,
    "creditcard": _credit_card,
    "date": _date,
    "datetime": _date_time,
    "duration": _duration,
    "email": is_mail_address,
    "hexcolor": _matches(f"#?(?:{_HEX}{{3}}|{_HEX}{{6}})"),
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "isbn": _isbn,
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "k8slongname": _long_name,
    "k8sshortname": _short_name,
    "mac": _mac,
    "password": lambda _: True,
    "rgbcolor": _matches(rf"rgb\({_COLOR_PART},{_COLOR_PART},{_COLOR_PART}\)"),
    "ssn": _matches("[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}"),
    "uri": _uri,
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89abAB]"),
    "uuid5": _uuid("5", "[89abAB]"),
}
