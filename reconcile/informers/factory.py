"""All informers of one client: made once for each resource, scope and selection, and shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconcile.client.addressing import field_text, label_text
from reconcile.errors import CacheNotSyncedError, ConfigurationError, NotCachedError
from reconcile.informers.cached_object import Detail
from reconcile.informers.decoding import wanted_detail
from reconcile.informers.informer import Informer, Transform
from reconcile.informers.options import InformerOptions
from reconcile.informers.reading import StoreReader
from reconcile.informers.status import StreamStatus
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import resource_type_of
from reconcile.runtime import Runtime, SystemRuntime

if TYPE_CHECKING:
    from reconcile.informers.source import RawClient


class InformerFactory:
    """Makes informers and shares them; starts and stops them together or one by one.

    Args:
        client: where to list and watch.
        runtime: dice for jitter; the system's by default.
        options: modes and times for all informers.
        namespaces: what informers watch unless they are asked for otherwise; None for the whole cluster.
        log: a bound structlog logger; a new one by default.
        reader: puts a reader in front of an informer's own one (the read-your-writes overlay).
        on_status: told when a stream's condition changes.
        transforms: for a resource, what to keep of each object's JSON on arrival; such objects count as
            stripped: they cannot be written back by a PUT.
    """

    def __init__(
        self,
        client: RawClient,
        runtime: Runtime | None = None,
        options: InformerOptions | None = None,
        *,
        namespaces: Sequence[str] | None = None,
        log: Any = None,
        reader: Callable[[Informer, StoreReader], StoreReader] | None = None,
        on_status: Callable[[Informer, StreamStatus], None] | None = None,
        transforms: Mapping[ResourceType, Transform] | None = None,
    ) -> None:
        self.client = client
        self.options = options or InformerOptions()
        self.namespaces = _scope(namespaces)
        # Counts the informers that came and went, so that look-ups can be remembered.
        self.generation = 0
        self._runtime = runtime or SystemRuntime()
        self._log = log if log is not None else _new_log()
        self._reader = reader
        self._on_status = on_status
        self._transforms = dict(transforms or {})
        self._informers: dict[tuple[ResourceType, tuple[str, ...] | None, str, str], Informer] = {}
        # Who asked for each informer: an informer goes when the last of them lets it go.
        self._holders: dict[Informer, list[object]] = {}
        self._started = False

    @property
    def informers(self) -> Sequence[Informer]:
        """Every informer, in the order in which they were first asked for."""
        return tuple(self._informers.values())

    def informer(
        self,
        kind: Any,
        *,
        namespaces: Sequence[str] | None = None,
        labels: Any = None,
        fields: Any = None,
        metadata_only: bool = False,
        detail: Detail | None = None,
        holder: object | None = None,
    ) -> Informer:
        """The informer of a kind in a scope; made, and started if the factory is, when nobody asked before.

        All forms of a kind share one informer. A request for more than it brings (whole objects where
        there was only metadata) upgrades it: it lists and watches anew beside its live store.

        Args:
            kind: which kind; `MetadataOnly(…)` as `metadata_only`.
            namespaces: what to watch: the factory's default, or these; `[""]` for all.
            labels, fields: selectors, as text or mapping.
            metadata_only: that much is enough.
            detail: exactly how much of each object is needed, instead.
            holder: who needs it, until `release(holder)`; None: it stays until it is removed.
        """
        resource = resource_type_of(kind)
        scope = (
            (self.namespaces if namespaces is None else _scope(namespaces)) if resource.namespaced else None
        )
        labels_text = label_text(labels) if labels else ""
        fields_text = field_text(fields) if fields else ""
        if detail is None:
            stripped = self.options.strip_managed_fields or resource in self._transforms
            detail = Detail.METADATA if metadata_only else wanted_detail(kind, stripped=stripped)
        place = (resource, scope, labels_text, fields_text)
        informer = self._informers.get(place)
        if informer is not None:
            informer.require(detail)
            self._hold(informer, holder)
            return informer
        informer = Informer(
            self.client,
            resource,
            runtime=self._runtime,
            log=self._log,
            namespaces=scope,
            labels=labels_text,
            fields=fields_text,
            detail=detail,
            options=self.options,
            transform=self._transforms.get(resource),
            reader=self._reader,
            on_status=self._on_status,
        )
        self._informers[place] = informer
        self._hold(informer, holder)
        self.generation += 1
        if self._started:
            informer.start()
        return informer

    def find(self, resource: ResourceType, *, namespace: str | None = None) -> Informer:
        """The informer that answers reads of a resource in a namespace (None or empty: in all of them).

        Raises:
            NotCachedError: there is none, or more than one that would answer differently.
        """
        present = [informer for informer in self._informers.values() if informer.resource == resource]
        if not present:
            raise NotCachedError(
                f"nobody watches {resource.group_resource}: declare it (owns, watches or reads of a "
                f"reconciler, or an informer of the factory), or read it live with the client"
            )
        wanted = namespace if namespace and resource.namespaced else None
        covering = [
            i for i in present if i.namespaces is None or (wanted is not None and wanted in i.namespaces)
        ]
        if not covering and wanted is None:
            # "All" then means all that are watched.
            covering = present
        if not covering:
            watched = sorted({name for i in present for name in i.namespaces or ()})
            raise NotCachedError(
                f"{resource.group_resource} is not watched in namespace {wanted!r}, "
                f"only in: {', '.join(watched)}"
            )
        whole = [i for i in covering if not i.labels and not i.fields]
        for choice in (whole, covering):
            widest = [i for i in choice if i.namespaces is None] or choice
            if len(widest) == 1 or (widest and choice is whole and wanted is not None):
                return widest[0]
            preferred = [i for i in widest if i.namespaces == self.namespaces]
            if len(preferred) == 1 and choice is whole:
                return preferred[0]
        names = "; ".join(map(repr, covering))
        raise NotCachedError(
            f"several informers of {resource.group_resource} would answer differently: {names}; "
            "read the one you mean with Lister(informer, kind)"
        )

    async def start(self) -> None:
        """Start every informer, and from now on each new one at once. Does not wait for them to sync."""
        self._started = True
        for informer in self.informers:
            informer.start()

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Return when every informer has synced.

        Raises:
            CacheNotSyncedError: not within `timeout` seconds; names each that has not, and why.
        """
        waits = [informer.wait_synced(timeout) for informer in self.informers]
        results = await asyncio.gather(*waits, return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        for error in failed:
            if not isinstance(error, CacheNotSyncedError):
                raise error
        if failed:
            raise CacheNotSyncedError("\n".join(str(error) for error in failed))

    def resource_available(self, resource: ResourceType) -> None:
        """Let informers of a resource that wait for it try now: its CRD was established."""
        for informer in self.informers:
            if informer.resource.group_resource == resource.group_resource:
                informer.retry_now()

    def _hold(self, informer: Informer, holder: object | None) -> None:
        holders = self._holders.setdefault(informer, [])
        who = self if holder is None else holder
        if not any(each is who for each in holders):
            holders.append(who)

    async def release(self, holder: object) -> None:
        """Remove the informers of `holder` that nobody else asked for, and that no handler listens to."""
        for informer in self.informers:
            holders = self._holders.get(informer, [])
            if not any(each is holder for each in holders):
                continue
            others = self._holders[informer] = [each for each in holders if each is not holder]
            if not others and not informer.has_handlers:
                await self.remove(informer)

    async def remove(self, informer: Informer) -> None:
        """Stop an informer and forget it: reads of it are errors from now on, its handlers hear no more."""
        for place, present in list(self._informers.items()):
            if present is informer:
                del self._informers[place]
                self._holders.pop(informer, None)
                self.generation += 1
        await informer.stop()

    async def stop(self) -> None:
        """Stop every informer. The factory and its informers cannot be started again."""
        self._started = False
        await asyncio.gather(*(informer.stop() for informer in self.informers))


def _scope(namespaces: Sequence[str] | None) -> tuple[str, ...] | None:
    """Namespaces in a canonical form; None for all."""
    if namespaces is None:
        return None
    if isinstance(namespaces, str):
        raise ConfigurationError(f"namespaces must be a list of names, not the text {namespaces!r}")
    names = tuple(sorted(dict.fromkeys(namespaces)))
    if "" in names:
        return None
    if not names:
        raise ConfigurationError("namespaces is empty: name at least one, or give None for all of them")
    return names


def _new_log() -> Any:
    import structlog

    return structlog.get_logger("reconcile.informers")
