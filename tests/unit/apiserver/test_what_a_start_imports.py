"""A server that starts takes along what it needs, and no more: the rest is imported where it is used."""

from __future__ import annotations

import json
import subprocess
import sys

_START = """
import asyncio, json, sys
from reconcile.apiserver import APIServer

async def main():
    async with APIServer() as server:
        address = await server.serve()
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /api/v1/namespaces/default HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        assert b" 200 " in await reader.readline()
        writer.close()
        print(json.dumps(sorted(sys.modules)))

asyncio.run(main())
"""


def test_a_server_starts_without_what_few_servers_use() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _START], capture_output=True, text=True, timeout=300, check=True
    )
    imported = set(json.loads(ended.stdout))
    assert "reconcile.apiserver.strategies.core" in imported
    for name in (
        "aiohttp",
        "cryptography",
        "sqlite3",
        "pydantic",
        "yaml",
        "reconcile.manager",
        "reconcile.apiserver.access.gate",
        "reconcile.apiserver.admission.policies.mutating",
        "reconcile.apiserver.admission.webhooks.plugins",
        "reconcile.apiserver.strategies.pods",
    ):
        assert name not in imported, name
