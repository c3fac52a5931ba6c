"""A kind of the catalogue: its model, which feature each field shows, and what must be refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconcile import CustomResource

GROUP = "features.example.com"
ALWAYS = ""
"""The path of a feature that every object of the kind exercises."""


@dataclass(frozen=True)
class Case:
    """One kind.

    Attributes:
        model: the class.
        features: path of a field, as `spec.size`, → the feature that it shows.
        refused: specs that Python and the server refuse, with the path that both must name.
        known: path → why Python and the server differ there, on purpose; whatever is broken below it does not
            count.
        samples: field of the spec → values to choose from in place of the drawn one, None for absent: for
            fields whose rules few drawn values keep.
        updates: spec before, spec after, and the path that must be named; empty where it is allowed.
    """

    model: type[CustomResource]
    features: Mapping[str, str]
    refused: Sequence[tuple[Mapping[str, Any], str]] = ()
    updates: Sequence[tuple[Mapping[str, Any], Mapping[str, Any], str]] = field(default=())
    known: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.model.__name__
