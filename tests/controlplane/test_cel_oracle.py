"""Our CEL and Kubernetes' own: the same refusals, estimates, verdicts, places, texts and costs.

The oracle (`tools/celoracle`) is k8s.io/apiserver and k8s.io/apiextensions-apiserver behind a line of JSON.
The first tier asks a fixed share of the corpus; the nightly suite asks all of it, what the tests of
Kubernetes and cel-go evaluate, and many more drawn expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest
from helpers.cel_corpus import (
    budget_questions,
    message_questions,
    pattern_questions,
    rule_questions,
    shape_questions,
)
from helpers.cel_expressions import expression_questions
from helpers.cel_oracle import Question, disagreements
from helpers.cel_upstream import upstream_questions
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

SHARE = 4
"""One in so many rules of the corpus is asked in the first tier."""


def agreed(oracle: Path, questions: Sequence[Question]) -> None:
    found = disagreements(oracle, questions)
    print(f"\n{len(questions)} questions, {len(found)} answers differ")
    if found:
        pytest.fail("\n".join(map(str, found[:20])), pytrace=False)


def corpus() -> Iterator[Question]:
    return chain(message_questions(), shape_questions(), budget_questions())


def test_a_share_of_the_corpus_is_judged_alike(cel_oracle: Path) -> None:
    # Every rule comes four times, on different objects; of each rule one.
    asked = [each for place, each in enumerate(rule_questions()) if (place + place // 4) % SHARE == 0]
    agreed(cel_oracle, [*asked, *corpus()])


def test_patterns_are_read_as_go_reads_them(cel_oracle: Path) -> None:
    agreed(cel_oracle, list(pattern_questions()))


@settings(max_examples=10, phases=[Phase.generate])
@given(st.lists(expression_questions(), min_size=20, max_size=60))
def test_drawn_expressions_are_judged_alike(cel_oracle: Path, questions: list[Question]) -> None:
    agreed(cel_oracle, questions)


@pytest.mark.nightly
def test_the_whole_corpus_is_judged_alike(cel_oracle: Path) -> None:
    agreed(cel_oracle, list(rule_questions()))


@pytest.mark.nightly
def test_what_the_tests_of_kubernetes_and_cel_go_evaluate_is_judged_alike(cel_oracle: Path) -> None:
    questions = list(upstream_questions())
    assert len(questions) > 1500
    agreed(cel_oracle, questions)


@pytest.mark.nightly
@settings(max_examples=300, phases=[Phase.generate])
@given(st.lists(expression_questions(), min_size=20, max_size=60))
def test_many_drawn_expressions_are_judged_alike(cel_oracle: Path, questions: list[Question]) -> None:
    agreed(cel_oracle, questions)
