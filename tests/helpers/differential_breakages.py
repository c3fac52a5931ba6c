"""Valid objects of built-in kinds, and what becomes of them when they are broken.

    valid object ──schema──▶ one field emptied, removed, out of range, of a wrong form, too many, or added
                 ──hand────▶ fields that do not fit each other
                      │
                      ├──▶ created, as a dry run
                      ├──▶ put in the place of the valid one, which is stored
                      ├──▶ put as its status
                      ├──▶ applied where there is none
                      └──▶ two at once

Every broken value has the JSON type that the field wants: what is asked is validation, not decoding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from helpers.differential import Ask, apply, post
from helpers.differential_samples import EDITS, STATUSES, samples

from reconcile.apiserver.schemas.catalog import TypeExpression, catalog

Body = dict[str, Any]
Path = tuple[str | int, ...]

_BAD_TEXTS = ("", "Bad Value!", "x" * 300)
_BAD_NUMBERS = (-1, 0, 99999)
_BAD_BY_SPECIAL: dict[str, tuple[Any, ...]] = {
    "Quantity": ("-1", "0", "1m"),
    "IntOrString": (-1, 0, "Bad Value!", "150%", ""),
}
# What the first round of values does not reach: borders, and texts of other forms.
_MORE_TEXTS = ("UPPER", "a/b", "../a", "a.b", "x" * 64, "1.2.3.4")
_MORE_NUMBERS = (1, 65536, 2147483647)
_MORE_BY_SPECIAL: dict[str, tuple[Any, ...]] = {
    "Quantity": ("1500m", "100P"),
    "IntOrString": (65536, "0%", "101%", "a-name-too-long-for-a-port"),
}
_MANY = 105
_SKIPPED = frozenset({"metadata", "status", "apiVersion", "kind"})


class _Removed:
    def __repr__(self) -> str:
        return "removed"


REMOVED = _Removed()


@dataclass(frozen=True)
class Breakage:
    """Edits of an object, each a path and the value to set there.

    Attributes:
        name: how it is called: `spec.replicas=-1`.
    """

    name: str
    edits: tuple[tuple[Path, Any], ...]

    def of(self, obj: Body) -> Body:
        """The object with the edits made; places that it does not have are made."""
        made = copy.deepcopy(obj)
        for path, value in self.edits:
            target: Any = made
            for key in path[:-1]:
                if isinstance(target, dict) and target.get(key) is None:
                    target[key] = {}
                target = target[key]
            if value is not REMOVED:
                target[path[-1]] = copy.deepcopy(value)
            elif isinstance(target, list) or path[-1] in target:
                del target[path[-1]]
        return made

    def beside(self, other: Breakage) -> Breakage | None:
        """Both at once; None where one would undo the other."""
        for path, _ in self.edits:
            for place, _ in other.edits:
                shorter = min(len(path), len(place))
                if path[:shorter] == place[:shorter]:
                    return None
        return Breakage(f"{self.name} and {other.name}", self.edits + other.edits)


def collection_of(obj: Body, namespace: str) -> str:
    """The path at which an object is created."""
    group, _, version = obj["apiVersion"].rpartition("/")
    for served in catalog().resources:
        if (served.group, served.version, served.response_kind.kind) == (group, version, obj["kind"]):
            root = f"/apis/{group}/{version}" if group else f"/api/{version}"
            place = f"/namespaces/{namespace}" if served.namespaced else ""
            return f"{root}{place}/{served.resource}"
    raise LookupError(obj["kind"])


def has_status(kind: str) -> bool:
    """Whether the kind's status is written by itself."""
    return kind in STATUSES


def _breakage(path: Path, value: Any) -> Breakage:
    return Breakage(f"{'.'.join(map(str, path))}={repr(value)[:40]}", ((path, value),))


def breakages(kind: str, obj: Body) -> list[Breakage]:
    """Everything that is broken about the object, its metadata and status aside; then what does not fit."""
    name = catalog().kinds[f"{obj['apiVersion']}/{obj['kind']}"]
    broken = _broken(obj, TypeExpression("struct", name), (), template=False)
    found = [_breakage(path, value) for path, value in broken]
    edits = EDITS.get(kind, {}).items()
    return found + [Breakage(name, tuple(_flat(edit))) for name, edit in edits]


def _flat(edit: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """A merge patch as paths and values."""
    if isinstance(edit, dict) and edit and "=" not in edit:
        for key, value in edit.items():
            yield from _flat(value, (*path, key))
    else:
        if isinstance(edit, dict):
            edit = edit.get("=", edit)
        yield path, REMOVED if edit is None else edit


def part_breakages(struct: str, value: Any, path: Path) -> list[Breakage]:
    """Everything that is broken about a part of an object: a struct of this OpenAPI name, standing there."""
    broken = _broken(value, TypeExpression("struct", struct), path, template=False)
    return [_breakage(each, bad) for each, bad in broken]


def status_breakages(kind: str, obj: Body) -> list[Breakage]:
    """Everything that is broken about a status."""
    name = catalog().kinds[f"{obj['apiVersion']}/{obj['kind']}"]
    field = catalog().struct(name).fields["status"]
    status = STATUSES[kind]
    broken = _broken(status, field.type, ("status",), template=False)
    return [_breakage(path, value) for path, value in broken]


_OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}
METADATA: tuple[Breakage, ...] = tuple(
    Breakage(name, tuple(((("metadata", *path)), value) for path, value in edits.items()))
    for name, edits in (
        ("metadata.labels", {("labels",): {"Bad Key!": "x"}}),
        ("metadata.labels values", {("labels",): {"a": "Bad Value!", "b": "x" * 64}}),
        ("metadata.annotations", {("annotations",): {"Bad Key!": "x", "UPPER/key": "y", "a/b/c": "z"}}),
        ("metadata.annotations size", {("annotations",): {"a": "x" * 270_000}}),
        ("metadata.name", {("name",): "Bad Name!"}),
        ("metadata.name long", {("name",): "x" * 254}),
        ("metadata.generateName", {("name",): REMOVED, ("generateName",): "Bad-"}),
        ("metadata.no name", {("name",): REMOVED}),
        ("metadata.generation", {("generation",): -1}),
        ("metadata.finalizers", {("finalizers",): ["Bad!", "a.b/c"]}),
        ("metadata.finalizers plain", {("finalizers",): ["plain"]}),
        ("metadata.finalizers both", {("finalizers",): ["orphan", "foregroundDeletion"]}),
        ("metadata.ownerReferences", {("ownerReferences",): [dict.fromkeys(_OWNER, "")]}),
        ("metadata.ownerReferences two controllers",
         {("ownerReferences",): [{**_OWNER, "uid": uid, "controller": True} for uid in ("b", "c")]}),
        ("metadata.ownerReferences event", {("ownerReferences",): [{**_OWNER, "kind": "Event"}]}),
        ("metadata.ownerReferences twice", {("ownerReferences",): [_OWNER, _OWNER]}),
    )
)  # fmt: skip
METADATA_CHANGES: tuple[Breakage, ...] = tuple(
    Breakage(name, tuple(((("metadata", *path)), value) for path, value in edits.items()))
    for name, edits in (
        ("metadata.creationTimestamp", {("creationTimestamp",): "2001-01-01T00:00:00Z"}),
        ("metadata.uid removed", {("uid",): REMOVED}),
        ("metadata.resourceVersion removed", {("resourceVersion",): REMOVED}),
        ("metadata.deletionGracePeriodSeconds", {("deletionGracePeriodSeconds",): 5}),
        ("metadata.deletionTimestamp", {("deletionTimestamp",): "2001-01-01T00:00:00Z"}),
        ("metadata.selfLink", {("selfLink",): "/x"}),
        ("metadata.managedFields", {("managedFields",): []}),
    )
)


def _broken(value: Any, type: TypeExpression, path: Path, *, template: bool) -> Iterator[tuple[Path, Any]]:
    type = type.inner
    if type.shape == "struct" and isinstance(value, dict):
        for field in catalog().struct(type.name).fields.values():
            if not path and field.name in _SKIPPED:
                continue
            below = (*path, field.name)
            # Pods are broken as pods: in templates only what is there.
            inside = template or field.name == "template"
            if field.name in value:
                yield below, REMOVED
                yield from ((below, bad) for bad in _bad_values(field.type, value[field.name]))
                if not inside:
                    yield from ((below, bad) for bad in _more_values(field.type, value[field.name]))
                yield from _broken(value[field.name], field.type, below, template=inside)
            elif not template:
                yield from ((below, bad) for bad in _added_values(field.type))
    elif type.shape == "list" and isinstance(value, list) and value and type.element is not None:
        for index, item in enumerate(value):
            yield from _broken(item, type.element, (*path, index), template=template)
    elif type.shape == "map" and isinstance(value, dict) and value and type.element is not None:
        first = next(iter(value))
        yield (*path, "Bad Key!"), value[first]
        yield from (((*path, first), bad) for bad in _bad_values(type.element, value[first]))


def _bad_values(type: TypeExpression, value: Any) -> tuple[Any, ...]:
    type = type.inner
    match type.shape:
        case "scalar" if type.name.startswith(("int", "uint")):
            return tuple(bad for bad in _BAD_NUMBERS if bad != value)
        case "scalar" if type.name == "bool":
            return (not value,)
        case "scalar" if type.name.startswith(("float64", "[]byte", "bytes")):
            return ()
        case "scalar":
            return tuple(bad for bad in _BAD_TEXTS if bad != value)
        case "special":
            return _BAD_BY_SPECIAL.get(type.name, ())
        case "list":
            found: tuple[Any, ...] = ([],)
            if isinstance(value, list) and value:
                found += ([*value, value[0]],)
                if type.element is not None and type.element.inner.shape == "scalar":
                    found += tuple([bad] for bad in _bad_values(type.element, value[0]))
            return found
        case _:
            return ({},)


def _more_values(type: TypeExpression, value: Any) -> tuple[Any, ...]:
    """Values at the borders, and more of them than there may be."""
    type = type.inner
    match type.shape:
        case "scalar" if type.name.startswith(("int", "uint")):
            return tuple(bad for bad in _MORE_NUMBERS if bad != value)
        case "scalar" if type.name.startswith("string"):
            return tuple(bad for bad in _MORE_TEXTS if bad != value)
        case "special":
            return _MORE_BY_SPECIAL.get(type.name, ())
        case "list" if isinstance(value, list) and value:
            return (value * _MANY,)
        case _:
            return ()


def _added_values(type: TypeExpression) -> tuple[Any, ...]:
    """One value for a field that is left out."""
    type = type.inner
    match type.shape:
        case "scalar" if type.name.startswith(("int", "uint")):
            return (-1, 5)
        case "scalar" if type.name == "bool":
            return (True,)
        case "scalar" if type.name.startswith(("float64", "[]byte", "bytes")):
            return ()
        case "scalar":
            return ("Bad Value!",)
        case "special":
            return _BAD_BY_SPECIAL.get(type.name, ())[:1]
        case "list":
            if type.element is None:
                return ()
            if type.element.inner.shape == "struct":
                return ([{}],)
            return tuple([bad] for bad in _added_values(type.element))
        case "map":
            return tuple({"Bad Key!": each} for each in _added_values(type.element)) if type.element else ()
        case _:
            return ({},)


_STEP = 37


def pairs(found: list[Breakage]) -> list[Breakage]:
    """Each breakage together with another one, always the same."""
    made: list[Breakage] = []
    for index, each in enumerate(found):
        both = each.beside(found[(index * _STEP + _STEP) % len(found)])
        if both is not None:
            made.append(both)
    return made


def line_of(kind: str) -> str:
    """The line that the samples of a kind meet, whatever their form."""
    return f"kind: {kind.partition('/')[0]}"


def creations(kind: str, namespace: str) -> list[tuple[str, Ask]]:
    """The valid object of a kind, and each broken one, as creations that are only tried."""
    obj = samples(namespace)[kind]
    path = collection_of(obj, namespace)
    asked = [("valid", post(path, obj, dryRun="All").good(line_of(kind)))]
    found = [*METADATA, *breakages(kind, obj)]
    return asked + [(each.name, post(path, each.of(obj), dryRun="All")) for each in found]


def applications(kind: str, namespace: str) -> list[tuple[str, Ask]]:
    """The valid object of a kind, and each broken one, applied where there is none, as tries alone."""
    obj = samples(namespace)[kind]
    path = f"{collection_of(obj, namespace)}/{obj['metadata']['name']}"
    unbroken = Breakage("valid", ())
    found = [unbroken, *METADATA, *breakages(kind, obj)]
    return [(each.name, apply(path, each.of(obj), dryRun="All")) for each in found]


def pair_creations(kind: str, namespace: str) -> list[tuple[str, Ask]]:
    """The object with two things broken at once."""
    obj = samples(namespace)[kind]
    path = collection_of(obj, namespace)
    found = pairs(breakages(kind, obj))
    return [(each.name, post(path, each.of(obj), dryRun="All")) for each in found]
