"""Subresources whose body is not the object: scale, binding, eviction, token and what servers add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from reconcile.client.addressing import object_path, write_options
from reconcile.client.seams import WriteVerb
from reconcile.client.verbs import body_of
from reconcile.objects.identity import ObjectKey, ResourceType

if TYPE_CHECKING:
    from reconcile.client.writing import PatchType, WritingVerbs


class Subresource:
    """One subresource of one object; bodies go in and come out as plain dicts.

    Writes pass guard and observers; they are told that no object of the parent's kind comes back.
    """

    def __init__(self, client: WritingVerbs, resource_type: ResourceType, key: ObjectKey, name: str) -> None:
        self._client = client
        self._resource_type = resource_type
        self._key = key
        self._name = name

    async def get(self) -> dict[str, Any]:
        """What the subresource holds."""
        path = object_path(self._resource_type, self._key, self._name)
        return _decoded(await self._client.read_raw(path))

    async def create(self, body: Any, *, dry_run: bool = False) -> dict[str, Any]:
        """POST, as bindings, evictions and token requests are made."""
        return await self._write("create", body, "object", dry_run, None)

    async def update(
        self, body: Any, *, dry_run: bool = False, field_manager: str | None = None
    ) -> dict[str, Any]:
        """PUT: replace what the subresource holds."""
        return await self._write("update", body, "object", dry_run, field_manager)

    async def patch(
        self,
        patch: Any,
        *,
        type: PatchType = "merge",
        dry_run: bool = False,
        field_manager: str | None = None,
    ) -> dict[str, Any]:
        """PATCH what the subresource holds."""
        return await self._write("patch", patch, type, dry_run, field_manager)

    async def _write(
        self, verb: WriteVerb, body: Any, content: str, dry_run: bool, field_manager: str | None
    ) -> dict[str, Any]:
        client = self._client
        answer = await client.write(
            verb,
            self._resource_type,
            self._key,
            body_of(body),
            query=write_options(field_manager=field_manager or client.field_manager, dry_run=dry_run),
            dry_run=dry_run,
            subresource=self._name,
            content=content,
            returns_object=False,
        )
        return _decoded(answer)


def _decoded(body: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.json.decode(body))
