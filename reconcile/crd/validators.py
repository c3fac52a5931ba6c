"""Pydantic's own validators: Python code, which no schema says. A server runs them only as a webhook."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator, WrapValidator

from reconcile.objects.custom import CustomResource

_MARKERS = {
    AfterValidator: "after",
    BeforeValidator: "before",
    PlainValidator: "plain",
    WrapValidator: "wrap",
}


@dataclass(frozen=True, slots=True)
class Validator:
    """One validator that only Python runs.

    Attributes:
        kind: the class of the kind that it belongs to.
        model: the class that declares it.
        name: of the function.
        decorator: `field_validator`, `model_validator`, or the marker in `Annotated`, such as
            `AfterValidator`.
        mode: `after`, `before`, `plain` or `wrap`.
        fields: paths of the fields it checks, as `spec.size`; the object's own path for a whole model.
    """

    kind: str
    model: str
    name: str
    decorator: str
    mode: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        places = ", ".join(self.fields) or "the object itself"
        return f"{self.model}.{self.name} ({self.decorator}, {self.mode}): {places}"


def validators_of(kind: type[CustomResource]) -> tuple[Validator, ...]:
    """The validators of a kind and of all the models in it, in the order of the fields."""
    return tuple(_of_model(kind, "", kind.__name__, ()))


def _of_model(
    model: type[BaseModel], path: str, kind: str, above: tuple[type[BaseModel], ...]
) -> Iterator[Validator]:
    if model in above:
        return
    decorators = model.__pydantic_decorators__
    names = {name: _joined(path, _wire(name, info)) for name, info in model.model_fields.items()}
    for name, found in decorators.model_validators.items():
        yield Validator(
            kind, model.__name__, name, "model_validator", found.info.mode, (path,) if path else ()
        )
    for name, found in decorators.field_validators.items():
        fields = tuple(names[field] for field in found.info.fields if field in names)
        if "*" in found.info.fields:
            fields = tuple(names.values())
        yield Validator(kind, model.__name__, name, "field_validator", found.info.mode, fields)
    for name, info in model.model_fields.items():
        if issubclass(model, CustomResource) and name == "metadata":
            continue
        for each in info.metadata:
            yield from _of_marker(each, kind, model, names[name])
        yield from _of_type(info.annotation, names[name], kind, model, (*above, model))


def _of_type(
    annotation: Any, path: str, kind: str, model: type[BaseModel], above: tuple[type[BaseModel], ...]
) -> Iterator[Validator]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for each in arguments[1:]:
            yield from _of_marker(each, kind, model, path)
        yield from _of_type(arguments[0], path, kind, model, above)
    elif origin in (Union, types.UnionType):
        for each in arguments:
            yield from _of_type(each, path, kind, model, above)
    elif isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        yield from _of_type(arguments[1], f"{path}[*]", kind, model, above)
    elif isinstance(origin, type) and arguments and not issubclass(origin, BaseModel):
        yield from _of_type(arguments[0], f"{path}[]", kind, model, above)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _of_model(annotation, path, kind, above)


def _of_marker(marker: Any, kind: str, model: type[BaseModel], path: str) -> Iterator[Validator]:
    mode = _MARKERS.get(cast("Any", type(marker)))
    if mode is None:
        return
    function = getattr(marker.func, "__name__", type(marker.func).__name__)
    yield Validator(kind, model.__name__, function, type(marker).__name__, mode, (path,))


def _wire(name: str, info: Any) -> str:
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
