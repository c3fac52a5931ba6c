"""Which objects are meant: label selectors and field selectors, as the API server reads them.

`Selector` selects by labels, `FieldSelector` by the values of declared fields. Both are immutable values:
comparable, hashable, written back by `str`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from reconcile.objects.label_syntax import InvalidSelectorError, parse_label_selector
from reconcile.objects.meta import LabelSelector
from reconcile.objects.names import label_value_problems, qualified_name_problems

__all__ = [
    "FieldRequirement",
    "FieldSelector",
    "FieldSelectorLike",
    "InvalidSelectorError",
    "LabelSelectorLike",
    "Requirement",
    "Selector",
    "field_selector",
    "label_selector",
]

_API_OPERATORS: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_INT64: Final = 2**63


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label.

    Attributes:
        key: the label.
        operator: `=`, `==`, `in` (present, with one of the values); `!=`, `notin` (absent, or present
            with another value); `exists`; `!` (absent); `>`, `<` (present, and an integer beyond the value).
        values: sorted; exactly one for `=`, `==`, `!=`, `>` and `<`, none for `exists` and `!`.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))
        if problems := list(self._problems()):
            raise InvalidSelectorError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    def _problems(self) -> Iterable[str]:
        if problems := qualified_name_problems(self.key):
            yield f'key: Invalid value: "{self.key}": {"; ".join(problems)}'
        shown = "[" + ",".join(f'"{value}"' for value in self.values) + "]"
        match self.operator:
            case "in" | "notin":
                if not self.values:
                    yield (
                        f"values: Invalid value: {shown}: "
                        "for 'in', 'notin' operators, values set can't be empty"
                    )
            case "=" | "==" | "!=":
                if len(self.values) != 1:
                    yield (
                        f"values: Invalid value: {shown}: exact-match compatibility requires one single value"
                    )
            case "exists" | "!":
                if self.values:
                    yield (
                        f"values: Invalid value: {shown}: "
                        "values set must be empty for exists and does not exist"
                    )
            case ">" | "<":
                if len(self.values) != 1:
                    yield (
                        f"values: Invalid value: {shown}: "
                        "for 'Gt', 'Lt' operators, exactly one value is required"
                    )
                for index, value in enumerate(self.values):
                    if _integer(value) is None:
                        yield (
                            f'values[{index}]: Invalid value: "{value}": '
                            "for 'Gt', 'Lt' operators, the value must be an integer"
                        )
            case _:
                yield (
                    f'operator: Unsupported value: "{self.operator}": supported values: '
                    '"in", "notin", "=", "==", "!=", "gt", "lt", "exists", "!"'
                )
        for index, value in enumerate(self.values):
            if problems := label_value_problems(value):
                yield f'values[{index}][{self.key}]: Invalid value: "{value}": {"; ".join(problems)}'

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                number, bound = _integer(value or ""), cast("int", _integer(self.values[0]))
                return number is not None and (number > bound if self.operator == ">" else number < bound)

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
            case _:
                return f"{self.key}{self.operator}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector: all its requirements must hold; without any, it selects everything.

    >>> selector = Selector.parse("app=web,tier in (front,back),!legacy")
    >>> selector.matches({"app": "web", "tier": "back"})
    True
    >>> str(selector)
    'app=web,!legacy,tier in (back,front)'
    """

    requirements: tuple[Requirement, ...] = ()
    selects_nothing: bool = False

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read the written form: `=`, `==`, `!=`, `in`, `notin`, `key`, `!key`, `>`, `<`.

        Raises:
            InvalidSelectorError: the text is the API server's.
        """
        requirements: list[Requirement] = []
        for key, operator, values in parse_label_selector(text):
            try:
                requirements.append(Requirement(key, operator, tuple(values)))
            except InvalidSelectorError as error:
                raise InvalidSelectorError(f"unable to parse requirement: {error}") from None
        return cls.all_of(requirements)

    @classmethod
    def all_of(cls, requirements: Iterable[Requirement]) -> Selector:
        """A selector of these requirements, in the canonical order: by key."""
        return cls(tuple(sorted(requirements, key=lambda requirement: requirement.key)))

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Selector:
        """Selects objects that carry all of these labels."""
        return cls.all_of(Requirement(key, "=", (value,)) for key, value in labels.items())

    @classmethod
    def from_api(cls, selector: LabelSelector | Mapping[str, Any] | None) -> Selector:
        """The selector of an API field, such as a Deployment's `spec.selector`.

        None selects nothing and an empty selector everything, as the API has it.
        """
        if selector is None:
            return cls.nothing()
        if isinstance(selector, LabelSelector):
            labels: Mapping[str, str] = selector.match_labels
            expressions = [(each.key, each.operator, each.values) for each in selector.match_expressions]
        else:
            labels = selector.get("matchLabels") or {}
            entries = cast("list[dict[str, Any]]", selector.get("matchExpressions") or [])
            expressions = [
                (str(each.get("key", "")), str(each.get("operator", "")), list(each.get("values") or []))
                for each in entries
            ]
        requirements = [Requirement(key, "=", (value,)) for key, value in labels.items()]
        for key, operator, values in expressions:
            if operator not in _API_OPERATORS:
                raise InvalidSelectorError(f'"{operator}" is not a valid label selector operator')
            requirements.append(Requirement(key, _API_OPERATORS[operator], tuple(values)))
        return cls.all_of(requirements)

    @classmethod
    def everything(cls) -> Selector:
        return cls()

    @classmethod
    def nothing(cls) -> Selector:
        return cls(selects_nothing=True)

    @property
    def selects_everything(self) -> bool:
        return not self.requirements and not self.selects_nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self.selects_nothing:
            return False
        labels = labels or {}
        # No `all(…)`: a controller of many objects asks this of each of them in every reconcile.
        for requirement in self.requirements:  # noqa: SIM110
            if not requirement.matches(labels):
                return False
        return True

    def exact(self, key: str) -> str | None:
        """The one value that the selector requires of a label, or None: for looking up in an index."""
        for requirement in self.requirements:
            if requirement.key == key:
                one = requirement.operator in ("=", "==", "in") and len(requirement.values) == 1
                return requirement.values[0] if one else None
        return None

    def __and__(self, other: Selector) -> Selector:
        if self.selects_nothing or other.selects_nothing:
            return Selector.nothing()
        return Selector.all_of((*self.requirements, *other.requirements))

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


LabelSelectorLike: TypeAlias = Selector | LabelSelector | Mapping[str, Any] | str | None
"""What is taken where labels select: a selector, its written form, the API's form, or plain labels."""


def label_selector(selector: LabelSelectorLike) -> Selector:
    """The selector that an argument means; None means everything here, as an argument left out.

    A mapping with `matchLabels` or `matchExpressions` is the API's form, any other is plain labels.
    """
    if selector is None:
        return Selector.everything()
    if isinstance(selector, Selector):
        return selector
    if isinstance(selector, str):
        return Selector.parse(selector)
    if isinstance(selector, LabelSelector):
        return Selector.from_api(selector)
    if "matchLabels" in selector or "matchExpressions" in selector:
        return Selector.from_api(selector)
    return Selector.from_labels(selector)


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on a field: `=` or `==` a value, or `!=` a value; an absent field is empty."""

    field: str
    operator: str
    value: str

    def matches(self, fields: Mapping[str, str]) -> bool:
        return (fields.get(self.field, "") == self.value) == (self.operator != "!=")

    def __str__(self) -> str:
        operator = "!=" if self.operator == "!=" else "="
        return f"{self.field}{operator}{_escape(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    r"""A field selector: all its requirements must hold; without any, it selects everything.

    In the written form `\`, `,` and `=` in a value are escaped by `\`.

    >>> FieldSelector.parse("spec.nodeName=a,status.phase!=Failed").matches({"spec.nodeName": "a"})
    True
    """

    requirements: tuple[FieldRequirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FieldSelector:
        """Read the written form.

        Raises:
            InvalidSelectorError: the text is the API server's.
        """
        requirements: list[FieldRequirement] = []
        for part in sorted(_TERM.findall(text)):
            if not part:
                continue
            found = _OPERATOR.search(part)
            if not found:
                raise InvalidSelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
            value = _unescape(part[found.end() :])
            requirements.append(FieldRequirement(part[: found.start()], found.group(), value))
        return cls(tuple(requirements))

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> FieldSelector:
        return cls(tuple(FieldRequirement(field, "=", value) for field, value in sorted(fields.items())))

    @property
    def selects_everything(self) -> bool:
        return not self.requirements

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the selector looks at, each once."""
        return tuple(dict.fromkeys(requirement.field for requirement in self.requirements))

    def matches(self, fields: Mapping[str, str]) -> bool:
        return all(requirement.matches(fields) for requirement in self.requirements)

    def exact(self, field: str) -> str | None:
        """The value that the selector requires of a field, or None."""
        for requirement in self.requirements:
            if requirement.field == field and requirement.operator != "!=":
                return requirement.value
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


FieldSelectorLike: TypeAlias = FieldSelector | Mapping[str, str] | str | None
"""What is taken where fields select: a selector, its written form, or fields and their values."""


def field_selector(selector: FieldSelectorLike) -> FieldSelector:
    """The field selector that an argument means; None selects everything."""
    if selector is None:
        return FieldSelector()
    if isinstance(selector, FieldSelector):
        return selector
    if isinstance(selector, str):
        return FieldSelector.parse(selector)
    return FieldSelector.from_fields(selector)


_TERM: Final = re.compile(r"(?:\\.|[^,\\]|\\$)+", re.DOTALL)
_OPERATOR: Final = re.compile(r"!=|==|=")


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)


def _unescape(value: str) -> str:
    plain: list[str] = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in ("\\", ",", "="):
                raise InvalidSelectorError(f"invalid field selector: invalid escape sequence: \\{escaped}")
            plain.append(escaped)
        elif character in ",=":
            raise InvalidSelectorError(
                # apimachinery prints the number of the character
                f"invalid field selector: unescaped character in value: {ord(character)}"
            )
        else:
            plain.append(character)
    return "".join(plain)


def _integer(text: str) -> int | None:
    """A 64-bit integer as Go's ParseInt reads it, or None."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None
