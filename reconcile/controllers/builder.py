"""The builder: a controller as a sentence, for what class attributes cannot say.

controller(DatabaseReconciler(config)).owns(StatefulSet).watches(Secret, to=by_secret).named("db")
"""

from __future__ import annotations

from typing import Any, Self

from reconcile.controllers.definition import ControllerDefinition, Owns, define
from reconcile.controllers.mappers import MapFunction, Mapper
from reconcile.controllers.options import ControllerOptions
from reconcile.controllers.predicates import Predicate
from reconcile.controllers.reconciler import Reconciler
from reconcile.controllers.watch import Read, Source, Watch
from reconcile.errors import ConfigurationError
from reconcile.informers.indexes import Index


class ControllerBuilder:
    """Collects what a controller watches; `Manager.add` takes it as it is. Adds to class attributes."""

    def __init__(self, reconciler: Reconciler[Any]) -> None:
        self._reconciler = reconciler
        self._kind: Any = None
        self._predicates: tuple[Predicate, ...] = ()
        self._every: tuple[Predicate, ...] = ()
        self._owns: tuple[Owns, ...] = ()
        self._watches: tuple[Watch, ...] = ()
        self._reads: tuple[Read, ...] = ()
        self._indexes: tuple[Index, ...] = ()
        self._sources: tuple[Source, ...] = ()
        self._options: ControllerOptions | None = None
        self._name = ""

    def reconciles(self, kind: Any, *, predicates: tuple[Predicate, ...] = ()) -> Self:
        """The primary kind, said once; its own predicates apply to it alone."""
        if self._kind is not None:
            raise ConfigurationError("reconciles() was called twice: a controller has one primary kind")
        self._kind = kind
        self._predicates = predicates
        return self

    def owns(self, kind: Any, *, every_owner: bool = False, predicates: tuple[Predicate, ...] = ()) -> Self:
        """A kind whose objects this controller creates for its primary ones."""
        self._owns = (*self._owns, Owns(kind, every_owner, predicates))
        return self

    def watches(
        self,
        kind: Any,
        *,
        to: Mapper | MapFunction | str,
        predicates: tuple[Predicate, ...] = (),
        labels: str = "",
        fields: str = "",
        priority: int | None = None,
    ) -> Self:
        """Another kind, and the mapper from its objects to keys, or the name of the reconciler's method."""
        self._watches = (*self._watches, Watch(kind, to, predicates, labels, fields, priority))
        return self

    def reads(
        self,
        kind: Any,
        *,
        indexes: tuple[Index, ...] = (),
        labels: str = "",
        fields: str = "",
        namespaces: tuple[str, ...] | None = None,
    ) -> Self:
        """A kind that is cached to be read, and whose changes reconcile nothing."""
        self._reads = (*self._reads, Read(kind, indexes, labels, fields, namespaces))
        return self

    def indexed_by(self, *indexes: Index) -> Self:
        """More ways to look up objects of the primary kind."""
        self._indexes = (*self._indexes, *indexes)
        return self

    def from_source(self, source: Source) -> Self:
        """Something that is not a watch, such as a `Channel`; predicates do not apply to it."""
        self._sources = (*self._sources, source)
        return self

    def with_predicates(self, *predicates: Predicate) -> Self:
        """Predicates for every watch of this controller, the primary one too."""
        self._every = (*self._every, *predicates)
        return self

    def with_options(self, options: ControllerOptions) -> Self:
        """In place of the reconciler's own options."""
        self._options = options
        return self

    def named(self, name: str) -> Self:
        """In place of the reconciler's own name."""
        self._name = name
        return self

    def build(self) -> ControllerDefinition:
        """The checked definition; raises `ConfigurationError`."""
        return define(
            self._reconciler,
            name=self._name,
            kind=self._kind,
            owns=self._owns,
            watches=self._watches,
            reads=self._reads,
            indexes=self._indexes,
            sources=self._sources,
            predicates=self._predicates,
            every_predicates=self._every,
            options=self._options,
        )


def controller(reconciler: Reconciler[Any]) -> ControllerBuilder:
    """Begin the sentence."""
    return ControllerBuilder(reconciler)
