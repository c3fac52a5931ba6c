"""Writes to a server that keeps its objects in a directory, and says of each write when it was answered.

Run by `test_data_dir.py`, which kills it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.client.transport import TransportRequest

_PATH = "/api/v1/namespaces/default/configmaps"


async def main(directory: Path, seed: int) -> None:
    dice = random.Random(seed)
    options = ServerOptions(data_dir=directory, service_accounts=False)
    async with APIServer(options) as server:
        transport = server.transport()

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
            raw = None if body is None else json.dumps(body).encode()
            headers = {
                "content-type": "application/merge-patch+json" if method == "PATCH" else "application/json"
            }
            response = await transport.send(TransportRequest(method, path, (), headers, raw))
            async with response:
                return response.status, json.loads(await response.read())

        for number in range(1_000_000):
            name, value = f"c{dice.randint(0, 9)}", f"{seed}-{number}"
            verb = dice.choice(("POST", "POST", "PATCH", "PATCH", "DELETE"))
            if verb == "POST":
                status, made = await ask(
                    "POST", _PATH, {"metadata": {"name": name}, "data": {"value": value}}
                )
            elif verb == "PATCH":
                status, made = await ask("PATCH", f"{_PATH}/{name}", {"data": {"value": value}})
            else:
                status, made = await ask("DELETE", f"{_PATH}/{name}")
            if status >= 400:
                continue
            gone = verb == "DELETE"
            revision = server.storage.revision if gone else int(made["metadata"]["resourceVersion"])
            line = {"name": name, "value": value, "revision": revision, "gone": gone}
            os.write(1, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
