"""Rules in CEL are asked of the schema that they stand in: a server would refuse the definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def check_rules(model: str, schema: Mapping[str, Any]) -> None:
    """Type-check every rule and estimate what it costs.

    Raises:
        ConfigurationError: a rule is wrong or too dear; names the model, the field, the rule and the way out.
    """
