"""One object in the versions of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from reconcile.apiserver.managedfields.typed import TypedError, validate
from reconcile.apiserver.schemas.topology import UNTYPED, Shape
from reconcile.apiserver.status import StatusError
from reconcile.objects.json_copy import copy_json

if TYPE_CHECKING:
    from reconcile.apiserver.interfaces import CustomConversion, RequestContext
    from reconcile.apiserver.resources import Resource

JSONObject = dict[str, Any]
FindResource = Callable[[str, str, str], "Resource | None"]
"""By group, version and plural name."""


def shape_of(resource: Resource) -> Shape:
    found: Any = getattr(resource.schema, "shape", None)
    return found if isinstance(found, Shape) else UNTYPED


class Versions:
    """The versions in which a request's object can be looked at.

    Args:
        context: of the request.
        find: the resource in another version.
        known: whether there is an object already; one that is being made has no other versions yet.

    Attributes:
        own: the version of the request.
    """

    def __init__(self, context: RequestContext, find: FindResource, *, known: bool) -> None:
        self.own = context.resource.type.api_version
        self._resource = context.resource
        self._find = find
        self._alone = not known or context.resource.conversion is None

    def known(self, api_version: str) -> str:
        """The version to look at for what is said in `api_version`."""
        return self.own if self._alone else api_version

    def shape(self, api_version: str) -> Shape:
        """The topology of a version that `convert` has led to."""
        found = self._in(api_version)
        return UNTYPED if found is None else shape_of(found)

    async def convert(self, obj: JSONObject, api_version: str, *, failing: str) -> JSONObject | None:
        """The object in a version; None where there is no such version. Does not change what it is given.

        Nothing is pruned: what the conversion leaves and the version's schema does not know is an error.

        Raises:
            StatusError: it cannot be converted; `failing` says in what.
        """
        wanted = self.known(api_version)
        if self._alone or obj.get("apiVersion") == wanted:
            return obj
        conversion = self._resource.conversion
        if conversion is None or self._in(wanted) is None:
            return None
        try:
            if self._resource.custom:
                [converted] = await cast("CustomConversion", conversion).rewrite([copy_json(obj)], wanted)
            else:
                [converted] = await conversion.convert([copy_json(obj)], wanted)
            validate(converted, self.shape(wanted), repeated=True)
        except StatusError as error:
            raise StatusError(f"{failing}: {error.message}", code=500) from None
        except TypedError as error:
            raise StatusError(f"{failing}: {error}", code=500) from None
        return converted

    def _in(self, api_version: str) -> Resource | None:
        wanted = self.known(api_version)
        if wanted == self.own:
            return self._resource
        kind = self._resource.type
        group, _, version = wanted.rpartition("/")
        return self._find(kind.group, version, kind.plural) if group == kind.group else None
