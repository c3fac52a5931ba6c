"""Every write that the server of a test carried out, in order: for probes, and for comparing two runs.

    cluster.on_write(lambda write: …)     called at each write, before anyone else can know of it
    history = cluster.record()            keeps all writes from now on
    history.text()                        one line a write; two runs of one seed give the same text

What is written is the whole object as stored, so that times, uids, resource versions and managed fields
are part of the comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from reconcile.apiserver.storage import Change, Storage
from reconcile.objects.codecs import codec_for
from reconcile.objects.identity import ObjectKey


@dataclass(frozen=True, slots=True)
class ServerWrite:
    """One object's change on the server.

    Attributes:
        at: seconds of virtual time since the cluster was made.
        what: what became of the object.
        resource: as in a path of the API: `pods`, `deployments.apps`, `databases.example.com`.
        key: of the object.
        resource_version: of the write.
        raw: the object as stored, JSON; of one that was deleted its last state.
    """

    at: float
    what: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: str
    key: ObjectKey
    resource_version: int
    raw: bytes

    def decode(self, kind: Any) -> Any:
        """The object as a kind; the caller's own."""
        return codec_for(kind).decode(self.raw)

    def line(self) -> str:
        """All of it as one line of text."""
        head = f"{self.at:.6f} {self.what} {self.resource} {self.key} {self.resource_version}"
        return f"{head} {self.raw.decode()}"


class History:
    """The writes of a server since this was made."""

    def __init__(self) -> None:
        self.writes: list[ServerWrite] = []

    def __len__(self) -> int:
        return len(self.writes)

    def of(self, resource: str, key: ObjectKey | str | None = None) -> list[ServerWrite]:
        """The writes to one resource, or to one object."""
        wanted = ObjectKey.parse(key) if isinstance(key, str) else key
        return [write for write in self.writes if write.resource == resource and wanted in (None, write.key)]

    def text(self) -> str:
        """One line a write: time, what, resource, key, resource version and the whole object."""
        return "".join(f"{write.line()}\n" for write in self.writes)


class Probes:
    """Tells others of a storage's writes; what they raise is kept for the test, not for the writer."""

    def __init__(self, storage: Storage, time: Callable[[], float]) -> None:
        self._storage = storage
        self._time = time
        self._failure: BaseException | None = None

    def add(self, probe: Callable[[ServerWrite], object]) -> Callable[[], None]:
        """Call `probe` at each write; returns what ends that."""

        def feed(resource: str, change: Change) -> None:
            item = change.object
            key = ObjectKey(item.namespace, item.name)
            write = ServerWrite(self._time(), change.type, resource, key, change.revision, item.raw)
            try:
                probe(write)
            except BaseException as error:
                self._failure = self._failure or error

        return self._storage.feed(feed)

    def raise_failure(self) -> None:
        """Raise what a probe raised first since the last call."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
