"""What is installed is all that the commands need: the examples are inside the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `pip install .` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    script = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    return folder / built.stdout.split()[-1]


def test_every_file_of_the_examples_is_in_it(wheel: Path) -> None:
    tracked = [
        path.relative_to(ROOT).as_posix()
        for pattern in ("operators/**/*.py", "operators/**/*.md", "manifests/*.yaml")
        for path in sorted((ROOT / "examples").glob(pattern))
    ]
    assert len(tracked) > 50
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert [path for path in tracked if f"reconcile/{path}" not in inside] == []
    assert "reconcile/py.typed" in inside
    assert not [name for name in inside if "__pycache__" in name or name.startswith("tests/")]


def test_an_installation_finds_and_loads_them(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = (
        "from reconcile.cli.locate import example_operators, examples_directory\n"
        "operators = example_operators()\n"
        "print(operators.__file__, callable(operators.setup))\n"
        "print(len(list((examples_directory() / 'manifests').glob('*.yaml'))))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    where, loaded, manifests = found.stdout.split()
    assert where.startswith(str(tmp_path / "site" / "reconcile" / "examples"))
    assert loaded == "True" and int(manifests) > 0
