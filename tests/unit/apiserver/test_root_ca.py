"""The ConfigMap by which pods trust the server."""

from __future__ import annotations

import asyncio

import pytest
from helpers.servers import eventually

from reconcile import Client, ConflictError
from reconcile.api.core.v1 import ConfigMap
from reconcile.apiserver import APIServer
from reconcile.apiserver.http import HTTPOptions

KEY = "default/kube-root-ca.crt"


@pytest.mark.real_time
async def test_it_holds_the_authority_of_the_address_and_is_put_right_when_somebody_writes_it() -> None:
    async with APIServer() as server:
        address = await server.serve(options=HTTPOptions(tls=True))
        authority = {"ca.crt": address.certificate_authority.decode()}
        async with Client(server.transport()) as client:

            async def is_right() -> bool:
                return (await client.get(ConfigMap, KEY)).data == authority

            await eventually(is_right, seconds=60)
            while True:
                held = await client.get(ConfigMap, KEY)
                try:
                    await client.update(ConfigMap(metadata=held.metadata, data={"ca.crt": "", "more": "x"}))
                    break
                except ConflictError:
                    await asyncio.sleep(0.01)
            await eventually(is_right, seconds=60)
