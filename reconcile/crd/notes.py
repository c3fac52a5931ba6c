"""What the generator has to say that is no error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a model that works otherwise on the server than in Python, or not at all.

    Attributes:
        model: the kind's class.
        field: where, as `spec.size`; empty for the model itself.
        text: what, and what to do about it.
    """

    model: str
    field: str
    text: str

    def __str__(self) -> str:
        return (
            f"model {self.model}, {f'field {self.field}' if self.field else 'the model itself'}: {self.text}"
        )
