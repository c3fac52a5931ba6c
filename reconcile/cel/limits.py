"""The limits of k8s.io/apiserver (`pkg/apis/cel`, `pkg/cel/limits.go`) and of apiextensions' validation."""

from __future__ import annotations

from typing import Final

PER_CALL_LIMIT: Final = 1_000_000
"""What one evaluation of one expression may cost."""

RUNTIME_BUDGET: Final = 10_000_000
"""What all rules together may cost for one object."""

PER_EXPRESSION_ESTIMATE_LIMIT: Final = 10_000_000
"""What one expression of a schema may be estimated to cost, times how often it can be met in an object."""

PER_SCHEMA_ESTIMATE_LIMIT: Final = 100_000_000
"""What all expressions of one schema may be estimated to cost together."""

MAX_REQUEST_BYTES: Final = 3 * 1024 * 1024
"""The largest request; what a schema leaves unbounded is taken to fill it."""

MAX_MESSAGE_BYTES: Final = 5 * 1024
"""The longest text that a messageExpression may give."""

UNBOUNDED: Final = 2**64 - 1
"""The largest estimate; sums and products stop here."""
