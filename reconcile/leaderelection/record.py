"""What a Lease says: who holds it, for how long, since when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from reconcile.api.coordination.v1 import Lease

_MOST_TRANSITIONS = 2**31 - 1
_RELEASED = 1


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """The part of a Lease that the election reads and writes.

    Times are text: they are for people. No process compares another one's clock with its own.

    Attributes:
        holder: identity of who leads; empty when nobody does.
        duration: seconds for which the holder may be silent; 0 when the Lease does not say.
        acquired: when the holder took it.
        renewed: when the holder renewed it last.
        transitions: how often the holder has changed.
    """

    holder: str = ""
    duration: int = 0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0

    @classmethod
    def of(cls, lease: Lease) -> LeaseRecord:
        """The record of a Lease in whatever state somebody left it."""
        spec = lease.spec
        return cls(
            spec.holder_identity or "",
            max(spec.lease_duration_seconds or 0, 0),
            spec.acquire_time or "",
            spec.renew_time or "",
            max(spec.lease_transitions or 0, 0),
        )

    def put_into(self, lease: Lease) -> None:
        """Make a Lease say this; what the election does not know of stays as it is."""
        spec = lease.spec
        spec.holder_identity = self.holder or None
        spec.lease_duration_seconds = self.duration
        spec.acquire_time = self.acquired or None
        spec.renew_time = self.renewed or None
        spec.lease_transitions = self.transitions

    def renewed_at(self, moment: str, seconds: float) -> LeaseRecord:
        """The same holder's record, renewed."""
        return replace(self, renewed=moment, duration=whole_seconds(seconds))

    def taken_by(self, holder: str, moment: str, seconds: float) -> LeaseRecord:
        """The record after a change of holder."""
        # The server's number has 32 bits; beginning anew is better than never electing anybody again.
        transitions = self.transitions + 1 if self.transitions < _MOST_TRANSITIONS else 0
        return LeaseRecord(holder, whole_seconds(seconds), moment, moment, transitions)

    def released(self, moment: str) -> LeaseRecord:
        """The record that lets anybody take the Lease at once; the form is client-go's."""
        return LeaseRecord("", _RELEASED, moment, moment, self.transitions)

    @classmethod
    def vacant(cls, moment: str, seconds: float) -> LeaseRecord:
        """The record of a Lease that nobody has claimed yet, and that nobody has given away either."""
        return cls("", max(whole_seconds(seconds), _RELEASED + 1), moment, moment)

    @property
    def is_vacant(self) -> bool:
        """Whether it has no holder, and none has given it away: new, or emptied by somebody."""
        return not self.holder and not self.is_released

    @property
    def is_released(self) -> bool:
        """Whether its holder gave it away, as against somebody having emptied it."""
        return not self.holder and self.duration == _RELEASED


def whole_seconds(seconds: float) -> int:
    """The duration as the server keeps it."""
    return max(1, math.ceil(seconds))
