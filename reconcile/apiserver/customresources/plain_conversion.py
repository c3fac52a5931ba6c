"""Between the versions of a custom kind without a conversion webhook: apiVersion changes, schemas count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.apiserver.customresources.schema import CustomSchema

JSONObject = dict[str, Any]


class PlainConversion:
    """Writes the other version down. Implements `interfaces.CustomConversion`.

    As kube-apiserver reads and writes its storage: what the other version's schema does not know is lost.
    """

    outside = False

    def __init__(self, schemas: Mapping[str, CustomSchema]) -> None:
        """`schemas` are those of the versions, by apiVersion."""
        self._schemas = schemas

    async def convert(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        """The objects in the version."""
        schema = self._schemas.get(api_version)
        for obj in objects:
            obj["apiVersion"] = api_version
            if schema is not None:
                schema.prune(obj)
        return objects

    async def rewrite(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        for obj in objects:
            obj["apiVersion"] = api_version
        return objects

    def refresh(self, obj: JSONObject) -> None:
        """What was stored under an older schema of its version, as the present one reads it."""
        schema = self._schemas.get(str(obj.get("apiVersion")))
        if schema is not None:
            schema.prune(obj)
            schema.default(obj)
