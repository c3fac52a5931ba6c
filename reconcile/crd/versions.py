"""Which classes are versions of one kind, which of them is stored, and whether their names go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconcile.crd.notes import Note
from reconcile.crd.options import WebhookConversion
from reconcile.errors import ConfigurationError
from reconcile.objects.conversions import linked_versions
from reconcile.objects.custom import CustomResource
from reconcile.objects.identity import ResourceType

KEYWORDS: Final = frozenset(
    {
        "group",
        "version",
        "kind",
        "plural",
        "singular",
        "namespaced",
        "short_names",
        "categories",
        "status",
        "scale",
        "printer_columns",
        "selectable_fields",
        "deprecated",
        "served",
        "storage",
        "skip",
        "labels",
        "annotations",
        "conversion",
    }
)
_OF_THE_KIND: Final = ("singular", "short_names", "categories", "labels", "annotations", "conversion")
_GROUP: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_NAME: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VERSION: Final = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class VersionedKind:
    """A kind, and the classes that are its versions.

    Attributes:
        resource: of the stored version.
        versions: the newest and most stable first, as servers order them.
        storage: the stored one.
        notes: what is worth telling.
    """

    resource: ResourceType
    versions: tuple[type[CustomResource], ...]
    storage: type[CustomResource]
    notes: tuple[Note, ...] = ()

    def said(self, keyword: str) -> Any:
        """What the classes say of the kind; None if nothing."""
        return next((found for each in self.versions if (found := each.__crd_options__.get(keyword))), None)


def kinds_of(models: Iterable[type[CustomResource]]) -> list[VersionedKind]:
    """The kinds of classes, by group and plural. Versions that conversions lead to belong to theirs.

    Raises:
        ConfigurationError: a class is no kind or says something unknown, or classes do not go together.
    """
    found: dict[tuple[str, str], list[type[CustomResource]]] = {}
    linked = dict.fromkeys(each for given in models for each in linked_versions(_checked(given)))
    for model in linked:
        resource = _checked(model).__resource_type__
        if not model.__crd_options__.get("skip"):
            found.setdefault((resource.group, resource.kind), []).append(model)
    kinds = sorted(
        (_kind(versions) for versions in found.values()),
        key=lambda kind: (kind.resource.group, kind.resource.plural),
    )
    _check_clashes(kinds)
    return kinds


def _checked(model: Any) -> type[CustomResource]:
    if not (isinstance(model, type) and issubclass(model, CustomResource)):
        raise ConfigurationError(f"{model!r} is not a subclass of CustomResource")
    name = model.__name__
    resource: object = getattr(model, "__resource_type__", None)
    if not isinstance(resource, ResourceType):
        raise ConfigurationError(f"class {name}: the keywords group= and version= are missing")
    options = model.__crd_options__
    unknown = sorted(set(options) - KEYWORDS)
    if unknown:
        raise ConfigurationError(
            f"class {name}: unknown keyword {unknown[0]}=; there are {', '.join(sorted(KEYWORDS))}"
        )
    if not _GROUP.fullmatch(resource.group):
        raise ConfigurationError(
            f"class {name}: group={resource.group!r} is no DNS name with a dot, such as 'example.com'"
        )
    if not _NAME.fullmatch(resource.version):
        raise ConfigurationError(f"class {name}: version={resource.version!r} is no name such as 'v1alpha1'")
    short: object = options.get("short_names") or ()
    for keyword, words in (("plural", [resource.plural]), ("short_names", short)):
        if isinstance(words, str):
            raise ConfigurationError(f"class {name}: {keyword}= takes a list of names, got {words!r}")
        for word in words:  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
            if not isinstance(word, str) or not _NAME.fullmatch(word):
                raise ConfigurationError(
                    f"class {name}: {keyword}={word!r} is no name: lower-case letters, digits and '-'"
                )
    conversion = options.get("conversion")
    if conversion is not None and not isinstance(conversion, WebhookConversion):
        raise ConfigurationError(
            f"class {name}: conversion= takes a WebhookConversion(…), got {conversion!r}"
        )
    return model


def _kind(versions: Sequence[type[CustomResource]]) -> VersionedKind:
    seen: dict[str, type[CustomResource]] = {}
    for model in versions:
        resource = model.__resource_type__
        other = seen.setdefault(resource.version, model)
        if other is not model:
            raise ConfigurationError(
                f"two models for one kind: {_where(other)} and {_where(model)} are both "
                f"{resource.api_version} {resource.kind}; give one of them another version= or kind="
            )
    ordered = sorted(versions, key=lambda model: _priority(model.__resource_type__.version), reverse=True)
    first = ordered[0].__resource_type__
    for model in ordered[1:]:
        resource = model.__resource_type__
        for keyword in ("plural", "namespaced"):
            if getattr(resource, keyword) != getattr(first, keyword):
                raise ConfigurationError(
                    f"{_where(ordered[0])} and {_where(model)} are versions of {first.kind} and differ in "
                    f"{keyword}=; say the same in both"
                )
    for keyword in _OF_THE_KIND:
        said = [(m, m.__crd_options__[keyword]) for m in ordered if m.__crd_options__.get(keyword)]
        for model, value in said[1:]:
            if value != said[0][1]:
                raise ConfigurationError(
                    f"{_where(said[0][0])} and {_where(model)} are versions of {first.kind} and differ in "
                    f"{keyword}=; say it in one of them"
                )
    storage = _stored(ordered)
    if not any(model.__crd_options__.get("served", True) for model in ordered):
        raise ConfigurationError(
            f"{', '.join(map(_where, ordered))}: no version of {first.kind} is served; "
            "leave served=False out of one"
        )
    return VersionedKind(storage.__resource_type__, tuple(ordered), storage)


def _stored(versions: Sequence[type[CustomResource]]) -> type[CustomResource]:
    stored = [model for model in versions if model.__crd_options__.get("storage")]
    kind = versions[0].__resource_type__.kind
    if len(stored) > 1:
        raise ConfigurationError(
            f"two storage versions of {kind}: {_where(stored[0])} and {_where(stored[1])}; "
            "say storage=True in one of them"
        )
    if stored:
        return stored[0]
    if len(versions) > 1:
        raise ConfigurationError(
            f"{', '.join(map(_where, versions))} are versions of {kind}, and none is stored; "
            "say storage=True in one of them"
        )
    return versions[0]


def _priority(version: str) -> tuple[int, int, int, int, str]:
    """As servers order versions: stable before beta before alpha, then the higher number; others by name."""
    found = _VERSION.fullmatch(version)
    if not found:
        return (0, 0, 0, 0, version)
    major, stage, minor = found.groups()
    return (1, {None: 2, "beta": 1, "alpha": 0}[stage], int(major), int(minor or 0), "")


def _check_clashes(kinds: Sequence[VersionedKind]) -> None:
    """Names are taken once in a group: kinds, and whatever kubectl may be asked for."""
    taken: dict[tuple[str, str], VersionedKind] = {}
    for kind in kinds:
        resource = kind.resource
        words: Mapping[str, None] = dict.fromkeys(
            [
                resource.plural,
                kind.said("singular") or resource.kind.lower(),
                *(kind.said("short_names") or ()),
            ]
        )
        for word in words:
            other = taken.setdefault((resource.group, word), kind)
            if other is not kind:
                raise ConfigurationError(
                    f"{_where(other.storage)} and {_where(kind.storage)} are two kinds of {resource.group} "
                    f"with one name, {word!r}; give one of them another plural=, singular= or short_names="
                )


def _where(model: type[CustomResource]) -> str:
    return f"{model.__module__}.{model.__qualname__}"
