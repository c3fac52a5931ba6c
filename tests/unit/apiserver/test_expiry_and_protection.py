"""What goes by itself: finished Jobs, old Events, deleted claims that nothing uses."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.asking import MERGE, Asker, asking

JOBS = "/apis/batch/v1/namespaces/default/jobs"
EVENTS = "/api/v1/namespaces/default/events"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
PODS = "/api/v1/namespaces/default/pods"


def job(name: str, **spec: Any) -> Any:
    containers = [{"name": "c", "image": "i"}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


async def finish(ask: Asker, name: str) -> None:
    now = (await ask("GET", f"{JOBS}/{name}")).body["metadata"]["creationTimestamp"]
    failed = {"status": "True", "reason": "x", "message": "", "lastTransitionTime": now}
    conditions = [{"type": "FailureTarget", **failed}, {"type": "Failed", **failed}]
    answer = await ask(
        "PATCH", f"{JOBS}/{name}/status", {"status": {"startTime": now, "conditions": conditions}}, MERGE
    )
    assert answer.status == 200, answer.raw


async def test_a_finished_job_goes_when_its_time_is_over() -> None:
    async with asking() as ask:
        await ask.made(job("short", ttlSecondsAfterFinished=100), JOBS)
        await ask.made(job("kept"), JOBS)
        await ask.made(job("running", ttlSecondsAfterFinished=0), JOBS)
        for name in ("short", "kept"):
            await finish(ask, name)
        await asyncio.sleep(50)
        assert await ask.names(JOBS) == ["kept", "running", "short"]
        await asyncio.sleep(60)
        assert await ask.names(JOBS) == ["kept", "running"]


async def test_a_finished_job_stays_where_nothing_deletes_it() -> None:
    async with asking(finished_jobs=False) as ask:
        await ask.made(job("short", ttlSecondsAfterFinished=1), JOBS)
        await finish(ask, "short")
        await asyncio.sleep(60)
        assert await ask.names(JOBS) == ["short"]


async def test_an_event_goes_an_hour_after_it_was_last_written() -> None:
    def event(name: str) -> Any:
        about = {"kind": "Pod", "name": "p", "namespace": "default"}
        return {"metadata": {"name": name}, "involvedObject": about}

    async with asking() as ask:
        for name in ("once", "again"):
            await ask.made(event(name), EVENTS)
        await asyncio.sleep(3000)
        await ask("PATCH", f"{EVENTS}/again", {"count": 2}, MERGE)
        assert await ask.names(EVENTS) == ["again", "once"]
        await asyncio.sleep(1000)
        assert await ask.names(EVENTS) == ["again"]
        await asyncio.sleep(3600)
        assert await ask.names(EVENTS) == []


async def test_events_of_a_restored_server_have_their_time_before_them() -> None:
    async with asking(event_ttl=120.0) as ask:
        await ask.made({"metadata": {"name": "e"}, "involvedObject": {"namespace": "default"}}, EVENTS)
        snapshot = ask.server.snapshot()
        await asyncio.sleep(300)
        assert await ask.names(EVENTS) == []
        await ask.server.restore(snapshot)
        await asyncio.sleep(60)
        assert await ask.names(EVENTS) == ["e"]
        await asyncio.sleep(120)
        assert await ask.names(EVENTS) == []


def claim(name: str) -> Any:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": spec}


async def test_a_deleted_claim_goes_once_no_pod_on_a_node_uses_it() -> None:
    async with asking() as ask:
        await asyncio.sleep(1)
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "used"}}
        containers = [{"name": "c", "image": "i"}]
        for name in ("used", "free"):
            await ask.made(claim(name), CLAIMS)
        spec = {"containers": containers, "volumes": [volume], "nodeName": "n"}
        await ask.made({"metadata": {"name": "p"}, "spec": spec}, PODS)
        for name in ("used", "free"):
            await ask("DELETE", f"{CLAIMS}/{name}")
        await asyncio.sleep(1)
        assert await ask.names(CLAIMS) == ["used"]
        await ask("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
        await asyncio.sleep(1)
        assert await ask.names(CLAIMS) == []


async def test_a_namespace_with_claims_can_be_deleted() -> None:
    async with asking() as ask:
        await ask.made({"metadata": {"name": "other"}}, "/api/v1/namespaces")
        await asyncio.sleep(1)
        await ask.made(claim("a"), "/api/v1/namespaces/other/persistentvolumeclaims")
        await ask("DELETE", "/api/v1/namespaces/other")
        await asyncio.sleep(5)
        assert (await ask("GET", "/api/v1/namespaces/other")).status == 404


async def test_a_bound_volume_stays_until_it_is_released() -> None:
    volumes = "/api/v1/persistentvolumes"
    async with asking() as ask:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
        await ask.made({"metadata": {"name": "v"}, "spec": spec}, volumes)
        await ask("PATCH", f"{volumes}/v/status", {"status": {"phase": "Bound"}}, MERGE)
        await ask("DELETE", f"{volumes}/v")
        await asyncio.sleep(1)
        assert await ask.names(volumes) == ["v"]
        await ask("PATCH", f"{volumes}/v/status", {"status": {"phase": "Released"}}, MERGE)
        await asyncio.sleep(1)
        assert await ask.names(volumes) == []
