"""What was measured, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Sample = Mapping[str, float]
"""One run of one peer: figures by name."""


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: its head.
        figure: the name of the figure in the samples.
        scale: what the figure is multiplied by.
        digits: after the point.
        ratio: whether the ratio to the base stands beside it.
    """

    title: str
    figure: str
    scale: float = 1.0
    digits: int = 2
    ratio: bool = False


MEGABYTE = 1e-6


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """Figure by figure, over the runs that have it."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    return {name: statistics.median([sample[name] for sample in samples if name in sample]) for name in names}


def table(
    columns: Sequence[Column], samples: Mapping[str, Sequence[Sample]], titles: Mapping[str, str], base: str
) -> str:
    """A Markdown table of medians; in brackets the ratio to the peer called `base`."""
    rows = [["", *(column.title for column in columns)], ["---", *("---:" for _ in columns)]]
    middle = {name: medians(runs) for name, runs in samples.items()}
    reference = middle.get(base, {})
    for name, figures in middle.items():
        rows.append([titles[name], *(_cell(column, figures, reference) for column in columns)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(column: Column, figures: Sample, reference: Sample) -> str:
    value = figures.get(column.figure)
    if value is None:
        return "–"
    text = f"{value * column.scale:,.{column.digits}f}"
    beside = reference.get(column.figure)
    return f"{text} ({value / beside:.2f}×)" if column.ratio and beside else text


def write_json(
    path: Path, benchmark: str, parameters: Mapping[str, Any], samples: Mapping[str, Sequence[Sample]]
) -> None:
    """Every run and the medians, with what they were measured on."""
    result = {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "architecture": platform.machine()},
        "python": platform.python_version(),
        "parameters": dict(parameters),
        "medians": {name: medians(runs) for name, runs in samples.items()},
        "runs": {name: [dict(run) for run in runs] for name, runs in samples.items()},
    }
    path.write_text(json.dumps(result, indent=2) + "\n")
