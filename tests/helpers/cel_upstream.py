"""Expressions out of the tests of Kubernetes and cel-go, read from Go's module cache."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from helpers.cel_conformance import SKIPPED_FILES, cases, conformance_folder
from helpers.cel_oracle import Question, module_folder

_TESTS = (
    ("k8s.io/apiserver@v0.36.3", "pkg/cel/library/*_test.go"),
    ("github.com/google/cel-go@v0.26.0", "ext/*_test.go"),
)
_WRITTEN = re.compile(
    r"(?:expr|expression)?:\s*`([^`]+)`|expr:\s*(\"(?:\\.|[^\"\\])*\")|\{\s*expr:\s*`([^`]+)`"
)
# What Kubernetes does not enable: of these the words of the refusal would be compared, again and again.
_ELSEWHERE = re.compile(
    r"google\.|math\.|cel\.(bind|block|index|iterVar)|base64|Test[A-Z]|proto\.|regex\.|\.firstWord"
)
# A crash of the library, whose text the server hands on.
_CRASHES = frozenset({"[].flatten(dyn('1'))"})


def _written() -> Iterator[str]:
    for case in cases(conformance_folder()):
        if case.file not in SKIPPED_FILES and not {"type_env", "container", "bindings"} & case.test.keys():
            yield case.expression
    for module, pattern in _TESTS:
        for path in sorted(module_folder(module).glob(pattern)):
            for match in _WRITTEN.finditer(path.read_text()):
                text = match.group(1) or match.group(3)
                if match.group(2):
                    try:
                        text = json.loads(match.group(2))
                    except ValueError:
                        continue
                if "\n\t" not in text:
                    yield text


def upstream_questions() -> Iterator[Question]:
    """Each expression once."""
    for text in dict.fromkeys(_written()):
        if not _ELSEWHERE.search(text) and text not in _CRASHES:
            yield {"expression": text}
