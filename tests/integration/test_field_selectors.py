"""Field selectors see values that an object does not spell out, and events by the names of both forms."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.servers import Session

from reconcile import GroupVersionKind

POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}
KINDS: dict[str, tuple[GroupVersionKind, dict[str, Any], str, str]] = {
    "nodes": (GroupVersionKind("", "v1", "Node"), {}, "spec.unschedulable=false", "spec.unschedulable=true"),
    "jobs": (
        GroupVersionKind("batch", "v1", "Job"),
        {"spec": {"suspend": True, "template": {"spec": POD}}},
        "status.successful=0",
        "status.successful=1",
    ),
    "replicationcontrollers": (
        GroupVersionKind("", "v1", "ReplicationController"),
        {
            "spec": {
                "replicas": 0,
                "selector": {"a": "b"},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {**POD, "restartPolicy": "Always"}},
            }
        },
        "status.replicas=0",
        "status.replicas=1",
    ),
}


async def found(
    session: Session, gvk: GroupVersionKind, fields: str, *, everywhere: bool = False
) -> set[str]:
    kind = await session.client.resource_type(gvk)
    namespace = None if everywhere or not kind.namespaced else session.namespace
    items = await session.client.list(kind, namespace=namespace, fields=fields)
    return {item["metadata"]["name"] for item in items}


@pytest.mark.parametrize("resource", KINDS)
async def test_what_is_left_out_is_selected_by_its_meaning(session: Session, resource: str) -> None:
    gvk, rest, right, wrong = KINDS[resource]
    name = session.unique
    api_version = f"{gvk.group}/{gvk.version}" if gvk.group else gvk.version
    obj = {"apiVersion": api_version, "kind": gvk.kind, "metadata": {"name": name}, **rest}
    if gvk.kind != "Node":
        obj["metadata"]["namespace"] = session.namespace
    await session.client.create(obj)
    assert name in await found(session, gvk, right)
    assert name not in await found(session, gvk, wrong)
    if gvk.kind == "Node":
        await session.client.delete(await session.client.resource_type(gvk), name)


async def test_an_event_is_selected_in_either_form_whichever_it_was_written_in(session: Session) -> None:
    old, new = GroupVersionKind("", "v1", "Event"), GroupVersionKind("events.k8s.io", "v1", "Event")
    about = {"kind": "Pod", "name": "web", "namespace": session.namespace}
    await session.client.create(
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": "new", "namespace": session.namespace},
            "eventTime": "2026-01-02T03:04:05.000006Z",
            "type": "Normal",
            "reason": "Tested",
            "action": "Test",
            "regarding": about,
            "reportingController": "tester",
            "reportingInstance": "one",
        }
    )
    await session.client.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "old", "namespace": session.namespace},
            "type": "Normal",
            "reason": "Tested",
            "involvedObject": about,
            "source": {"component": "checker"},
        }
    )
    assert await found(session, old, "source=tester") == {"new"}
    assert await found(session, old, "source=checker") == {"old"}
    assert await found(session, old, "reportingComponent=tester") == {"new"}
    assert await found(session, new, "reportingController=tester") == {"new"}
    assert await found(session, old, "involvedObject.name=web,reason=Tested") == {"new", "old"}
    assert await found(session, new, "regarding.name=web,type=Normal") == {"new", "old"}
