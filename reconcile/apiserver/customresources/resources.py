"""The resources that an established definition serves, one a version."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from reconcile.apiserver.customresources.naming import is_established
from reconcile.apiserver.customresources.plain_conversion import PlainConversion
from reconcile.apiserver.customresources.scale_checks import ScaleChecks
from reconcile.apiserver.customresources.schema import CustomSchema
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import (
    CustomConversion,
    ObjectSubresource,
    ProjectedSubresource,
    RequestContext,
    Strategy,
    Subresource,
)
from reconcile.apiserver.resources import Resource, Rules
from reconcile.apiserver.strategies.basic import StatusStrategy, keep
from reconcile.apiserver.strategies.scale import ScaleProjection
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.names import qualified_name_problems
from reconcile.objects.patches.errors import same

JSONObject = dict[str, Any]

_STABLE = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_LEVEL = {"alpha": 1, "beta": 2, None: 3}


def version_priority(version: str) -> tuple[int, int, int, tuple[int, ...]]:
    """Sorts descending as discovery does: v2, v1, v1beta2, v1alpha1, then others by name."""
    match = _STABLE.fullmatch(version)
    if not match:
        return (0, 0, 0, tuple(-ord(char) for char in version))
    major, level, minor = match.groups()
    return (_LEVEL[level], int(major), int(minor or 0), ())


def field_at(obj: JSONObject, path: str) -> str:
    """The value at a simple JSON path, as a field selector compares it."""
    value: Any = obj
    for key in path.strip(".").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class CustomStrategy(Strategy):
    """Generation counts all changes outside metadata and (with a status subresource) status."""

    allow_unconditional_update = False

    def __init__(
        self,
        *,
        status: bool,
        selectable: tuple[str, ...],
        selected: Iterable[str] = (),
    ) -> None:
        """`selectable` are the version's fields, `selected` those of all versions."""
        self._status = status
        self._paths = tuple(dict.fromkeys((*selectable, *selected)))
        self.selectable = tuple(path.strip(".") for path in selectable)

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        if self._status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        if self._status:
            keep(new, old, "status")
        aside = ("metadata", "status") if self._status else ("metadata",)
        after, before = ({key: value for key, value in obj.items() if key not in aside} for obj in (new, old))
        grown = not same(after, before)
        generation = old["metadata"].get("generation", 0)
        new["metadata"]["generation"] = generation + 1 if grown else generation

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        before = (old or {}).get("metadata", {}).get("finalizers") or ()
        found: list[str] = []
        for name in new["metadata"].get("finalizers") or ():
            if name not in before:
                found += _finalizer_warnings(name)
        return found

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        return {path.strip("."): field_at(obj, path) for path in self._paths}


_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def _finalizer_warnings(name: str) -> list[str]:
    field = f"metadata.finalizers: {go_quote(name)}: "
    found = [f"{field}{problem}" for problem in qualified_name_problems(name)]
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        path = " including a path (/)" if "." in name else ""
        found.append(
            f"{field}prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other "
            "finalizer writers"
        )
    return found


class CustomStatusStrategy(StatusStrategy):
    """The status alone: metadata stays too, but for managedFields."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        kept = ("managedFields", "resourceVersion")
        new["metadata"] = {
            **{key: value for key, value in old["metadata"].items() if key not in kept},
            **{key: new["metadata"][key] for key in kept if key in new["metadata"]},
        }


def custom_resources(
    definition: JSONObject,
    converting: Callable[[JSONObject, Mapping[str, CustomSchema]], CustomConversion] | None = None,
    *,
    since: int = 0,
) -> tuple[Resource, ...]:
    """The served versions, preferred first; none until the definition is established.

    `converting` makes the conversion of a definition that has a webhook for it, given the schemas of its
    versions; without it versions differ in apiVersion and schema alone.
    `since`: the revision before which objects were stored under another definition.
    """
    if not is_established(definition):
        return ()
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    served = [version for version in spec["versions"] if version.get("served")]
    served.sort(key=lambda version: version_priority(version["name"]), reverse=True)
    preserve = bool(spec.get("preserveUnknownFields"))
    schemas = {
        f"{spec['group']}/{version['name']}": CustomSchema(
            (version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"},
            kind=names["kind"],
            preserve=preserve,
            scale=_scale_checks(version),
        )
        for version in spec["versions"]
    }
    stored_as = f"{spec['group']}/{storage}"
    webhook = (spec.get("conversion") or {}).get("webhook")
    conversion: CustomConversion = (
        PlainConversion(schemas) if converting is None or webhook is None else converting(webhook, schemas)
    )
    selected = [each["jsonPath"] for version in served for each in version.get("selectableFields") or ()]
    resources: list[Resource] = []
    for version in served:
        kind = ResourceType(
            spec["group"], version["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced"
        )
        subresources = _subresources(version.get("subresources") or {})
        selectable = tuple(each["jsonPath"] for each in version.get("selectableFields") or ())
        strategy = CustomStrategy(status="status" in subresources, selectable=selectable, selected=selected)
        deprecation = ""
        if version.get("deprecated"):
            deprecation = version.get("deprecationWarning") or f"{kind.api_version} {kind.kind} is deprecated"
        resources.append(
            Resource(
                kind,
                names.get("singular") or names["kind"].lower(),
                schemas[kind.api_version],
                partial(Rules, strategy, MappingProxyType(subresources), conversion=conversion),
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                list_kind=names.get("listKind") or f"{names['kind']}List",
                stored_as=stored_as,
                custom=True,
                printer_columns=tuple(version.get("additionalPrinterColumns") or ()),
                deprecation=deprecation,
                storage_version_hash=_hash(f"{stored_as}/{names['kind']}"),
                schemas_since=since,
            )
        )
    return tuple(resources)


def _hash(stored_kind: str) -> str:
    """What discovery tells storages apart by: apiserver pkg/endpoints/discovery/storageversionhash.go."""
    return base64.b64encode(hashlib.sha256(stored_kind.encode()).digest()[:8]).decode()


def _scale_checks(version: JSONObject) -> ScaleChecks | None:
    scale = (version.get("subresources") or {}).get("scale")
    return None if scale is None else ScaleChecks(scale)


def _subresources(given: JSONObject) -> dict[str, Subresource]:
    found: dict[str, Subresource] = {}
    if given.get("status") is not None:
        found["status"] = ObjectSubresource("status", rules=CustomStatusStrategy())
    scale = given.get("scale")
    if scale is not None:

        def path(text: str) -> tuple[str, ...]:
            return tuple(text.strip(".").split("."))

        selector = scale.get("labelSelectorPath")
        projection = ScaleProjection(
            spec_replicas=path(scale["specReplicasPath"]),
            status_replicas=path(scale["statusReplicasPath"]),
            selector=path(selector) if selector else None,
            must_have_replicas=True,
        )
        gvk = GroupVersionKind("autoscaling", "v1", "Scale")
        found["scale"] = ProjectedSubresource("scale", gvk=gvk, projection=projection)
    return found
