"""The house: a room imports only rooms below it, nothing happens at import, three seams and no more."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[3] / "reconcile"
SOURCES = sorted(
    path for path in PACKAGE.rglob("*.py") if not path.relative_to(PACKAGE).as_posix().startswith("api/")
)
CLOCKS_AND_DICE = {
    ("time", "time"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("time", "sleep"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("random", "random"),
    ("random", "uniform"),
    ("random", "choice"),
    ("random", "randint"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("secrets", "token_hex"),
    ("secrets", "token_urlsafe"),
}
# These run outside the library's seams on purpose: real processes in tests, and the seam itself.
OUTSIDE_THE_SEAMS = ("runtime/", "testing/control_plane/")


def test_a_room_imports_only_rooms_below_it() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=PACKAGE.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_clocks_and_dice_are_asked_for_through_the_runtime(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    if name.startswith(OUTSIDE_THE_SEAMS):
        return
    found = [
        f"{name}:{node.lineno} {node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in CLOCKS_AND_DICE
    ]
    assert not found


def test_importing_the_package_loads_no_heavy_dependency() -> None:
    program = (
        "import sys, reconcile; "
        "heavy = {'aiohttp', 'kubernetes', 'pydantic', 'prometheus_client', 'rich', 'click', 'yaml'}; "
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
