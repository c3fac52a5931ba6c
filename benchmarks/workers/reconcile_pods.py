"""This project: the pod informer of a `Manager`, with a handler, two indexes, metrics and probes served.

`--mode` takes words joined by `+`: `stripped` (no managedFields are kept), `compressed`, `metadata`,
`watch-list`, `pages` and `asyncio` (the standard event loop even where uvloop is installed).
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from benchmarks.workers.protocol import Peer, arguments
from reconcile.api.core.v1 import Pod
from reconcile.informers.cached_object import CachedObject
from reconcile.informers.indexes import Index
from reconcile.informers.options import InformerOptions, ListMode
from reconcile.manager.manager import Manager
from reconcile.manager.options import ManagerOptions
from reconcile.objects.metadata import ObjectMetadata


@dataclass
class Handler:
    """Counts, and notes the resource version."""

    peer: Peer

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.peer.seen(int(obj.resource_version))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.peer.seen(int(new.resource_version))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        return


@dataclass
class AllPods:
    """Starts the informer when the driver says so."""

    manager: Manager
    metadata_only: bool
    peer: Peer = field(default_factory=Peer)
    name: str = "all-pods"
    needs_leader_election: bool = False

    async def run(self) -> None:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.peer.read = self._read
        self.peer.serve(lambda: loop.call_soon_threadsafe(started.set))
        await started.wait()
        informer = self.manager.informers.informer(Pod, metadata_only=self.metadata_only)
        informer.add_index(Index("app", metadata=_app))
        informer.add_index(Index("owner", metadata=_owners) if self.metadata_only else Index("spec.nodeName"))
        registration = informer.add_handler(Handler(self.peer))
        await informer.wait_synced()
        await registration.wait_synced()
        self.peer.synced(informer.stats().objects)
        await asyncio.Event().wait()

    def _read(self) -> None:
        if not self.metadata_only:
            for _ in self.manager.cache.list(Pod):
                pass


def _app(metadata: ObjectMetadata) -> tuple[str, ...]:
    return (metadata.labels.get("app", ""),)


def _owners(metadata: ObjectMetadata) -> tuple[str, ...]:
    return tuple([owner.uid for owner in metadata.owner_references])


def main() -> None:
    options = arguments()
    os.environ["KUBECONFIG"] = options.kubeconfig
    words = options.mode.split("+") if options.mode else []
    modes = {mode.value: mode for mode in ListMode}
    manager = Manager(
        health_address="127.0.0.1:0",
        metrics_address="127.0.0.1:0",
        options=ManagerOptions(
            log_format="console",
            log_level="warning",
            use_uvloop="asyncio" not in words,
            informers=InformerOptions(
                list_mode=next((modes[word] for word in words if word in modes), ListMode.STREAM),
                strip_managed_fields="stripped" in words,
                compress="compressed" in words,
            ),
        ),
    )
    manager.add(AllPods(manager, metadata_only="metadata" in words))
    manager.run()


if __name__ == "__main__":
    main()
