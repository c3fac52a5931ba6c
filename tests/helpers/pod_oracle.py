"""Whether a ReplicaSet's controller ever makes a pod too many: judged from the server's history alone.

The rule. A pod is created for a ReplicaSet while the server holds as many active pods of it as the controller
may have wanted, or more: that pod is one too many.

- *Active* are the pods whose controller reference has the ReplicaSet's uid, which are not Succeeded or
  Failed and which nobody has deleted (no deletionTimestamp). What counts is what the server holds at the
  moment of the creation, whoever changed it last: pods that somebody else deleted or took away no longer
  count, whether the controller has heard of it or not.
- *What it may have wanted* is the largest `spec.replicas` of all generations that the controller may still
  be acting on: those since the one that it last reported in `status.observedGeneration`. Nobody can act on a
  scale down that has not reached him, so until the controller reports the new generation, the old number
  counts too. From then on it does not: a cache that showed a generation never shows an older one.

So nothing depends on clocks, on how long a watch lags, or on what the controller says it did; and outside of
a scale down in progress the rule is `active pods <= spec.replicas`, at every single write.

A controller whose reads include all of its own writes cannot break the rule, whatever else its cache has
missed: of the pods that are active on the server it made or adopted each itself, or its first list had them,
so it counts at least as many, and creates at most what is missing. A controller that counts on a cache which
lags behind its own creations breaks it as soon as it looks twice.

Adoptions are no creations: somebody else's orphan may make one too many, and is then given up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class PodTooMany:
    """One broken rule.

    Attributes:
        revision: of the creation.
        pod: its name.
        active: how many active pods there were already.
        allowed: how many the controller may have wanted.
    """

    revision: int
    pod: str
    active: int
    allowed: int

    def __str__(self) -> str:
        return f"{self.pod} at {self.revision}: {self.active} active pods, {self.allowed} wanted"


class PodOracle:
    """Judges the pods of every ReplicaSet it is shown; to be fed all writes of both kinds in their order.

    Attributes:
        too_many: the rule broken, in order.
        created: pods that were created for a ReplicaSet.
        adopted: orphans that a ReplicaSet got.
        gone: pods of a ReplicaSet that are no longer there.
        most: the largest number of active pods that one ReplicaSet had at any moment.
    """

    def __init__(self) -> None:
        self.too_many: list[PodTooMany] = []
        self.created = 0
        self.adopted = 0
        self.gone = 0
        self.most = 0
        self._wanted: dict[str, _Wanted] = {}
        self._active: Counter[str] = Counter()
        self._pods: dict[str, _Held] = {}

    def active(self, uid: str) -> int:
        """How many active pods the ReplicaSet of this uid has at this point."""
        return self._active[uid]

    def replica_set(self, raw: bytes) -> None:
        """A ReplicaSet as it was written."""
        found = _decode_set(raw)
        wanted = self._wanted.setdefault(found.metadata.uid, _Wanted())
        wanted.written(found.metadata.generation, found.spec.replicas, found.status.observed_generation)

    def pod(self, place: str, raw: bytes | None, revision: int) -> None:
        """A pod as it was written under this place; None when it was deleted there."""
        before = self._pods.pop(place, None)
        if before is not None and before.active:
            self._active[before.owner] -= 1
        if raw is None:
            self.gone += before is not None and bool(before.owner)
            return
        pod = _decode_pod(raw)
        now = self._pods[place] = _Held(pod.owner, pod.active)
        if now.owner in self._wanted:
            if before is None:
                self.created += 1
                active, allowed = self._active[now.owner], self._wanted[now.owner].allowed
                if active >= allowed:
                    self.too_many.append(PodTooMany(revision, pod.metadata.name, active, allowed))
            elif before.owner != now.owner:
                self.adopted += 1
        if now.active:
            self._active[now.owner] += 1
            if now.owner:
                self.most = max(self.most, self._active[now.owner])


@dataclass(frozen=True, slots=True)
class _Held:
    owner: str
    active: bool


class _Wanted:
    """What a ReplicaSet's controller may want: the sizes of the generations that it may still act on."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}

    def written(self, generation: int, replicas: int, observed: int) -> None:
        self._sizes[generation] = replicas
        for old in [known for known in self._sizes if known < observed]:
            del self._sizes[old]

    @property
    def allowed(self) -> int:
        return max(self._sizes.values())


class _Owner(msgspec.Struct, rename="camel"):
    uid: str
    controller: bool = False


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    generation: int = 0
    deletion_timestamp: str | None = None
    owner_references: list[_Owner] = []


class _PodStatus(msgspec.Struct, rename="camel"):
    phase: str = ""


class _Pod(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    status: _PodStatus = msgspec.field(default_factory=_PodStatus)

    @property
    def owner(self) -> str:
        return next((owner.uid for owner in self.metadata.owner_references if owner.controller), "")

    @property
    def active(self) -> bool:
        return self.metadata.deletion_timestamp is None and self.status.phase not in ("Succeeded", "Failed")


class _SetSpec(msgspec.Struct, rename="camel"):
    replicas: int = 1


class _SetStatus(msgspec.Struct, rename="camel"):
    observed_generation: int = 0


class _Set(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    spec: _SetSpec
    status: _SetStatus = msgspec.field(default_factory=_SetStatus)


_decode_pod = msgspec.json.Decoder(_Pod).decode
_decode_set = msgspec.json.Decoder(_Set).decode
