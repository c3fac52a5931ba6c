"""Probes and lifecycle hooks of a container: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required
from reconcile.apiserver.strategies import checks

JSONObject = dict[str, Any]

_PROBE = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK = ("exec", "httpGet", "tcpSocket", "sleep")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_HEADER_TEXT = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
    "regex used for validation is '[-A-Za-z0-9]+')"
)


def probe_errors(path: str, container: JSONObject, grace: int | None) -> list[FieldError]:
    """The errors of hooks and probes; `grace` is the time a pod has to end."""
    errors: list[FieldError] = []
    lifecycle = container.get("lifecycle")
    if lifecycle:
        for hook in ("postStart", "preStop"):
            if lifecycle.get(hook) is not None:
                errors += _handler(f"{path}.lifecycle.{hook}", lifecycle[hook], _HOOK, grace)
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(key)
        if probe is not None:
            errors += _probe(f"{path}.{key}", probe, ready=key == "readinessProbe")
    return errors


def _probe(path: str, probe: JSONObject, *, ready: bool) -> list[FieldError]:
    errors = _handler(path, probe, _PROBE, None)
    errors += checks.non_negative(probe, path, *_COUNTS)
    grace, field = probe.get("terminationGracePeriodSeconds"), f"{path}.terminationGracePeriodSeconds"
    if grace is not None and grace <= 0:
        errors.append(invalid(field, grace, "must be greater than 0"))
    successes = probe.get("successThreshold") or 0
    if ready:
        if grace is not None:
            errors.append(invalid(field, grace, "must not be set for readinessProbes"))
    elif successes != 1:
        errors.append(invalid(f"{path}.successThreshold", successes, "must be 1"))
    return errors


def _handler(path: str, handler: JSONObject, kinds: tuple[str, ...], grace: int | None) -> list[FieldError]:
    errors: list[FieldError] = []
    found = False
    for kind in kinds:
        action = handler.get(kind)
        if action is None:
            continue
        if found:
            errors.append(forbidden(f"{path}.{kind}", "may not specify more than 1 handler type"))
        else:
            errors += _action(f"{path}.{kind}", kind, action, grace)
        found = True
    return errors if found else [required(path, "must specify a handler type")]


def _action(path: str, kind: str, action: JSONObject, grace: int | None) -> list[FieldError]:
    if kind == "exec":
        return [] if action.get("command") else [required(f"{path}.command")]
    if kind == "sleep":
        seconds = action.get("seconds") or 0
        if grace is None or 0 <= seconds <= grace:
            return []
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        return [invalid(path, seconds, text)]
    if kind == "grpc":
        return checks.port_number(f"{path}.port", action.get("port") or 0)
    port = checks.port_number_or_name(f"{path}.port", action.get("port", 0))
    if kind == "tcpSocket":
        return port
    errors = [*([] if action.get("path") else [required(f"{path}.path")]), *port]
    errors += checks.one_of(action, path, "scheme", ("HTTP", "HTTPS"))
    return errors + [
        invalid(f"{path}.httpHeaders", header.get("name") or "", _HEADER_TEXT)
        for header in action.get("httpHeaders") or ()
        if not _HEADER.fullmatch(header.get("name") or "")
    ]
