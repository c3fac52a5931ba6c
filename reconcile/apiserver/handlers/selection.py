"""Label and field selectors as a query gives them: one test on what the storage keeps decoded."""

from __future__ import annotations

from collections.abc import Callable

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.handlers.store import ObjectStore
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import StoredObject
from reconcile.objects.label_syntax import InvalidSelectorError, ParsedRequirement, parse_label_selector

Matcher = Callable[[StoredObject], bool]


class Selection:
    """What a list or watch is about.

    Attributes:
        matches: the test; None when everything is meant.
        name: the name, when a field selector demands one.
        namespace: the namespace, when a field selector demands one.
    """

    __slots__ = ("matches", "name", "namespace")

    def __init__(self, labels: str, fields: str, resource: Resource, store: ObjectStore) -> None:
        strategy = resource.strategy
        tests: list[Matcher] = []
        self.name = ""
        self.namespace = ""
        if labels:
            try:
                tests += [_label_test(item) for item in parse_label_selector(labels)]
            except InvalidSelectorError as error:
                raise status.bad_request(str(error)) from error
        if fields:
            names = strategy.selectable_names
            if resource.custom and not resource.type.namespaced:
                names = ("metadata.name",)
            allowed = (*names, *strategy.selectable)
            for field, operator, value in parse_field_selector(fields):
                if field not in allowed:
                    raise _unknown_field(field, resource)
                if operator == "=" and field == "metadata.name":
                    self.name = self.name or value
                if operator == "=" and field == "metadata.namespace":
                    self.namespace = self.namespace or value
                tests.append(_field_test(field, operator, value, resource, store))
        if not tests:
            self.matches: Matcher | None = None
        elif len(tests) == 1:
            self.matches = tests[0]
        else:
            self.matches = lambda item: all(test(item) for test in tests)


def _unknown_field(field: str, resource: Resource) -> status.StatusError:
    if resource.strategy.unknown_field:
        return status.bad_request(resource.strategy.unknown_field.format(field=field))
    if resource.custom or resource.strategy.selectable:
        return status.bad_request(f"field label not supported: {field}")
    return status.bad_request(
        f'{go_quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"'
    )


def _label_test(requirement: ParsedRequirement) -> Matcher:
    key, operator, values = requirement
    match operator:
        case "=" | "==" | "in":
            return lambda item: item.labels.get(key) in values
        case "!=" | "notin":
            return lambda item: item.labels.get(key) not in values
        case "exists":
            return lambda item: key in item.labels
        case "!":
            return lambda item: key not in item.labels
        case _:
            (bound,) = values
            limit = int(bound)
            greater = operator == ">"
            return lambda item: _compares(item.labels.get(key), limit, greater)


def _compares(text: str | None, limit: int, greater: bool) -> bool:
    try:
        value = int(text or "")
    except ValueError:
        return False
    return value > limit if greater else value < limit


def _field_test(field: str, operator: str, value: str, resource: Resource, store: ObjectStore) -> Matcher:
    wanted = operator == "="
    if field == "metadata.name":
        return lambda item: (item.name == value) is wanted
    if field == "metadata.namespace":
        return lambda item: (item.namespace == value) is wanted
    if resource.schemas_since:
        return lambda item: (store.selected_fields(resource, item).get(field, "") == value) is wanted
    return lambda item: (item.fields.get(field, "") == value) is wanted


def parse_field_selector(text: str) -> list[tuple[str, str, str]]:
    """`a=b,c!=d` as (field, `=` or `!=`, value); backslash escapes comma, equals sign and itself."""
    found: list[tuple[str, str, str]] = []
    for term in _split_terms(text):
        if not term:
            continue
        found.append(_parse_term(text, term))
    return found


def _split_terms(text: str) -> list[str]:
    terms: list[str] = []
    begin, escaped = 0, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            terms.append(text[begin:index])
            begin = index + 1
    terms.append(text[begin:])
    return terms


def _parse_term(selector: str, term: str) -> tuple[str, str, str]:
    for index, char in enumerate(term):
        if term.startswith("!=", index):
            return term[:index], "!=", _unescape(term[index + 2 :])
        if term.startswith("==", index):
            return term[:index], "=", _unescape(term[index + 2 :])
        if char == "=":
            return term[:index], "=", _unescape(term[index + 1 :])
    raise status.bad_request(f"invalid selector: '{selector}'; can't understand '{term}'")


def _unescape(text: str) -> str:
    if not any(char in text for char in "\\,="):
        return text
    parts: list[str] = []
    escaped = False
    for char in text:
        if escaped:
            if char not in "\\,=":
                raise status.bad_request(f"invalid field selector: invalid escape sequence: \\{char}")
            parts.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise status.bad_request(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            parts.append(char)
    if escaped:
        raise status.bad_request("invalid field selector: invalid escape sequence: \\")
    return "".join(parts)
