"""Conversions between the versions of a kind, in Python.

    @conversion(DatabaseV1Beta1, DatabaseV1)
    def to_v1(old: DatabaseV1Beta1) -> DatabaseV1:
        return DatabaseV1(spec=DatabaseSpec(size=old.spec.machine))

A function says spec and status; the object's metadata is carried over. Where it gives metadata too, labels
and annotations are taken from there: what one version cannot say may be kept in an annotation. It belongs to
the two classes and to nothing else: there is no registry. Versions without a function between them are
reached through others, by the fewest steps.
"""

from __future__ import annotations

import copy
import inspect
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, cast

from reconcile.errors import ConfigurationError
from reconcile.objects.custom import CustomResource
from reconcile.objects.meta import ObjectMeta

Source = TypeVar("Source", bound=CustomResource)
Target = TypeVar("Target", bound=CustomResource)

_FROM: Final = "__conversions__"
_TO: Final = "__converted_from__"


class NoConversionError(ConfigurationError):
    """No function, and no chain of them, leads from one version of a kind to another."""


def conversion(
    source: type[Source], target: type[Target]
) -> Callable[[Callable[[Source], Target]], Callable[[Source], Target]]:
    """Say that a function makes an object of one version from one of another; the function stays as it is.

    Raises:
        ConfigurationError: the two are not versions of one kind, or there is such a function already.
    """
    one, other = _resource(source), _resource(target)
    if (one.group, one.kind) != (other.group, other.kind) or one.version == other.version:
        raise ConfigurationError(
            f"conversion({source.__name__}, {target.__name__}): {one.api_version} {one.kind} and "
            f"{other.api_version} {other.kind} are not two versions of one kind"
        )

    def register(function: Callable[[Source], Target]) -> Callable[[Source], Target]:
        known = _own(source, _FROM)
        if target in known:
            raise ConfigurationError(
                f"two conversions from {source.__name__} to {target.__name__}: "
                f"{known[target].__name__} and {function.__name__}; keep one"
            )
        if inspect.iscoroutinefunction(function):
            raise ConfigurationError(
                f"the conversion {function.__name__} is async: it answers the API server, and may not wait"
            )
        known[target] = function
        _own(target, _TO)[source] = function
        return function

    return register


def convert(obj: CustomResource, target: type[Target]) -> Target:
    """The object in another version of its kind; a new one, with a copy of its metadata.

    Raises:
        NoConversionError: no functions lead there.
    """
    found: CustomResource = obj
    for step in _path(type(obj), target):
        made = _own(type(found), _FROM)[step](found)
        if not isinstance(made, step):
            raise ConfigurationError(
                f"the conversion from {type(found).__name__} to {step.__name__} returned "
                f"{type(made).__name__}"
            )
        _keep_metadata(found, made)
        found = made
    if found is obj:
        return cast("Target", obj.model_copy(deep=True))
    return cast("Target", found)


def _keep_metadata(before: CustomResource, after: CustomResource) -> None:
    """A conversion may change labels and annotations; it says so by giving metadata at all."""
    metadata = copy.deepcopy(before.metadata)
    if after.metadata != ObjectMeta():
        metadata.labels = dict(after.metadata.labels)
        metadata.annotations = dict(after.metadata.annotations)
    after.metadata = metadata


def linked_versions(model: type[CustomResource]) -> tuple[type[CustomResource], ...]:
    """The class, and the versions of its kind that conversions connect it with."""
    found: dict[type[CustomResource], None] = {model: None}
    waiting = deque([model])
    while waiting:
        each = waiting.popleft()
        for other in (*vars(each).get(_FROM, ()), *vars(each).get(_TO, ())):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return tuple(found)


def complete_versions(model: type[CustomResource]) -> tuple[type[CustomResource], ...]:
    """`linked_versions`, of which each converts to each other.

    Raises:
        ConfigurationError: there is only one version, or functions between two of them are missing.
    """
    versions = linked_versions(model)
    if len(versions) < 2:
        raise ConfigurationError(f"{model.__name__} has no conversions: write some with @conversion(…)")
    for source, target in missing_conversions(versions):
        raise ConfigurationError(
            f"no conversion leads from {source.__name__} to {target.__name__}: a server asks for every pair, "
            f"and objects could not come back; write one: @conversion({source.__name__}, {target.__name__})"
        )
    return versions


def missing_conversions(
    models: Iterable[type[CustomResource]],
) -> list[tuple[type[CustomResource], type[CustomResource]]]:
    """Pairs of versions, source and target, that no functions lead between."""
    versions = list(models)
    found: list[tuple[type[CustomResource], type[CustomResource]]] = []
    for source in versions:
        for target in versions:
            try:
                _path(source, target)
            except NoConversionError:
                found.append((source, target))
    return found


def _path(source: type[CustomResource], target: type[CustomResource]) -> list[type[CustomResource]]:
    before: dict[type[CustomResource], type[CustomResource] | None] = {source: None}
    waiting = deque([source])
    while waiting and target not in before:
        each = waiting.popleft()
        for other in _own(each, _FROM):
            if other not in before:
                before[other] = each
                waiting.append(other)
    if target not in before:
        raise NoConversionError(
            f"no conversion leads from {source.__name__} to {target.__name__}; "
            f"write one: @conversion({source.__name__}, {target.__name__})"
        )
    path: list[type[CustomResource]] = []
    step: type[CustomResource] | None = target
    while step is not None and step is not source:
        path.insert(0, step)
        step = before[step]
    return path


def _own(model: type[CustomResource], name: str) -> dict[type[CustomResource], Any]:
    """What the class itself has, not a base of it."""
    if name not in vars(model):
        setattr(model, name, {})
    return vars(model)[name]


def _resource(model: type[CustomResource]) -> Any:
    found = getattr(model, "__resource_type__", None)
    if found is None:
        raise ConfigurationError(f"class {model!r} is no kind: the keywords group= and version= are missing")
    return found
