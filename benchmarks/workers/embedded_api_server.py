"""The embedded API server in a process of its own: behind HTTPS, or asked in the process.

https        serves until it is killed; says {"event": "serving", "url": …, the files of the certificates}
in-process   starts a server, asks it, and says {"event": "measured", figures …}; then does what it is told:
fill N       writes N objects more into the server; {"event": "filled"}
mark         {"event": "mark"}, with the memory that the process holds
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Imported before the clock runs: what is measured is a start in a program that has its imports behind it.
from benchmarks.requests import COLLECTION, HEADERS, LISTS, MERGE_PATCH, Figures, Work, figures
from benchmarks.workers.protocol import memory
from reconcile.apiserver import APIServer
from reconcile.apiserver.handlers import store, views
from reconcile.apiserver.http import HTTPOptions
from reconcile.client.transport import Transport, TransportRequest, TransportResponse

WATCHERS = 100


def say(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **memory(), **more}), flush=True)


async def ask(
    transport: Transport, method: str, path: str, body: bytes | None = None, media: str = ""
) -> bytes:
    headers = {**HEADERS, "content-type": media} if media else HEADERS
    query = ()
    response = await transport.send(TransportRequest(method, path, query, headers, body))
    raw = await response.read()
    await response.close()
    assert response.status < 300, (method, path, response.status, raw[:300])
    return raw


async def measured(work: Work) -> Figures:
    started = time.perf_counter()
    async with APIServer() as server:
        transport = server.transport()
        await ask(transport, "GET", "/api/v1/namespaces/default")
        first = time.perf_counter() - started
        seconds: dict[str, float] = {}
        for name, requests in work.steps():
            began = time.perf_counter()
            for method, path, body, media in requests:
                await ask(transport, method, path, body, media)
            seconds[name] = time.perf_counter() - began
        began, worked = time.perf_counter(), time.process_time()
        for method, path, body, media in work.cycles():
            await ask(transport, method, path, body, media)
        cycle = (time.perf_counter() - began) / work.objects
        worked = (time.process_time() - worked) / work.objects
        encodings = await encodings_of_an_event(transport, work)
        await transport.close()
    return {
        **figures(work, seconds),
        "start": first,
        "cycle": cycle,
        "cycle_cpu": worked,
        "encodings": encodings,
    }


async def encodings_of_an_event(transport: Transport, work: Work) -> float:
    """How often a change of an object is encoded while WATCHERS clients watch, half of them for the metadata
    alone: both forms of an event count."""
    counted = {"stored": 0, "metadata": 0}

    def counting(form: str, encode: Callable[..., bytes]) -> Callable[..., bytes]:
        def count(*what: Any) -> bytes:
            counted[form] += 1
            return encode(*what)

        return count

    async def follow(response: TransportResponse, last: bytes) -> None:
        seen = b""
        async for chunk in response.chunks():
            seen = seen[-len(last) :] + chunk
            if last in seen:
                return

    changes = work.objects // 10 or 1
    last = b'"last":"yes"'
    accepted = ("application/json", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    # From now on: the objects that are there already are not changes.
    listed = json.loads(await ask(transport, "GET", COLLECTION))
    asked = (("watch", "true"), ("resourceVersion", str(listed["metadata"]["resourceVersion"])))
    watches = [
        await transport.send(TransportRequest("GET", COLLECTION, asked, {"accept": accepted[number % 2]}))
        for number in range(WATCHERS)
    ]
    readers = [asyncio.create_task(follow(watch, last)) for watch in watches]
    await asyncio.sleep(0)
    plain, metadata = store.encode_object, views.metadata_only
    store.encode_object = counting("stored", plain)
    views.metadata_only = counting("metadata", metadata)
    try:
        for number in range(changes):
            labels = {"change": str(number)} | ({"last": "yes"} if number == changes - 1 else {})
            patch = json.dumps({"metadata": {"labels": labels}}).encode()
            await ask(transport, "PATCH", f"{COLLECTION}/map-0", patch, MERGE_PATCH)
        await asyncio.gather(*readers)
    finally:
        store.encode_object, views.metadata_only = plain, metadata
    for watch in watches:
        await watch.close()
    return max(counted.values()) / changes


async def serve(directory: Path) -> None:
    async with APIServer() as server:
        address = await server.serve(options=HTTPOptions(tls=True))
        files = {
            "authority": address.certificate_authority,
            "certificate": address.client_certificate,
            "key": address.client_key,
        }
        for name, pem in files.items():
            (directory / name).write_bytes(pem)
        say("serving", port=address.port, **{name: str(directory / name) for name in files})
        transport = server.transport()
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, _, argument = line.strip().partition(" ")
            if command == "fill":
                for method, path, body, media in Work(int(argument)).fill():
                    await ask(transport, method, path, body, media)
                say("filled")
            elif command == "mark":
                say("mark")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("https", "in-process"))
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--lists", type=int, default=LISTS)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    if options.mode == "https":
        asyncio.run(serve(options.directory))
    else:
        say("measured", **asyncio.run(measured(Work(options.objects, options.lists))))


if __name__ == "__main__":
    main()
