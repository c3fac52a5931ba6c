"""What answers and selections say of an object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.cached_objects import cached

from reconcile.client.seams import WriteVerb
from reconcile.informers import Detail
from reconcile.informers.overlay.answers import is_gone
from reconcile.informers.overlay.selection import Selection
from reconcile.objects.metadata import decode_metadata

DYING: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("verb", "metadata", "gone"),
    [
        ("delete", {}, True),
        ("delete", DYING, True),
        ("delete", {**DYING, "deletionGracePeriodSeconds": 0}, True),
        ("delete", {**DYING, "deletionGracePeriodSeconds": 30}, False),
        ("delete", {**DYING, "finalizers": ["a/b"]}, False),
        ("patch", {}, False),
        ("patch", {"finalizers": ["a/b"]}, False),
        ("patch", {**DYING, "finalizers": ["a/b"]}, False),
        ("patch", {**DYING, "deletionGracePeriodSeconds": 30}, False),
        ("patch", DYING, True),
        ("update", {**DYING, "finalizers": [], "deletionGracePeriodSeconds": 0}, True),
    ],
)
def test_whether_an_answer_is_an_objects_last_state(
    verb: WriteVerb, metadata: dict[str, Any], gone: bool
) -> None:
    raw = json.dumps({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", **metadata}}).encode()
    assert is_gone(verb, decode_metadata(raw), raw) is gone


@pytest.mark.parametrize(("finalizers", "gone"), [(["kubernetes"], False), ([], True), (None, True)])
def test_a_namespace_has_its_finalizers_in_the_spec(finalizers: list[str] | None, gone: bool) -> None:
    obj = {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": "a", **DYING},
        "spec": {"finalizers": finalizers},
    }
    raw = json.dumps(obj).encode()
    assert is_gone("delete", decode_metadata(raw), raw) is gone


@pytest.mark.parametrize(
    ("labels", "fields", "has"),
    [
        ("", "", True),
        ("app=web", "", True),
        ("app!=web", "", False),
        ("", "spec.nodeName=n1", True),
        ("", "spec.nodeName!=n1", False),
        ("app=db", "spec.nodeName=n1", False),
        ("", "metadata.name=a,status.phase=Running", True),
        ("", "spec.hostNetwork=false", True),
        ("", "spec.hostNetwork!=false", False),
        ("", "status.replicas=3", True),
        # What the object does not have under this path only the server knows.
        ("", "status.successful=1", None),
        ("", "source=kubelet", None),
        ("app=db", "source=kubelet", False),
    ],
)
def test_a_selection_answers_as_the_server_or_not_at_all(labels: str, fields: str, has: bool | None) -> None:
    obj = cached(
        metadata={"labels": {"app": "web"}},
        spec={"nodeName": "n1"},
        status={"phase": "Running", "replicas": 3},
        source={"component": "kubelet"},
    )
    assert Selection(labels, fields).has(obj) is has


def test_a_selection_by_fields_does_not_know_what_metadata_does_not_say() -> None:
    obj = cached(detail=Detail.METADATA)
    assert Selection("", "metadata.name=a").has(obj) is True
    assert Selection("", "metadata.name!=a").has(obj) is False
    assert Selection("", "spec.nodeName=n1").has(obj) is None
