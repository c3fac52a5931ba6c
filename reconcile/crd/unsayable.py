"""What cannot be part of a definition, while it is not yet known which field says it."""

from __future__ import annotations


class UnsayableError(Exception):
    """Something a structural schema cannot say. It never leaves the room: `structural` names model and field.

    Attributes:
        what: what it is.
        way_out: what to write instead.
    """

    def __init__(self, what: str, way_out: str) -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out
