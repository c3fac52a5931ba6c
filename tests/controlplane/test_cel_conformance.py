"""The language itself: cel-spec's public conformance cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from helpers.cel_conformance import (
    SKIPPED_FILES,
    UnfitError,
    as_question,
    cases,
    conformance_folder,
    problem,
)
from helpers.cel_oracle import ask_oracle, ask_ours, differences


def test_expressions_mean_what_the_public_conformance_cases_say(cel_oracle: Path) -> None:
    """Where we differ from a case, Kubernetes must too, in the same way."""
    counts: Counter[str] = Counter()
    unfit: Counter[str] = Counter()
    unlike: list[tuple[str, dict[str, object]]] = []
    wrong: list[str] = []
    for case in cases(conformance_folder()):
        try:
            found = problem(case)
        except UnfitError as reason:
            unfit[str(reason)] += 1
            continue
        counts[case.file] += 1
        if found is not None:
            question = as_question(case)
            text = f"{case}: {case.expression!r} {found}"
            if question is None:
                wrong.append(text)
            else:
                unlike.append((text, question))
    questions = [question for _, question in unlike]
    for (text, question), theirs in zip(unlike, ask_oracle(cel_oracle, questions), strict=True):
        if differences(question, theirs, ask_ours(question)):
            wrong.append(text)
    print(f"\n{sum(counts.values())} cases of {len(counts)} files: {dict(counts)}")
    print(f"{len(unlike)} of them mean something else in Kubernetes, and the same here:")
    for text, _ in unlike:
        print("  " + text.partition("\n")[0])
    for reason, count in unfit.items():
        print(f"{count} left out: {reason}")
    for file, reason in SKIPPED_FILES.items():
        print(f"{file} left out: {reason}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert sum(counts.values()) >= 900, "most of the cases are asked"
