"""Kinds that between them use every feature of the generator.

One catalogue for the golden files, for the real server and for the coverage table.
"""

from __future__ import annotations

from . import kinds, rules, scalars, structures, unions
from .case import Case

CASES: tuple[Case, ...] = (
    *scalars.CASES,
    *structures.CASES,
    *unions.CASES,
    *rules.CASES,
    *kinds.CASES,
)

__all__ = ["CASES", "Case"]
