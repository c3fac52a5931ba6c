"""Terms of node selectors, of a node that is known by its labels and its name."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.api.core.v1 import NodeSelectorRequirement, NodeSelectorTerm


def matches(term: NodeSelectorTerm, labels: Mapping[str, str], name: str = "") -> bool:
    """All expressions and fields hold; a term without any matches nothing. Fields are known with the name."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": name}
    return all(_holds(each, labels) for each in term.match_expressions) and all(
        _holds(each, fields) for each in term.match_fields
    )


def _holds(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            try:
                number, bound = int(value or ""), int(requirement.values[0])
            except (ValueError, IndexError):
                return False
            return number > bound if requirement.operator == "Gt" else number < bound
        case _:
            return False
