"""Whether an informer's selection has an object: the same answer as the server's, or none. Pure."""

from __future__ import annotations

from typing import Any

from reconcile.errors import ReconcileError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.objects.paths import PathReader
from reconcile.objects.selectors import FieldSelector, Selector

_ZERO = ("", "false", "0")
"""What the server takes an absent field for, by its type."""


class Selection:
    """Label and field selectors of one informer.

    Field names of selectors are paths of the object with few exceptions. What cannot be told from the
    object's own bytes is answered with None: then the server is asked.
    """

    def __init__(self, labels: str, fields: str) -> None:
        self.everything = not labels and not fields
        self._labels = Selector.parse(labels) if labels else Selector.everything()
        self._fields = FieldSelector.parse(fields) if fields else FieldSelector()
        self._paths = PathReader(self._fields.fields) if fields else None

    def has(self, obj: CachedObject) -> bool | None:
        """Whether the selection has it; None: not known."""
        if self.everything:
            return True
        if not self._labels.matches(obj.metadata.labels):
            return False
        if self._paths is None:
            return True
        if obj.detail is Detail.METADATA:
            return self._by_metadata(obj)
        try:
            held = self._paths.read(obj.raw)
        except ReconcileError:
            return None
        answer: bool | None = True
        values = dict(zip(self._fields.fields, held, strict=True))
        for requirement in self._fields.requirements:
            met = _meets(values[requirement.field], requirement.operator, requirement.value)
            if met is False:
                return False
            if met is None:
                answer = None
        return answer

    def _by_metadata(self, obj: CachedObject) -> bool | None:
        known = {"metadata.name": obj.metadata.name, "metadata.namespace": obj.metadata.namespace}
        if not all(name in known for name in self._fields.fields):
            return None
        return self._fields.matches(known)


def _meets(value: Any, operator: str, wanted: str) -> bool | None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int):
        value = str(value)
    if value is None:
        # Absent, or a field that the server keeps under another path.
        equal = True if wanted in _ZERO else None
    elif isinstance(value, str):
        equal = value == wanted
    else:
        return None
    return None if equal is None else equal == (operator != "!=")
