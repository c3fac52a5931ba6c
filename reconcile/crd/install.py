"""Installs definitions on a server and waits until it serves them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from reconcile.client.client import Client
from reconcile.crd.definition import generate
from reconcile.errors import ConfigurationError
from reconcile.objects.conditions import find_condition, is_true
from reconcile.objects.identity import GroupVersionKind, ResourceType

CRD = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
_FIRST_LOOK = 0.02
_LONGEST_PAUSE = 0.5


async def install_crds(client: Client, kinds: Sequence[Any], *, timeout: float = 30.0) -> None:
    """Apply the definitions of custom kinds, and return when the server serves them all.

    A `Manager(crd_installer=install_crds)` calls this at its start.

    Args:
        client: may apply CustomResourceDefinitions.
        kinds: CustomResource classes.
        timeout: seconds that the server may take to establish each.

    Raises:
        ConfigurationError: a model cannot be expressed, a name is taken, or a definition was not
            established in time; nothing is applied when one of the models cannot be expressed.
    """
    definitions = [generated.definition for generated in generate(kinds)]
    for definition in definitions:
        await client.apply(definition)
    for definition in definitions:
        await _established(client, definition, timeout)


async def _established(client: Client, definition: dict[str, Any], timeout: float) -> None:
    name: str = definition["metadata"]["name"]
    pause = _FIRST_LOOK
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        found = await client.get(CRD, name)
        conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions") or []
        if is_true(conditions, "Established") and await _discovered(client, definition):
            return
        refused = find_condition(conditions, "NamesAccepted")
        if refused is not None and refused["status"] == "False":
            raise ConfigurationError(f"CustomResourceDefinition {name}: {refused.get('message', '')}")
        if asyncio.get_running_loop().time() >= deadline:
            raise ConfigurationError(
                f"CustomResourceDefinition {name} was not served within {timeout:g} seconds; "
                f"its conditions: {conditions or 'none'}"
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _discovered(client: Client, definition: dict[str, Any]) -> bool:
    """Whether discovery names the kind in each served version: it follows the condition a moment later."""
    spec = definition["spec"]
    client.discovery.forget()
    try:
        for version in spec["versions"]:
            if version["served"]:
                kind = GroupVersionKind(spec["group"], version["name"], spec["names"]["kind"])
                await client.discovery.resource_type(kind)
    except ConfigurationError:
        return False
    return True
