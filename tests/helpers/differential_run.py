"""Runs conversations against both servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from helpers.differential import Ask, Server, embedded_server, post
from helpers.differential_compare import Comparison

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.interfaces import User

# The real server of the tests has no controllers: neither side collects garbage or fills namespaces.
_OPTIONS = ServerOptions(
    garbage_collection=False,
    namespace_deletion=False,
    service_accounts=False,
    resource_quotas=False,
    storage_protection=False,
    finished_jobs=False,
    policy_status=False,
    service_addresses=False,
)
_SERVED_WITHIN = 60.0
# As the real server knows who holds the administrator's certificate.
_ADMIN = User("admin", ("system:masters", "system:authenticated"))


@dataclass(frozen=True)
class Both:
    """The two servers.

    Attributes:
        compact: has both forget their history.
    """

    real: Server
    ours: Server
    compact: Callable[[], None]


@asynccontextmanager
async def both(real: Server, compact_real: Callable[[], object]) -> AsyncIterator[Both]:
    """The real server and an embedded one that has what the real one of the tests has."""
    async with APIServer(_OPTIONS) as server:

        def compact() -> None:
            compact_real()
            server.storage.compact(server.storage.revision)

        yield Both(real, embedded_server(server.transport(_ADMIN)), compact)


async def make_namespace(namespace: str, servers: Both) -> None:
    """A namespace in which pods are admitted."""
    account: dict[str, Any] = {"metadata": {"name": "default"}}
    for ask in (servers.real, servers.ours):
        await ask(post("/api/v1/namespaces", {"metadata": {"name": namespace}}))
        await ask(post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account))


async def converse(servers: Both, questions: Sequence[Ask]) -> Comparison:
    """Put the questions to both; watches that follow each other run at once."""
    comparison = Comparison(servers.real, servers.ours)
    watches: list[Ask] = []
    for question in questions:
        if question.method == "WATCH":
            watches.append(question)
            continue
        if watches:
            await comparison.ask_together(watches)
            watches = []
        if question.method == "WAIT":
            await until_served(question.path, servers.real, servers.ours)
            continue
        if question.method in ("UNTIL", "UNTILNOT"):
            said = question.method == "UNTIL"
            await until_said(question, question.label, servers.real, servers.ours, said=said)
            continue
        if question.method == "COMPACT":
            await asyncio.to_thread(servers.compact)
            continue
        await comparison.ask(question)
    if watches:
        await comparison.ask_together(watches)
    return comparison


async def until_said(question: Ask, text: str, *servers: Server, said: bool = True) -> None:
    """Post until the answer has the text, or has not: the real server's admission hears by watches."""
    for ask in servers:
        async with asyncio.timeout(_SERVED_WITHIN):
            while True:
                answer = await ask(replace(question, method="POST"))
                if (text in f"{answer.body}{answer.warnings}") is said:
                    break
                await asyncio.sleep(0.02)


async def until_served(path: str, *servers: Server) -> None:
    """Ask until the servers have what is there."""
    for ask in servers:
        async with asyncio.timeout(_SERVED_WITHIN):
            while (await ask(Ask("GET", path))).status != 200:
                await asyncio.sleep(0.05)
