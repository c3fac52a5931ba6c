"""Options of Windows in a security context: in upstream's words and order."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.strategies import checks

JSONObject = dict[str, Any]

_SPEC_KIB = 64
_DOMAIN_LENGTH = 256
_USER_LENGTH = 104
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NET_BIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_DOMAIN = re.compile(
    r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_DOTS = re.compile(r"[. ]+")
_BAD = frozenset('"/\\:;|=,+*?<>@[]')


def windows_options(path: str, options: JSONObject | None) -> list[FieldError]:
    if options is None:
        return []
    errors: list[FieldError] = []
    name, spec = options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec")
    if name is not None:
        errors += checks.dns_subdomain(f"{path}.gmsaCredentialSpecName", name)
    if spec is not None:
        field = f"{path}.gmsaCredentialSpec"
        if not spec:
            errors.append(invalid(field, spec, "gmsaCredentialSpec cannot be an empty string"))
        elif len(spec.encode()) > _SPEC_KIB * 1024:
            errors.append(invalid(field, spec, f"gmsaCredentialSpec size must be under {_SPEC_KIB} KiB"))
    user = options.get("runAsUserName")
    if user is not None:
        errors += [invalid(f"{path}.runAsUserName", user, f"runAsUserName{text}") for text in _problems(user)]
    return errors


def _problems(name: str) -> list[str]:
    if not name:
        return [" cannot be an empty string"]
    if _CONTROL.search(name):
        return [" cannot contain control characters"]
    if name.count("\\") > 1:
        return [" cannot contain more than one backslash"]
    domain, slash, user = name.rpartition("\\")
    found: list[str] = []
    if len(domain) >= _DOMAIN_LENGTH:
        found.append(f"'s Domain length must be under {_DOMAIN_LENGTH} characters")
    if slash and not _NET_BIOS.fullmatch(domain) and not _DOMAIN.fullmatch(domain):
        found.append("'s Domain doesn't match the NetBios nor the DNS format")
    if not user:
        found.append("'s User cannot be empty")
    elif len(user) > _USER_LENGTH:
        found.append(f"'s User length must not be longer than {_USER_LENGTH} characters")
    if _DOTS.fullmatch(user):
        found.append("'s User cannot contain only periods or spaces")
    if _BAD.intersection(user):
        found.append("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return found
