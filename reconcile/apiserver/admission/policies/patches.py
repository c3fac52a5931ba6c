"""What a mutating policy does with an object: an apply configuration that is merged, or a JSON patch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.managedfields.typed import TypedError, merge, validate
from reconcile.apiserver.status import StatusError, internal_error
from reconcile.objects.patches.errors import PatchError
from reconcile.objects.patches.json_patch import apply_json_patch

if TYPE_CHECKING:
    from reconcile.apiserver.admission.expressions import Compiled, Composed
    from reconcile.apiserver.admission.matching import Match, Objects
    from reconcile.apiserver.schemas.topology import Shape
    from reconcile.cel.schema_types import Declared


class MutationError(Exception):
    """A mutation that could not be done; the policy's failure policy decides."""


@dataclass(slots=True)
class Mutation:
    """One entry of `mutations`.

    Attributes:
        compiled: the expression.
        patch: a JSON patch comes of it, and not an apply configuration.
    """

    compiled: Compiled
    patch: bool

    def apply(
        self,
        obj: JSONObject,
        values: Mapping[str, Any],
        composed: Composed,
        objects: Objects,
        attributes: AdmissionAttributes,
        match: Match,
    ) -> JSONObject:
        """The changed object. Raises MutationError, and StatusError where upstream answers with one."""
        value = self._evaluate(values, composed)
        if self.patch:
            return _patched(obj, value, objects, attributes, match)
        problems = _misnamed(value, value.type.name)
        if problems:
            raise MutationError("type mismatch: " + "\n".join(problems))
        configuration = {**plain(value), "apiVersion": obj["apiVersion"], "kind": obj["kind"]}
        made = _merged(obj, configuration, objects.shape(attributes, match))
        try:
            objects.check(made, attributes, match)
        except StatusError as error:
            raise MutationError(error.message) from None
        return made

    def _evaluate(self, values: Mapping[str, Any], composed: Composed) -> Any:
        from reconcile.apiserver.admission.expressions import BUDGET, Activation, OutOfBudgetError

        if self.compiled.expression is None:
            raise MutationError(self.compiled.error)
        try:
            found = Activation(values, BUDGET, composed).evaluate(self.compiled)
        except OutOfBudgetError as error:
            raise MutationError(str(error)) from None
        if found.error:
            raise MutationError(found.error)
        return found.value


def mutations_of(given: Iterable[JSONObject], declared: Mapping[str, Declared]) -> list[Mutation]:
    """The mutations of a policy, compiled."""
    from reconcile.apiserver.admission.expressions import compiled
    from reconcile.cel import types
    from reconcile.cel.structs import JSON_PATCH, OBJECT

    found: list[Mutation] = []
    for each in given:
        patch = each.get("patchType") == "JSONPatch"
        inner: JSONObject = each.get("jsonPatch" if patch else "applyConfiguration") or {}
        wanted = types.list_of(JSON_PATCH) if patch else OBJECT
        found.append(
            Mutation(compiled(inner.get("expression") or "", (wanted,), declared, structs=True), patch)
        )
    return found


def plain(value: Any) -> Any:
    """A value of an expression as JSON."""
    from reconcile.cel.schema_values import raw
    from reconcile.cel.values import ListValue, MapValue, Opaque, shown

    if isinstance(value, Opaque):
        if isinstance(value.value, dict):
            return {key: plain(inner) for key, inner in value.value.items()}
        return value.text
    if isinstance(value, ListValue):
        return [plain(item) for item in value]
    if isinstance(value, MapValue):
        return {key: plain((value.find(key) or (None,))[0]) for key in value}
    if value is None or isinstance(value, bool | int | float | str):
        return raw(value)
    return shown(value)


def _misnamed(value: Any, expected: str) -> list[str]:
    """Objects whose type does not say where they stand."""
    from reconcile.cel.values import ListValue, MapValue, Opaque

    found: list[str] = []
    if isinstance(value, Opaque) and isinstance(value.value, dict):
        if value.type.name != expected:
            found.append(
                f'unexpected type name "{value.type.name}", expected "{expected}", which matches field name '
                "path from root Object type"
            )
        for key, inner in value.value.items():
            found += _misnamed(inner, f"{expected}.{key}")
    elif isinstance(value, ListValue):
        for item in value:
            found += _misnamed(item, expected)
    elif isinstance(value, MapValue):
        for key in value:
            found += _misnamed((value.find(key) or (None,))[0], expected)
    return found


def _merged(obj: JSONObject, configuration: JSONObject, shape: Shape) -> JSONObject:
    try:
        validate(configuration, shape)
    except TypedError as error:
        text = f"failed to convert patch object to typed object: {error}"
        raise MutationError(f"error applying patch: {text}") from None
    atomics = _atomics(configuration, shape, "")
    if atomics:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise MutationError(f"error applying patch: invalid ApplyConfiguration: {text}")
    try:
        return merge(obj, configuration, shape)
    except TypedError as error:
        raise MutationError(f"error applying patch: failed to merge patch: {error}") from None


def _atomics(value: Any, shape: Shape, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, dict):
        if shape.atomic:
            found.append(path)
        for key, inner in value.items():
            if key in shape.fields:
                found += _atomics(inner, shape.child(key), f"{path}.{key}")
    elif isinstance(value, list):
        if shape.atomic:
            found.append(path)
        for index, item in enumerate(value):
            found += _atomics(item, shape.items, f"{path}[{index}]")
    return found


def _patched(
    obj: JSONObject, value: Any, objects: Objects, attributes: AdmissionAttributes, match: Match
) -> JSONObject:
    operations: list[JSONObject] = []
    for each in value:
        fields: dict[str, Any] = each.value
        operation: JSONObject = {"op": fields.get("op", ""), "path": fields.get("path", "")}
        if fields.get("from"):
            operation["from"] = fields["from"]
        if "value" in fields:
            inner = fields["value"]
            problems = _misnamed(inner, getattr(getattr(inner, "type", None), "name", ""))
            if problems:
                raise MutationError("type mismatch: " + "\n".join(problems))
            operation["value"] = plain(inner)
        operations.append(operation)
    try:
        made = apply_json_patch(obj, operations)
    except PatchError as error:
        if str(error).endswith("test failed"):
            return obj
        raise MutationError(f"JSON Patch: {error}") from None
    try:
        unknown = objects.check(made, attributes, match)
    except StatusError as error:
        raise internal_error(error.message) from None
    if unknown and not match.resource.custom:
        raise internal_error(f"strict decoding error: {', '.join(unknown)}")
    return made
