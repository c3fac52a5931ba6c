"""From bytes to an object in the form its kind argument asked for, and back.

    kind argument                      decodes to          encoded from
    generated class                    the struct          its fields, apiVersion and kind of the class
    CustomResource, pydantic model     the model           its dump: camelCase, None left out
    ResourceType                       dict                the dict itself
    MetadataOnly                       ObjectMetadata      never: it is not the whole object
    PartialObject                      the frozen part     never, for the same reason

Nothing else in the library asks which form an object has. A decoded object carries its `Origin`, the
bytes it came from; `objects.origin.replay` needs it to write back what the type does not know.
"""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from typing import Any, Final, Generic, TypeVar, cast, overload

import msgspec

from reconcile.errors import ConfigurationError, IncompleteObjectError, ObjectDecodeError
from reconcile.objects.empty_parts import drop_empty_parts
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.meta import KubernetesObject
from reconcile.objects.metadata import ObjectMetadata, decode_metadata, key_in
from reconcile.objects.nulls import decode_with_nulls
from reconcile.objects.partial import PartialObject

T = TypeVar("T")

_ORIGIN: Final = "_reconcile_origin"
_decode_any: Final = msgspec.json.decode
_encode_any: Final = msgspec.json.encode


class Origin:
    """Where an object came from: its bytes, and whether they are all that the server has of it.

    Any two origins are equal, so that objects compare by their fields alone.
    """

    __slots__ = ("complete", "raw")

    def __init__(self, raw: bytes | None = None, *, complete: bool = True) -> None:
        self.raw = raw
        self.complete = complete

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return 0

    def __copy__(self) -> Origin:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Origin:
        return self


class PartialDict(dict[str, Any]):
    """A plain object of which only a part was read; a replacing write of it is refused."""


def _own_dict(obj: Any) -> dict[str, Any]:
    """Where a struct of a kind keeps what is no field."""
    return obj.__dict__


class Codec(ABC, Generic[T]):
    """Decodes and encodes the objects of one kind argument.

    Attributes:
        kind: the kind argument.
        resource_type: the resource it means.
    """

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.resource_type: ResourceType = resource_type_of(kind)

    @abstractmethod
    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> T:
        """A fresh object, private to the caller.

        Args:
            raw: one whole JSON object.
            complete: False where `raw` is stripped of fields that the server holds: the object can be
                read, applied or patched, but a replacing write of it is refused.

        Raises:
            ObjectDecodeError: the bytes do not fit the type; names the object's key and the field.
        """

    @abstractmethod
    def to_plain(self, obj: T) -> dict[str, Any]:
        """The object's wire form as plain JSON values, apiVersion and kind first."""

    def encode(self, obj: T) -> bytes:
        """The object's wire form, apiVersion and kind included."""
        return _encode_any(self.to_plain(obj))

    def origin(self, obj: T) -> Origin | None:
        """What the object was decoded from, or None where it was made by hand."""
        return None

    def _identified(self, plain: dict[str, Any]) -> dict[str, Any]:
        resource = self.resource_type
        return {"apiVersion": resource.api_version, "kind": resource.kind, **plain}


class StructCodec(Codec[T]):
    """Generated kinds: msgspec structs."""

    def __init__(self, kind: type[T]) -> None:
        super().__init__(kind)
        self._decode = msgspec.json.Decoder(kind).decode
        resource = self.resource_type
        head = _encode_any({"apiVersion": resource.api_version, "kind": resource.kind})
        self._head = head[:-1] + b","

    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> T:
        try:
            obj = self._decode(raw)
        except msgspec.MsgspecError as first_error:
            try:
                obj = decode_with_nulls(raw, cast("type[T]", self.kind), first_error)
            except msgspec.MsgspecError as error:
                raise _undecodable(self.resource_type, raw, error) from error
        _own_dict(obj)[_ORIGIN] = Origin(bytes(raw), complete=complete)
        return obj

    def encode(self, obj: T) -> bytes:
        encoded = _encode_any(obj)
        if b":{}" in encoded:
            return _encode_any(self.to_plain(obj))
        return self._head + encoded[1:]

    def to_plain(self, obj: T) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(obj)
        drop_empty_parts(cast("KubernetesObject", obj), plain)
        return self._identified(plain)

    def origin(self, obj: T) -> Origin | None:
        return _own_dict(obj).get(_ORIGIN)


class ModelCodec(Codec[T]):
    """Custom kinds: Pydantic models, `CustomResource` or plain ones with a `__resource_type__`."""

    def __init__(self, kind: type[T]) -> None:
        super().__init__(kind)
        self._model = cast("Any", kind)

    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> T:
        from pydantic import ValidationError

        raw = bytes(raw)
        try:
            obj: Any = self._model.model_validate_json(raw)
        except ValidationError as error:
            text = _first_problem(error.errors(include_url=False)[0])
            raise _undecodable(self.resource_type, raw, text) from error
        private: dict[str, Any] = dict(obj.__pydantic_private__ or {})
        private[_ORIGIN] = Origin(raw, complete=complete)
        object.__setattr__(obj, "__pydantic_private__", private)
        return obj

    def to_plain(self, obj: T) -> dict[str, Any]:
        dump = cast("Any", obj).model_dump(mode="json", by_alias=True, exclude_none=True)
        return self._identified(dump)

    def origin(self, obj: T) -> Origin | None:
        private: dict[str, Any] = cast("Any", obj).__pydantic_private__ or {}
        return private.get(_ORIGIN)


class DictCodec(Codec[dict[str, Any]]):
    """Kinds without a type: plain dicts, which hold everything, so that they need no origin."""

    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> dict[str, Any]:
        try:
            plain = _decode_any(raw, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise _undecodable(self.resource_type, raw, error) from error
        if "apiVersion" not in plain or "kind" not in plain:
            plain = self._identified(plain)
        return plain if complete else PartialDict(plain)

    def to_plain(self, obj: dict[str, Any]) -> dict[str, Any]:
        return self._identified(obj)

    def origin(self, obj: dict[str, Any]) -> Origin | None:
        return Origin(complete=False) if isinstance(obj, PartialDict) else None


class MetadataCodec(Codec[ObjectMetadata]):
    """Metadata alone; it is read, never written."""

    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> ObjectMetadata:
        metadata = decode_metadata(raw)
        # The server names the form it answers in (PartialObjectMetadata), not what the object is.
        msgspec.structs.force_setattr(metadata, "api_version", self.resource_type.api_version)
        msgspec.structs.force_setattr(metadata, "kind", self.resource_type.kind)
        return metadata

    def to_plain(self, obj: ObjectMetadata) -> dict[str, Any]:
        raise IncompleteObjectError(
            f"{self.resource_type} {obj.key} was read as metadata only and cannot be written; "
            "read it by its class or ResourceType, or patch it"
        )


class PartialCodec(Codec[T]):
    """Parts of a kind; they are read, never written."""

    def __init__(self, kind: type[T]) -> None:
        super().__init__(kind)
        self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, raw: bytes | memoryview, *, complete: bool = True) -> T:
        try:
            part = self._decode(raw)
        except msgspec.MsgspecError as first_error:
            try:
                part = decode_with_nulls(raw, cast("type[T]", self.kind), first_error)
            except msgspec.MsgspecError as error:
                raise _undecodable(self.resource_type, raw, error) from error
        metadata = cast("PartialObject", part).metadata
        msgspec.structs.force_setattr(metadata, "api_version", self.resource_type.api_version)
        msgspec.structs.force_setattr(metadata, "kind", self.resource_type.kind)
        return part

    def to_plain(self, obj: T) -> dict[str, Any]:
        key = cast("PartialObject", obj).metadata.key
        raise IncompleteObjectError(
            f"{self.resource_type} {key} was read in part, as {type(obj).__name__}, and cannot be written; "
            "read it by its class or ResourceType, or patch it"
        )


@overload
def codec_for(kind: type[T]) -> Codec[T]: ...
@overload
def codec_for(kind: ResourceType) -> Codec[dict[str, Any]]: ...
@overload
def codec_for(kind: MetadataOnly) -> Codec[ObjectMetadata]: ...
def codec_for(kind: Any) -> Codec[Any]:
    """The codec of a kind argument; the same one each time.

    A plain Pydantic BaseModel with a `__resource_type__` is accepted with a warning that says what
    differs from a CustomResource.

    Raises:
        ConfigurationError: the argument is no kind.
    """
    return _codec_for(kind)


@functools.cache
def _codec_for(kind: Any) -> Codec[Any]:
    resource_type_of(kind)
    if isinstance(kind, ResourceType):
        return DictCodec(kind)
    if isinstance(kind, MetadataOnly):
        return MetadataCodec(kind)
    if isinstance(kind, type):
        cls = cast("type[Any]", kind)
        if issubclass(cls, KubernetesObject):
            return StructCodec(cast("type[Any]", cls))
        if issubclass(cls, PartialObject):
            return PartialCodec(cast("type[Any]", cls))
        if hasattr(cls, "__pydantic_validator__"):
            from reconcile.objects.custom import differences_from_custom_resource

            if differences := differences_from_custom_resource(cls):
                warnings.warn(differences, UserWarning, stacklevel=3)
            return ModelCodec(cls)
    raise ConfigurationError(
        f"{kind!r} has a __resource_type__ but is neither a KubernetesObject struct, a PartialObject nor a "
        "Pydantic model"
    )


def codec_of(obj: Any) -> Codec[Any]:
    """The codec of an object in any form; a dict needs `apiVersion` and `kind`.

    The codec of a dict is for encoding: the plural of its resource type is not known and left empty.
    """
    if isinstance(obj, dict):
        plain = cast("dict[str, Any]", obj)
        api_version, kind = plain.get("apiVersion"), plain.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind, str) or not kind:
            raise ConfigurationError("a plain object needs the fields apiVersion and kind")
        group, _, version = api_version.rpartition("/")
        return _codec_for(ResourceType(group, version, kind, ""))
    if isinstance(obj, ObjectMetadata):
        group, _, version = obj.api_version.rpartition("/")
        return _codec_for(MetadataOnly(ResourceType(group, version, obj.kind, "")))
    return _codec_for(cast("Any", type(obj)))


def encode(obj: Any) -> bytes:
    """The wire form of an object in any form, as it stands, without its origin's unknown fields."""
    return codec_of(obj).encode(obj)


def raw_of(obj: Any) -> bytes | None:
    """The bytes that an object was decoded from; None for one made by hand, and for plain dicts."""
    origin = codec_of(obj).origin(obj)
    return origin.raw if origin else None


def _first_problem(problem: Any) -> str:
    """One of Pydantic's errors in msgspec's form; one from inside a struct names the place in it already."""
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    message, _, inner = problem["msg"].removeprefix("Value error, ").partition(" - at `$")
    return f"{message} - at `${field}{inner.removesuffix('`')}`"


def _undecodable(resource: ResourceType, raw: bytes | memoryview, error: object) -> ObjectDecodeError:
    text = str(error)
    field = text.partition(" - at ")[2].strip("`")
    key = key_in(raw)
    return ObjectDecodeError(
        f"cannot decode {resource} {key}: {text}".replace(" :", ":"), key=key, field=field
    )
