"""A value against a structural schema, in the words of kube-apiserver and in its order.

    schema ──▶ Validator ──▶ for each kind of JSON value a plan: the steps that may find something, in order
    value  ──▶ plan of its kind ──▶ type, combinations, string, format, number, list, enum, object
                                      items and properties ──▶ validators of their own

All steps that look at a kind of value run, whatever those before them found. The rules are those of
kube-openapi's `pkg/validation/validate` and of apiextensions-apiserver's `pkg/apiserver/validation`:

* Of the alternatives of `anyOf` and `oneOf` that all fail, the one is told of that had most steps with
  nothing to say; so validators count them.
* What is said twice in the same words is told once.
* An update is not told of parts that it leaves as they were (ratcheting): fields, entries of maps and items
  of lists of type map, each with what stood in its place before. Items of other lists have nothing that stood
  in their place; what `allOf`, `anyOf`, `oneOf` and `not` say is told unless the whole value stayed.

Upstream's maps have no order: properties are looked at in the order of the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reconcile.apiserver.customresources.value_checks import (
    MAX_INT,
    MIN_INT,
    NOWHERE,
    Check,
    Schema,
    Types,
    enum_check,
    field_of,
    format_check,
    in_body,
    is_whole,
    null_check,
    number_check,
    string_check,
)
from reconcile.apiserver.field_errors import FieldError, go_quote, invalid, required, too_many

if TYPE_CHECKING:
    from reconcile.cel.correlation import Correlation

_NULL: Final = type(None)


def validate(value: Any, schema: Schema, old: Any = None) -> list[FieldError]:
    """What is wrong with a value, or with what of it an update changes."""
    from reconcile.cel.correlation import Correlation

    return Validator(schema).errors(value, None if old is None else Correlation(value, old, schema))


class _Verdict:
    """What is wrong so far, and how many validators had nothing to say."""

    __slots__ = ("errors", "matches")

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.matches = 0

    def take(self, other: _Verdict) -> None:
        self.errors += other.errors
        self.matches += other.matches


_Step = Callable[[Any, str, _Verdict, "Correlation | None"], None]
"""Looks at a value at a path, with what it was before; adds to the verdict."""


class _Plan(NamedTuple):
    """What there is to do for one kind of value.

    Attributes:
        matches: the validators that count whatever the value is.
    """

    steps: tuple[_Step, ...]
    matches: int


def _plan(steps: Iterable[_Step | None], matches: int) -> _Plan:
    return _Plan(tuple(step for step in steps if step is not None), matches)


class Validator:
    """A structural schema, compiled kind by kind when a value of the kind is first met."""

    __slots__ = ("_combined", "_defaults", "_plans", "_schema", "_types")

    def __init__(self, schema: Schema, *, defaults: bool = False, combined: bool = False) -> None:
        """Compiles nothing yet.

        Args:
            defaults: it judges defaults of a definition, which a server checks by the schema as it is
                written: with the formats that it ignores in objects, without a type for an int-or-string, and
                without what combinations say of additional properties.
            combined: the schema stands in a combination.
        """
        self._schema = schema
        self._defaults = defaults
        self._combined = combined
        self._types = Types.of_defaults(schema) if defaults else Types.of_objects(schema)
        self._plans: dict[type, _Plan] = {}

    def errors(self, value: Any, before: Correlation | None = None) -> list[FieldError]:
        """What is wrong with a value; `before` are its parts as they stood before an update."""
        verdict = _Verdict()
        self.judge(value, "", verdict, None)
        if verdict.errors and before is not None:
            verdict = _Verdict()
            self.judge(value, "", verdict, before)
        return _unique(verdict.errors)

    def judge(self, value: Any, path: str, verdict: _Verdict, before: Correlation | None) -> None:
        kind = type(value)
        if kind is int and not MIN_INT <= value <= MAX_INT:
            value, kind = float(value), float
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = self._plan(kind)
        start = len(verdict.errors)
        for step in plan.steps:
            step(value, path, verdict, before)
        verdict.matches += plan.matches
        if before is not None and len(verdict.errors) > start and before.unchanged:
            del verdict.errors[start:]

    def _inner(self, schema: Schema) -> Validator:
        return Validator(schema, defaults=self._defaults, combined=self._combined)

    def _plan(self, kind: type) -> _Plan:
        schema, types = self._schema, self._types
        if kind is _NULL:
            wrong = null_check(schema, types)
            return _plan([_checked(wrong), _checked(enum_check(schema, kind))], 1 if wrong is None else 0)
        # One for the enum, one for the combinations and one more for what they found, one for the whole.
        steps: list[_Step | None] = []
        matches = 4
        if not types.any:
            step, sure = self._type_step(kind)
            steps.append(step)
            matches += 1 + sure
        steps.append(self._combinations())
        form = format_check(types) if kind is str else None
        if kind is str:
            steps += [_checked(string_check(schema)), _checked(form)]
            matches += 1 if form is None else 2
        elif kind is int or kind is float:
            steps.append(_checked(number_check(schema, types, kind)))
            matches += 2
        elif kind is list:
            steps.append(self._list_step())
            matches += 2
        steps.append(_checked(enum_check(schema, kind)))
        if kind is dict:
            steps.append(self._object_step())
            matches += 1
        return _plan(steps, matches)

    def _type_step(self, kind: type) -> tuple[_Step | None, int]:
        """The type, and whether it is right without being looked at."""
        types = self._types
        wrong = types.mismatch(kind)
        whole = types.mismatch(kind, whole=True) if kind is float else wrong
        if wrong is None:
            return None, 1

        def step(value: Any, path: str, verdict: _Verdict, _: Correlation | None) -> None:
            found = whole if kind is float and is_whole(value) else wrong
            if found is None:
                verdict.matches += 1
            else:
                verdict.errors.append(types.refusal(found, path))

        return step, 0

    def _combinations(self) -> _Step | None:
        any_of, one_of, all_of = (
            [
                Validator(inner, defaults=self._defaults, combined=True)
                for inner in self._schema.get(key) or ()
            ]
            for key in ("anyOf", "oneOf", "allOf")
        )
        no = self._schema.get("not")
        none_of = Validator(no, defaults=self._defaults, combined=True) if isinstance(no, dict) else None
        if not any_of and not one_of and not all_of and none_of is None:
            return None

        def step(value: Any, path: str, verdict: _Verdict, _: Correlation | None) -> None:
            if any_of:
                _any_of(any_of, value, path, verdict)
            if one_of:
                _one_of(one_of, value, path, verdict)
            if all_of:
                _all_of(all_of, value, path, verdict)
            if none_of is not None and not _judged(none_of, value, path).errors:
                verdict.errors.append(_combined(path, "must not validate the schema (not)"))

        return step

    def _list_step(self) -> _Step | None:
        schema = self._schema
        items = schema.get("items")
        inner = self._inner(items) if isinstance(items, dict) else None
        least, most, unique = schema.get("minItems"), schema.get("maxItems"), schema.get("uniqueItems")
        if inner is None and least is None and most is None and not unique:
            return None

        def step(value: list[Any], path: str, verdict: _Verdict, before: Correlation | None) -> None:
            if inner is not None:
                for index, item in enumerate(value):
                    old = before.index(index) if before is not None else None
                    inner.judge(item, f"{path}[{index}]", verdict, old)
            if least is not None and len(value) < least:
                text = in_body(path, f"should have at least {least} items")
                verdict.errors.append(invalid(field_of(path), len(value), text))
            if most is not None and len(value) > most:
                verdict.errors.append(too_many(field_of(path), len(value), most))
            if unique and _repeats(value):
                text = in_body(path, "shouldn't contain duplicates")
                verdict.errors.append(invalid(field_of(path), "", text))

        return step

    def _object_step(self) -> _Step | None:
        schema = self._schema
        least, most = schema.get("minProperties"), schema.get("maxProperties")
        additional = None if self._defaults and self._combined else schema.get("additionalProperties")
        rest = self._inner(additional) if isinstance(additional, dict) else None
        known = {name: self._inner(inner) for name, inner in (schema.get("properties") or {}).items()}
        names: list[str] = schema.get("required") or []

        def step(value: dict[str, Any], path: str, verdict: _Verdict, before: Correlation | None) -> None:
            if least is not None and len(value) < least:
                text = in_body(path, f"should have at least {least} properties")
                verdict.errors.append(invalid(field_of(path), len(value), text))
            if most is not None and len(value) > most:
                verdict.errors.append(too_many(field_of(path), len(value), most))
            if additional is False:
                forbidden = [name for name in value if name not in known]
                texts = [f"{path}.{name} in body is a forbidden property" for name in forbidden]
                verdict.errors += [
                    invalid(field_of(path), name, text) for name, text in zip(forbidden, texts, strict=True)
                ]
            elif rest is not None:
                for name, inner in value.items():
                    if name not in known:
                        rest.judge(inner, f"{path}.{name}", verdict, _before(before, path, name))
            if known:
                for name, inner in value.items():
                    validator = known.get(name)
                    if validator is not None:
                        place = f"{path}.{name}" if path else name
                        validator.judge(inner, place, verdict, _before(before, path, name))
            verdict.errors += [required(field_of(f"{path}.{name}")) for name in names if name not in value]

        return step


def _before(before: Correlation | None, path: str, name: str) -> Correlation | None:
    # What of apiVersion and kind changed cannot be seen: both are converted to the same.
    if before is None or (not path and name in ("apiVersion", "kind")):
        return None
    return before.key(name)


def _checked(check: Check | None) -> _Step | None:
    if check is None:
        return None

    def step(value: Any, path: str, verdict: _Verdict, _: Correlation | None) -> None:
        verdict.errors += check(value, path)

    return step


def _judged(validator: Validator, value: Any, path: str) -> _Verdict:
    verdict = _Verdict()
    validator.judge(value, path, verdict, None)
    return verdict


def _combined(path: str, text: str) -> FieldError:
    return invalid(NOWHERE, "", f"{go_quote(path)} {text}")


def _any_of(alternatives: list[Validator], value: Any, path: str, verdict: _Verdict) -> None:
    best: _Verdict | None = None
    for validator in alternatives:
        found = _judged(validator, value, path)
        if not found.errors:
            verdict.take(found)
            return
        if best is None or found.matches > best.matches:
            best = found
    verdict.errors.append(_combined(path, "must validate at least one schema (anyOf)"))
    if best is not None:
        verdict.take(best)


def _one_of(alternatives: list[Validator], value: Any, path: str, verdict: _Verdict) -> None:
    found = [_judged(validator, value, path) for validator in alternatives]
    valid = [each for each in found if not each.errors]
    if len(valid) == 1:
        verdict.take(valid[0])
        return
    how = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    verdict.errors.append(_combined(path, f"must validate one and only one schema (oneOf). {how}"))
    if not valid:
        verdict.take(max(found, key=lambda each: each.matches))


def _all_of(parts: list[Validator], value: Any, path: str, verdict: _Verdict) -> None:
    found = [_judged(validator, value, path) for validator in parts]
    for each in found:
        verdict.take(each)
    valid = sum(not each.errors for each in found)
    if valid != len(found):
        how = "" if valid else ". None validated"
        verdict.errors.append(_combined(path, f"must validate all the schemas (allOf){how}"))


def _repeats(values: list[Any]) -> bool:
    from reconcile.cel.correlation import same

    return any(same(value, other) for place, value in enumerate(values) for other in values[:place])


def _unique(errors: Iterable[FieldError]) -> list[FieldError]:
    found: dict[tuple[object, ...], FieldError] = {}
    for error in errors:
        found.setdefault((error.type, error.field, error.detail), error)
    return list(found.values())


def within(errors: Iterable[FieldError], field: str) -> list[FieldError]:
    """Errors of a value as those of the part of a whole that it is."""
    return [
        replace(error, field=field if error.field == NOWHERE else f"{field}.{error.field}")
        for error in errors
    ]
