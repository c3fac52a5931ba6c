"""ListOptions, CreateOptions, UpdateOptions, PatchOptions and DeleteOptions, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from reconcile.apiserver import field_errors, status
from reconcile.apiserver.field_errors import FieldError
from reconcile.apiserver.handlers.messages import Request
from reconcile.apiserver.handlers.object_meta import manager_problems

_META = "meta.k8s.io"
_INT64 = 1 << 63
# More parameters than these are none, as in Go.
_MAX_PARAMETERS: Final = 10_000
_bad_escape: Final = re.compile(r"%(?![0-9A-Fa-f]{2})").search


def parse_query(text: str) -> tuple[tuple[str, str], ...]:
    """The parameters of a query as Go's `url.ParseQuery` reads them: what it cannot read is left out."""
    parts = text.split("&")
    if len(parts) > _MAX_PARAMETERS:
        return ()
    pairs: list[tuple[str, str]] = []
    for part in parts:
        if not part or ";" in part or ("%" in part and _bad_escape(part)):
            continue
        name, _, value = part.partition("=")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return tuple(pairs)


class Query:
    """The query of a request; of a repeated parameter the first counts, `all` gives each."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def get(self, name: str) -> str:
        for key, value in self._pairs:
            if key == name:
                return value
        return ""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def flag(self, name: str) -> bool | None:
        """A boolean as apimachinery reads it: only `0` and `false` mean no, and presence means yes."""
        values = self.all(name)
        if not values:
            return None
        return values[0].lower() not in ("0", "false")

    def integer(self, name: str) -> int | None:
        values = self.all(name)
        return parse_int(values[0]) if values else None


def parse_int(text: str) -> int:
    """A decimal int64. Raises 400 with Go's words."""
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise status.bad_request(f"strconv.ParseInt: parsing {field_errors.go_quote(text)}: invalid syntax")
    value = int(text) if len(digits) < 25 else _INT64
    if not -_INT64 <= value < _INT64:
        raise status.bad_request(
            f"strconv.ParseInt: parsing {field_errors.go_quote(text)}: value out of range"
        )
    return value


def parse_resource_version(text: str, problem: str) -> int:
    """A resourceVersion; raises with `problem` where it is none. Empty reads as 0."""
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        if len(text) < 20 or int(text) < 1 << 64:
            return int(text)
        what = "value out of range"
    else:
        what = "invalid syntax"
    detail = f"strconv.ParseUint: parsing {field_errors.go_quote(text)}: {what}"
    if problem == "list":
        found = field_errors.invalid("resourceVersion", text, detail)
        raise status.bad_request(f"invalid resource version: {found}")
    if problem == "watch":
        found = field_errors.invalid("resourceVersion", text, detail)
        raise status.StatusError(str(found), code=500)
    raise status.StatusError(detail, code=500)


@dataclass(frozen=True, slots=True)
class ListOptions:
    labels: str
    fields: str
    watch: bool
    bookmarks: bool
    resource_version: str
    match: str
    timeout_seconds: int | None
    limit: int
    continue_token: str
    send_initial_events: bool | None


def list_options(query: Query, *, watch: bool = False) -> ListOptions:
    """The list options of a query, checked. Raises 400 or 422."""
    if not query:
        return _PLAIN_WATCH if watch else _PLAIN_LIST
    timeout = query.integer("timeoutSeconds")
    options = ListOptions(
        labels=query.get("labelSelector"),
        fields=query.get("fieldSelector"),
        watch=watch or bool(query.flag("watch")),
        bookmarks=bool(query.flag("allowWatchBookmarks")),
        resource_version=query.get("resourceVersion"),
        match=query.get("resourceVersionMatch"),
        timeout_seconds=timeout if timeout and timeout > 0 else None,
        limit=max(query.integer("limit") or 0, 0),
        continue_token=query.get("continue"),
        send_initial_events=query.flag("sendInitialEvents"),
    )
    errors = _watch_problems(options) if options.watch else _list_problems(options)
    if errors:
        raise status.invalid(_META, "ListOptions", "", errors)
    return options


_PLAIN_LIST = ListOptions("", "", False, False, "", "", None, 0, "", None)
_PLAIN_WATCH = ListOptions("", "", True, False, "", "", None, 0, "", None)


def _list_problems(options: ListOptions) -> list[FieldError]:
    errors: list[FieldError] = []
    field = "resourceVersionMatch"
    if options.match:
        if not options.resource_version:
            errors.append(
                field_errors.forbidden(field, f"{field} is forbidden unless resourceVersion is provided")
            )
        if options.continue_token:
            errors.append(field_errors.forbidden(field, f"{field} is forbidden when continue is provided"))
        if options.match not in ("Exact", "NotOlderThan"):
            errors.append(field_errors.not_supported(field, options.match, ("Exact", "NotOlderThan", "")))
        if options.match == "Exact" and options.resource_version == "0":
            errors.append(
                field_errors.forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"')
            )
    if options.send_initial_events is not None:
        errors.append(field_errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_problems(options: ListOptions) -> list[FieldError]:
    errors: list[FieldError] = []
    field = "resourceVersionMatch"
    if options.send_initial_events is not None and options.match != "NotOlderThan":
        errors.append(
            field_errors.forbidden(field, f"sendInitialEvents requires setting {field} to NotOlderThan")
        )
    if options.match:
        if options.send_initial_events is None:
            errors.append(
                field_errors.forbidden(
                    field, f"{field} is forbidden for watch unless sendInitialEvents is provided"
                )
            )
        if options.match != "NotOlderThan":
            errors.append(field_errors.not_supported(field, options.match, ("NotOlderThan",)))
        if options.continue_token:
            errors.append(field_errors.forbidden(field, f"{field} is forbidden when continue is provided"))
    return errors


@dataclass(frozen=True, slots=True)
class WriteOptions:
    dry_run: bool
    field_manager: str
    field_validation: str
    force: bool


_PLAIN_WRITE = WriteOptions(False, "", "", False)


def write_options(query: Query, kind: str, *, apply: bool = False) -> WriteOptions:
    """CreateOptions, UpdateOptions or PatchOptions of a query, checked. Raises 422."""
    if not query and not apply:
        return _PLAIN_WRITE
    force = query.flag("force")
    manager = query.get("fieldManager")
    validation = query.get("fieldValidation")
    errors: list[FieldError] = []
    if kind == "PatchOptions":
        if apply and not manager:
            errors.append(field_errors.required("fieldManager", "is required for apply patch"))
        if not apply and force is not None:
            errors.append(field_errors.forbidden("force", "may not be specified for non-apply patch"))
    errors += manager_problems("fieldManager", manager)
    dry_run = query.all("dryRun")
    errors += _dry_run_problems(dry_run)
    if validation not in ("", "Ignore", "Warn", "Strict"):
        errors.append(
            field_errors.not_supported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn"))
        )
    if errors:
        raise status.invalid(_META, kind, "", errors)
    return WriteOptions(bool(dry_run), manager, validation, bool(force))


def _dry_run_problems(values: list[str]) -> list[FieldError]:
    unknown = any(value != "All" for value in values)
    return [field_errors.not_supported("dryRun", values, ("All",))] if unknown else []


def delete_options(request: Request, query: Query, body: dict[str, Any] | None) -> dict[str, Any]:
    """The DeleteOptions of a body, or of the query when there is no body; checked. Raises 400 or 422."""
    options: dict[str, Any] = {}
    if body is not None:
        options = body
    elif query:
        grace = query.integer("gracePeriodSeconds")
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        orphan = query.flag("orphanDependents")
        if orphan is not None:
            options["orphanDependents"] = orphan
        if query.get("propagationPolicy"):
            options["propagationPolicy"] = query.get("propagationPolicy")
        if query.all("dryRun"):
            options["dryRun"] = query.all("dryRun")
    if body is not None and query.all("dryRun") and not options.get("dryRun"):
        options["dryRun"] = query.all("dryRun")
    check_delete_options(options)
    return options


def check_delete_options(options: dict[str, Any]) -> None:
    """Raises 422 for options of a deletion that cannot be, or contradict each other."""
    if not options:
        return
    errors: list[FieldError] = []
    policy = options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        errors.append(
            field_errors.invalid(
                "propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"
            )
        )
    if policy not in (None, "Foreground", "Background", "Orphan"):
        supported = ("Foreground", "Background", "Orphan", "nil")
        errors.append(field_errors.not_supported("propagationPolicy", policy, supported))
    errors += _dry_run_problems(options.get("dryRun") or [])
    if errors:
        raise status.invalid(_META, "DeleteOptions", "", errors)
