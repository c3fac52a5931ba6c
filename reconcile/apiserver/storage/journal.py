"""Objects kept in a file: one SQLite database, one transaction a write.

A write is in the file before it is in memory, so that what a client was told is there whatever happens next:
the process may be killed at any moment. The history of changes is not kept; after a restart it begins with
what is there, at the revision that the last write made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from reconcile.apiserver.storage.collection import Change, StoredObject
from reconcile.apiserver.storage.sorted_map import SortedMap
from reconcile.errors import ConfigurationError

FILE: Final = "storage.sqlite3"
_FORMAT: Final = 1
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS objects (
    collection TEXT NOT NULL, key TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    uid TEXT NOT NULL, revision INTEGER NOT NULL, raw BLOB NOT NULL, labels BLOB NOT NULL,
    fields BLOB NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT: Final = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM objects WHERE collection = ? AND key = ?"
_REVISION: Final = "INSERT OR REPLACE INTO state VALUES ('revision', ?)"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Kept(NamedTuple):
    """What a journal holds: the last revision, and the objects by collection."""

    revision: int
    collections: dict[str, SortedMap[StoredObject]]


class Journal:
    """The file of one server, opened for it alone.

    Blocks while it writes: each write waits until the disk has it.
    """

    def __init__(self, directory: Path) -> None:
        """Raises ConfigurationError when the file cannot be used, or another server does."""
        path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, isolation_level=None, timeout=0.0)
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            hint = "another server uses it" if "locked" in str(error) else str(error)
            raise ConfigurationError(f"cannot keep objects in {path}: {hint}") from error

    def _prepare(self, path: Path) -> None:
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        self._database.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
        run("INSERT OR IGNORE INTO state VALUES ('format', ?)", (_FORMAT,))
        (found,) = run("SELECT value FROM state WHERE name = 'format'").fetchone()
        if found != _FORMAT:
            raise ConfigurationError(
                f"cannot keep objects in {path}: it has the format {found} of another version of this "
                "program; use that one, or another directory"
            )

    def load(self) -> Kept | None:
        """What is kept; None in a new file."""
        found = self._database.execute("SELECT value FROM state WHERE name = 'revision'").fetchone()
        if found is None:
            return None
        collections: dict[str, SortedMap[StoredObject]] = {}
        rows: Iterator[tuple[str, str, str, str, str, int, bytes, bytes, bytes]] = self._database.execute(
            "SELECT * FROM objects ORDER BY collection, key"
        )
        for collection, key, namespace, name, uid, revision, raw, labels, fields in rows:
            item = StoredObject(namespace, name, uid, revision, bytes(raw), _decode(labels), _decode(fields))
            held = collections.get(collection)
            collections[collection] = (SortedMap() if held is None else held).set(key, item)
        return Kept(found[0], collections)

    def write(self, collection: str, change: Change) -> None:
        """Keep one change. Raises sqlite3.Error when it cannot be kept; nothing is changed then."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            if change.type == "DELETED":
                run(_DELETE, (collection, change.object.key))
            else:
                run(_PUT, _row(collection, change.object))
            run(_REVISION, (change.revision,))
            run("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise

    def replace(self, revision: int, collections: Mapping[str, Iterable[StoredObject]]) -> None:
        """Keep these objects and no others."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            run("DELETE FROM objects")
            for name, objects in collections.items():
                self._database.executemany(_PUT, (_row(name, item) for item in objects))
            run(_REVISION, (revision,))
            run("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._database.close()


def _row(collection: str, item: StoredObject) -> tuple[str, str, str, str, str, int, bytes, bytes, bytes]:
    return (
        collection,
        item.key,
        item.namespace,
        item.name,
        item.uid,
        item.resource_version,
        item.raw,
        _encode(dict(item.labels)),
        _encode(dict(item.fields)),
    )
