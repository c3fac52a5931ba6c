"""What the generator writes for each feature, word for word.

`python tests/unit/crd/test_golden_files.py` writes the files anew; their difference is to be read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers.crd_models import CASES, Case  # noqa: E402

from reconcile.crd import generate, to_yaml  # noqa: E402


def written(case: Case) -> str:
    (generated,) = generate([case.model])
    notes = "".join(f"# note: {note}\n" for note in generated.notes)
    validators = "".join(f"# in Python only: {each}\n" for each in generated.validators)
    return notes + validators + to_yaml(generated.definition)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kind_is_written_as_ever(case: Case) -> None:
    path = GOLDEN / f"{case.name.lower()}.yaml"
    assert path.exists(), f"{path.name} is missing: run python {__file__}"
    assert path.read_text(encoding="utf-8") == written(case)


def test_every_golden_file_is_of_a_kind() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == {case.name.lower() for case in CASES}


if __name__ == "__main__":
    for each in CASES:
        (GOLDEN / f"{each.name.lower()}.yaml").write_text(written(each), encoding="utf-8")
