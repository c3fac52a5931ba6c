"""What is known of one key beyond what the store has heard, and when the store has caught up. Pure.

A record is the newest answer of the server about a key: an object to be shown, or that there is none.
Versions of one resource are ordered (the API's rule for comparable resource versions), and a stream that has
reached a version has brought everything up to it; from these two facts alone follows what a reader sees, and
when a record has served:

* A shown object is needed until the store holds a version as new, or the stream has passed its version.
* A deleted incarnation (by UID) is hidden while the store still holds it, and until the stream has passed a
  version at which it is known to have existed: from then on the store can only have heard of its end. (With a
  selector it may have been out of sight at that version; then a version after its end is needed.)
* A key that had nothing to be seen as of a version (moved out of the selection, absent from a live list)
  hides everything up to that version, until the stream has passed it.

A version that cannot be compared proves nothing by its order: such a record serves until the store holds this
very version, its incarnation is deleted, or the collection is listed anew.
"""

from __future__ import annotations

import msgspec

from reconcile.informers.cached_object import CachedObject
from reconcile.informers.resource_versions import is_comparable, is_newer
from reconcile.objects.identity import ObjectKey


class Record(msgspec.Struct, eq=False, kw_only=True):
    """The newest that is known of one key. Newer knowledge is another record; only its proof is found later.

    Attributes:
        key: whose.
        place: the same, as stores key by it.
        object: what is to be seen; None: nothing up to `version`.
        version: of the object; without one, the newest version that is not to be seen, empty when unknown.
        uid: the incarnation that is gone, or of the object; empty when every one up to `version` is meant.
        proof: a stream that has reached this version has brought what the record knows; empty: unknown yet.
        born: loop time.
        began, ended: when the call began and ended that the record comes from, in the order of all calls.
        last: what was shown of the key before nothing was, and the store has never held: readers may know of
            it, handlers do not.
    """

    key: ObjectKey
    place: str
    object: CachedObject | None
    version: str
    uid: str
    proof: str = ""
    born: float = 0.0
    began: int = 0
    ended: int = 0
    last: CachedObject | None = None

    @property
    def opaque(self) -> bool:
        """Whether the version says nothing about older and newer."""
        return bool(self.version) and not is_comparable(self.version)

    def over(self, stored: CachedObject | None) -> CachedObject | None:
        """What a reader sees of the key when the store holds `stored`."""
        if stored is None:
            return self.object
        version = stored.metadata.resource_version
        if self.object is not None:
            return stored if version == self.version or is_newer(version, self.version) else self.object
        if self.uid and (stored.metadata.uid == self.uid or not self.version):
            return None if stored.metadata.uid == self.uid else stored
        if is_newer(version, self.version):
            return stored
        # Opaque versions: what is not the incarnation that is gone has come after it.
        return stored if self.uid and self.opaque else None

    def served(self, stored: CachedObject | None, reached: str) -> bool:
        """Whether the store, at version `reached`, has caught up with the record."""
        if stored is not None:
            metadata = stored.metadata
            if self.object is None and self.uid and metadata.uid == self.uid:
                return False
            version = metadata.resource_version
            if is_newer(version, self.version) or (self.object is not None and version == self.version):
                return True
        return passed(reached, self.proof)

    def outdoes(self, other: Record) -> bool:
        """Whether this record, which has come later, takes the place of another one of its key."""
        if other.object is None and other.uid and self.object is not None and self.uid == other.uid:
            return False  # a late answer about an object that is gone
        if self.object is None and self.uid and self.uid == other.uid:
            return True
        if self.version and other.version and not (self.opaque or other.opaque):
            # At the same version, "nothing" is a later answer than the object itself.
            return is_newer(self.version, other.version) or (
                self.version == other.version and self.object is None
            )
        # Of calls that overlapped nobody knows which was first: an object then counts for more than none.
        return self.began >= other.ended or self.object is not None


def passed(reached: str, version: str) -> bool:
    """Whether a stream that has reached one version has brought everything up to another."""
    return bool(version) and (is_newer(reached, version) or (reached == version and is_comparable(version)))


def newest(*versions: str) -> str:
    """The newest of versions, as far as they can be compared; empty without any."""
    found = ""
    for version in versions:
        if version and (not found or is_newer(version, found)):
            found = version
    return found
