"""What strategic merge patch must know of a built-in kind, read off its shape."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.apiserver.schemas.topology import Shape
from reconcile.objects.patches import NO_SCHEMA, PatchError, PatchField, PatchSchema


@dataclass(frozen=True, slots=True)
class ShapePatchSchema:
    """A `PatchSchema` over a shape."""

    shape: Shape
    name: str = "object"

    def field(self, name: str) -> PatchField:
        if self.shape.kind == "struct":
            maker = self.shape.fields.get(name)
            if maker is None:
                raise PatchError(
                    f"unable to find api field in struct {self.name} for the json field {name!r}", code=500
                )
            return _field(maker(), name)
        return PatchField(inner=_inner(self.shape.items, name))


def _inner(shape: Shape, name: str) -> PatchSchema:
    return ShapePatchSchema(shape, name) if shape.kind in ("struct", "map") else NO_SCHEMA


def _field(shape: Shape, name: str) -> PatchField:
    inner = shape.items if shape.kind == "list" else shape
    return PatchField(
        merge="merge" in shape.patch_strategy,
        merge_key=shape.merge_key,
        replace="replace" in shape.patch_strategy,
        retain_keys="retainKeys" in shape.patch_strategy,
        inner=_inner(inner, name),
    )
