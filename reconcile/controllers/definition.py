"""What one controller is: a reconciler with everything it said about itself, checked before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import FunctionType
from typing import Any, TypeVar, cast, get_args, get_origin

from reconcile.controllers.finalizers import Finalizer
from reconcile.controllers.mappers import MapFunction, Mapper, to_owner
from reconcile.controllers.options import ControllerOptions
from reconcile.controllers.predicates import Predicate
from reconcile.controllers.reconciler import ObjectReconciler, Reconciler
from reconcile.controllers.watch import Read, Source, Watch
from reconcile.errors import ConfigurationError
from reconcile.informers.indexes import Index
from reconcile.objects.codecs import codec_for
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of


@dataclass(frozen=True, slots=True)
class Owns:
    """A kind that a controller owns, where naming it in `owns` does not say enough.

    Attributes:
        kind: the owned kind.
        every_owner: also follow owner references that are not marked `controller`.
        predicates: all must accept a change.
    """

    kind: Any
    every_owner: bool = False
    predicates: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class ControllerDefinition:
    """A checked controller, ready to be run by a manager.

    Attributes:
        name: unique in its manager.
        reconciler: the user's object.
        kind: the primary kind.
        takes_object: whether `reconcile` is given the object rather than a request.
        watches: every watch but the primary one; owned kinds first.
        reads: what is cached only to be read.
        indexes: of the primary kind.
        predicates, labels, fields: of the primary watch.
        sources: what else asks for reconciles.
        finalizers: in the order in which they run.
        options: concurrency, time-outs, backoff.
    """

    name: str
    reconciler: Reconciler[Any]
    kind: Any
    takes_object: bool
    watches: tuple[Watch, ...]
    reads: tuple[Read, ...]
    indexes: tuple[Index, ...]
    predicates: tuple[Predicate, ...]
    labels: str
    fields: str
    sources: tuple[Source, ...]
    finalizers: tuple[Finalizer, ...]
    options: ControllerOptions

    @property
    def resource_type(self) -> ResourceType:
        return resource_type_of(self.kind)


def define(
    reconciler: Reconciler[Any],
    *,
    name: str = "",
    kind: Any = None,
    owns: tuple[Any, ...] = (),
    watches: tuple[Watch, ...] = (),
    reads: tuple[Any, ...] = (),
    indexes: tuple[Index, ...] = (),
    sources: tuple[Source, ...] = (),
    predicates: tuple[Predicate, ...] = (),
    every_predicates: tuple[Predicate, ...] = (),
    options: ControllerOptions | None = None,
) -> ControllerDefinition:
    """The definition of a reconciler; arguments add to its class attributes, or take their place.

    Raises `ConfigurationError` that names the class and attribute for a missing or unknown kind, a method
    with a wrong signature, a finalizer without `finalize`, or a value of a wrong type.
    """
    if isinstance(reconciler, type):
        raise ConfigurationError(
            f"{reconciler.__name__} is a class: give the manager an instance, {reconciler.__name__}()"
        )
    if not isinstance(reconciler, Reconciler):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"{type(reconciler).__name__} is not a reconciler: derive it from Reconciler or ObjectReconciler"
        )
    primary = kind if kind is not None else _kind_of(reconciler)
    resource_type = _checked_kind(reconciler, primary, "kind")
    takes_object = isinstance(reconciler, ObjectReconciler)
    _check_method(reconciler, "reconcile", ("obj",) if takes_object else ("request",))
    _check_method(reconciler, "on_error", ("obj", "error"), required=False)
    owned = tuple(
        _owned_watch(reconciler, each, primary, every_predicates) for each in (*reconciler.owns, *owns)
    )
    watched = tuple(
        _checked_watch(reconciler, each, every_predicates) for each in (*reconciler.watches, *watches)
    )
    return ControllerDefinition(
        name=name or reconciler.name or resource_type.kind.lower(),
        reconciler=reconciler,
        kind=primary,
        takes_object=takes_object,
        watches=(*owned, *watched),
        reads=tuple(_checked_read(reconciler, each) for each in (*reconciler.reads, *reads)),
        indexes=_checked_indexes(reconciler, (*reconciler.indexes, *indexes), "indexes"),
        predicates=(*reconciler.predicates, *predicates, *every_predicates),
        labels=reconciler.labels,
        fields=reconciler.fields,
        sources=(*reconciler.sources, *sources),
        finalizers=_finalizers_of(reconciler),
        options=options or reconciler.options,
    )


def _finalizers_of(reconciler: Reconciler[Any]) -> tuple[Finalizer, ...]:
    found: list[Finalizer] = []
    if reconciler.finalizer:
        _check_method(
            reconciler, "finalize", ("obj",), reason=f"finalizer = {reconciler.finalizer!r} needs it"
        )
        found.append(Finalizer(reconciler.finalizer, reconciler.finalize))
    elif _method(reconciler, "finalize") is not None:
        raise ConfigurationError(
            f"{_class(reconciler)} defines finalize() but no finalizer: add `finalizer = "
            '"<domain>/<name>"`, or it would never be called'
        )
    found.extend(reconciler.finalizers)
    names = [each.name for each in found]
    for name in names:
        if "/" not in name:
            raise ConfigurationError(
                f"{_class(reconciler)}: finalizer {name!r} must have the form <domain>/<name>; the server "
                "takes no other"
            )
        if names.count(name) > 1:
            raise ConfigurationError(f"{_class(reconciler)}: finalizer {name!r} is given twice")
    return tuple(found)


def _owned_watch(
    reconciler: Reconciler[Any], owned: Any, primary: Any, every: tuple[Predicate, ...]
) -> Watch:
    given = owned if isinstance(owned, Owns) else Owns(owned)
    _checked_kind(reconciler, given.kind, "owns")
    mapper = to_owner(primary, controller_only=not given.every_owner)
    return Watch(given.kind, mapper, predicates=(*given.predicates, *every))


def _checked_watch(reconciler: Reconciler[Any], watch: Any, every: tuple[Predicate, ...]) -> Watch:
    if not isinstance(watch, Watch):
        raise ConfigurationError(
            f"{_class(reconciler)}.watches: expected Watch(kind, to=mapper), got {watch!r}"
        )
    _checked_kind(reconciler, watch.kind, "watches")
    return replace(watch, to=_mapper(reconciler, watch), predicates=(*watch.predicates, *every))


def _mapper(reconciler: Reconciler[Any], watch: Watch) -> Mapper | MapFunction:
    """What `to` says: a method by its name, a function of the class's body, or a mapper as it is."""
    to = watch.to
    where = f"{_class(reconciler)}.watches: Watch({resource_type_of(watch.kind).kind}, to={to!r})"
    if isinstance(to, str):
        method = _method(reconciler, to)
        if method is None:
            close = get_close_matches(to, dir(reconciler), n=1)
            meant = f"did you mean {close[0]!r}?" if close else "define it, or give a mapper"
            raise ConfigurationError(f"{where} names no method of {_class(reconciler)}: {meant}")
        to = method
    elif isinstance(to, FunctionType) and _is_of_class(reconciler, to):
        to = to.__get__(reconciler)
    elif isinstance(to, Mapper):
        return to
    if not callable(to):
        raise ConfigurationError(f"{where} is neither a mapper nor a function nor the name of a method")
    if inspect.iscoroutinefunction(to):
        raise ConfigurationError(
            f"{where} is async: a mapper runs for every event and may not wait; read from self.cache"
        )
    try:
        inspect.signature(to).bind("object")
    except TypeError:
        raise ConfigurationError(f"{where} must take one object of the kind and return keys") from None
    except ValueError:
        pass  # a builtin that does not tell its signature
    return to


def _is_of_class(reconciler: Reconciler[Any], function: Callable[..., Any]) -> bool:
    """Whether the function stands in the body of the reconciler's class, where it is a method to be."""
    return any(vars(cls).get(function.__name__) is function for cls in type(reconciler).__mro__)


def _checked_read(reconciler: Reconciler[Any], given: Any) -> Read:
    read = given if isinstance(given, Read) else Read(given)
    _checked_kind(reconciler, read.kind, "reads")
    _checked_indexes(reconciler, read.indexes, "reads")
    return read


def _checked_indexes(
    reconciler: Reconciler[Any], indexes: tuple[Any, ...], attribute: str
) -> tuple[Index, ...]:
    for index in indexes:
        if not isinstance(index, Index):
            raise ConfigurationError(
                f'{_class(reconciler)}.{attribute}: expected an Index such as Index("spec.nodeName"), '
                f"got {index!r}"
            )
    return indexes


def _checked_kind(reconciler: Reconciler[Any], kind: Any, attribute: str) -> ResourceType:
    try:
        resource_type = resource_type_of(kind)
        codec_for(kind)
    except ConfigurationError as error:
        raise ConfigurationError(f"{_class(reconciler)}.{attribute}: {error}") from None
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"{_class(reconciler)}.{attribute}: the fields of {kind!r} cannot be read: {error}"
        ) from error
    return resource_type


def _class(reconciler: Reconciler[Any]) -> str:
    return type(reconciler).__name__


# -- the kind a class says by its generic argument -------------------------------------------------


def _kind_of(reconciler: Reconciler[Any]) -> Any:
    if reconciler.kind is not None:
        return reconciler.kind
    cls = type(reconciler)
    argument = _generic_argument(cls)
    how = f"write `class {cls.__name__}(ObjectReconciler[YourKind])` or set `kind = YourKind`"
    if argument is None or isinstance(argument, TypeVar):
        raise ConfigurationError(f"{cls.__name__} does not say which kind it reconciles: {how}")
    if isinstance(argument, type | ResourceType | MetadataOnly):
        return argument
    raise ConfigurationError(f"{cls.__name__}: its generic argument {argument!r} is no kind: {how}")


def _generic_argument(cls: type[Any]) -> Any:
    """What `Reconciler`'s type variable stands for in `cls`, through every generic class between."""
    if cls in (Reconciler, ObjectReconciler):
        return cast("Any", cls).__parameters__[0]
    bases: tuple[Any, ...] = getattr(cls, "__orig_bases__", cls.__bases__)
    for base in bases:
        origin = get_origin(base) or base
        if not (isinstance(origin, type) and issubclass(origin, Reconciler)):
            continue
        argument = _generic_argument(cast("type[Any]", origin))
        arguments = get_args(base)
        if isinstance(argument, TypeVar):
            parameters = cast("tuple[Any, ...]", getattr(cast("Any", origin), "__parameters__", ()))
            if not arguments or argument not in parameters:
                return None
            argument = arguments[parameters.index(argument)]
        if argument is not None:
            return argument
    return None


# -- signatures ------------------------------------------------------------------------------------


def _method(reconciler: Reconciler[Any], name: str) -> Callable[..., Any] | None:
    found = getattr(reconciler, name, None)
    return found if callable(found) else None


def _check_method(
    reconciler: Reconciler[Any],
    name: str,
    parameters: tuple[str, ...],
    *,
    required: bool = True,
    reason: str = "",
) -> None:
    where = f"{_class(reconciler)}.{name}"
    form = f"async def {name}(self, {', '.join(parameters)}, /)"
    method = _method(reconciler, name)
    if method is None:
        if required:
            raise ConfigurationError(f"{where} is missing: define `{form}`{'; ' + reason if reason else ''}")
        return
    if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
        raise ConfigurationError(f"{where} is a generator, so it would never run: return instead of yield")
    signature = inspect.signature(method)
    try:
        signature.bind(*parameters)
    except TypeError:
        raise ConfigurationError(
            f"{where}{signature} must take {' and '.join(parameters)}: write `{form}`, "
            "or the same as a plain def"
        ) from None
