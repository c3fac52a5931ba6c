"""The embedded server answers as the real one does: the same requests to both, the answers compared."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.differential import Answer, Ask, differences, embedded_server, normalized, real_server
from helpers.differential_cases import cases

from reconcile.apiserver import APIServer

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

NAMESPACE = "differential"
# Admission of service accounts is off in the real server of the tests: nothing there creates them.
NOT_COMPARED = ("serviceAccount", "serviceAccountName")
SERVICE_ACCOUNT: dict[str, Any] = {"metadata": {"name": "default"}}


def _comparable(answer: Answer) -> dict[str, Any]:
    body = normalized(answer.body, NOT_COMPARED)
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if not (key == "details" and value == {})}
        # A patch that leaves no valid object is answered with that object, which holds uid and times.
        if str(body.get("message", "")).startswith(' "" is invalid: patch'):
            body = {"code": body["code"], "reason": body["reason"]}
    return {"status": answer.status, "body": body}


@pytest.mark.parametrize("name", cases(NAMESPACE))
async def test_both_servers_answer_alike(name: str, control_plane: Any) -> None:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    # A namespace of its own for each case, of one length, so that sizes agree too.
    namespace = f"{NAMESPACE}-{list(cases(NAMESPACE)).index(name)}"
    found: list[str] = []
    async with APIServer() as server:
        ours = embedded_server(server.transport())
        for ask in (real, ours):
            await ask(Ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}))
            await ask(Ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", SERVICE_ACCOUNT))
        for question in cases(namespace)[name]:
            if question.method == "WAIT":
                await _until_served(question.path, real, ours)
                continue
            one, other = _comparable(await real(question)), _comparable(await ours(question))
            found += [f"{question.method} {question.path}: {line}" for line in differences(one, other)]
    assert not found, "\n".join(found)


async def _until_served(path: str, *servers: Any) -> None:
    for ask in servers:
        for _ in range(100):
            if (await ask(Ask("GET", path))).status == 200:
                break
            await asyncio.sleep(0.1)
