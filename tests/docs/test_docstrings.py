"""Examples in docstrings run, and what users import is documented."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import itertools
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import reconcile
from reconcile import errors

PACKAGE = Path(reconcile.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(("reconcile", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried, f"{name} has lines that begin with >>> where no doctest finds them"
    assert not failed


@pytest.mark.parametrize("name", reconcile.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    value = getattr(reconcile, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        documented = value.__doc__
        assert documented and not documented.startswith(f"{name}("), f"reconcile.{name} has no docstring"
        return
    room = next(room for room, names in reconcile._ROOMS.items() if name in names)
    assert name in _documented_values(f"reconcile.{room}"), f"reconcile.{name} has no text after its value"


@cache
def _documented_values(module_name: str) -> frozenset[str]:
    """Names of a room's values that are followed by a string, in the module or in those below it."""
    source = Path(inspect.getfile(importlib.import_module(module_name)))
    files = sorted(source.parent.rglob("*.py")) if source.name == "__init__.py" else [source]
    found: set[str] = set()
    for file in files:
        body = ast.parse(file.read_text(encoding="utf-8")).body
        for node, after in itertools.pairwise(body):
            text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if text and isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(found)


def test_the_drawn_tree_of_exceptions_is_the_real_one() -> None:
    real = {
        value.__name__: value.__base__.__name__
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.ReconcileError)
    }
    assert _drawn(errors.__doc__ or "") == {**real, "ReconcileError": ""}


def _drawn(text: str) -> dict[str, Any]:
    """Each drawn class with the one it hangs from."""
    above: list[tuple[int, str]] = []
    found: dict[str, str] = {}
    for line in text.splitlines():
        label = line.lstrip(" │├└─")
        name = label.split(" ")[0]
        if not name.endswith("Error") or not name.isidentifier():
            continue
        depth = len(line) - len(label)
        while above and above[-1][0] >= depth:
            above.pop()
        found[name] = above[-1][1] if above else ""
        above.append((depth, name))
    return found
