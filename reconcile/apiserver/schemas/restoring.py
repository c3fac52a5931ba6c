"""What is wrong with the result of a strategic patch, in the words of what reads it.

It is not decoded from JSON: its values are put into the Go struct one by one, the struct's fields in their
order, and the first that does not fit ends it. Borrowed from apimachinery's unstructured converter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconcile.apiserver.schemas.decoding import MismatchError, UnreadableError

if TYPE_CHECKING:
    from reconcile.apiserver.schemas.catalog import Catalog, TypeExpression
    from reconcile.apiserver.schemas.decoding import Decoders

_INTEGERS = frozenset({"int", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
_FLOATS = frozenset({"float32", "float64"})


class Restoring:
    """Looks for the value that cannot be restored."""

    def __init__(self, catalog: Catalog, decoders: Decoders) -> None:
        self._catalog = catalog
        self._decoders = decoders

    def problem(self, struct: str, value: Any) -> str | None:
        """The first problem of a value that is to be a struct, by the struct's name; None: it fits."""
        if not isinstance(value, dict):
            return f"cannot restore struct from: {_kind(value)}"
        for name, field in self._catalog.struct(struct).fields.items():
            found = self._found(field.type, value.get(name))
            if found is not None:
                return found
        return None

    def _found(self, type: TypeExpression, value: Any) -> str | None:
        if value is None:
            return None
        match type.shape:
            case "pointer":
                return self._found(type.inner, value)
            case "struct":
                return self.problem(type.name, value)
            case "list":
                if not isinstance(value, list):
                    return f"cannot restore slice from {_kind(value)}"
                return self._first(type, value)
            case "map":
                if not isinstance(value, dict):
                    return f"cannot restore map from {_kind(value)}"
                return self._first(type, value.values())
            case "special":
                return self._unreadable(type, value)
            case _:
                return self._scalar(type, value)

    def _first(self, type: TypeExpression, values: Any) -> str | None:
        assert type.element is not None
        return next((text for each in values if (text := self._found(type.element, each)) is not None), None)

    def _scalar(self, type: TypeExpression, value: Any) -> str | None:
        basic, _, named = type.name.partition(":")
        if basic == "bytes":
            if not isinstance(value, str):
                return f"cannot restore slice from {_kind(value)}"
            text = self._unreadable(type, value)
            return None if text is None else f"error decoding from json: {text}"
        if basic == "string":
            if isinstance(value, str):
                return None
            # Go would make a character out of a number.
            if type_of(value) == "int64":
                return f"cannot convert int64 to {f'v1.{named}' if named else basic}"
        elif basic == "bool":
            if isinstance(value, bool):
                return None
        elif basic in _INTEGERS:
            if type_of(value) == "int64":
                return None
            if isinstance(value, float):
                return None if value.is_integer() else f"cannot convert float64 to {basic}"
        elif basic in _FLOATS:
            if type_of(value) in ("int64", "float64"):
                return None
        else:
            return None
        return f"unrecognized type: {basic}"

    def _unreadable(self, type: TypeExpression, value: Any) -> str | None:
        """Types with a decoding of their own have it here too, by themselves."""
        try:
            self._decoders.for_type(type)(value, [])
        except UnreadableError as error:
            return str(error)
        except MismatchError as error:
            return error.text
        return None


def type_of(value: Any) -> str:
    """The Go type that a JSON value has before anything is known of it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "slice"
    return "map" if isinstance(value, dict) else type_of(value)


def go_shown(value: Any) -> str:
    """A JSON value as Go prints it with `%+v`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_shown(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_shown, value))}]"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    digits, _, exponent = f"{value!r}".partition("e")
    power = int(exponent or 0)
    if value and not 1e-4 <= abs(value) < 1e21:
        digits, _, exponent = f"{value:.17e}".partition("e")
        # The shortest digits that mean this number.
        digits = next(
            text for places in range(18) if float(text := f"{value:.{places}e}") == value
        ).partition("e")[0]
        power = int(exponent)
        return f"{digits}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power:
        return f"{value:.0f}" if power > 0 else f"{value:f}"
    return digits.removesuffix(".0")
