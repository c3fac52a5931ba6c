"""Manifests: read from YAML files, applied in order, wrong ones refused with their file named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from reconcile.cli.failures import CommandError
from reconcile.client.client import Client
from reconcile.errors import APIError, ConfigurationError
from reconcile.objects.identity import GroupVersionKind, ResourceType

_SERVED_SOON = 10.0
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of a file.

    Attributes:
        source: file and number of the document, for messages.
        body: the object.
    """

    source: str
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.body["kind"]

    @property
    def name(self) -> str:
        return self.body["metadata"]["name"]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def read_manifests(paths: Iterable[Path]) -> list[Manifest]:
    """The objects of YAML files, in order.

    Raises:
        CommandError: a file cannot be read, or a document is no object; names file and line.
    """
    import yaml

    found: list[Manifest] = []
    for path in paths:
        try:
            documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", status=2) from error
        except yaml.YAMLError as error:
            raise CommandError(f"{path}: {' '.join(str(error).split())}", status=2) from error
        for number, body in enumerate(documents, start=1):
            if body is None:
                continue
            source = f"{path.name} document {number}"
            found.append(Manifest(source, _checked(source, body)))
    return found


def _checked(source: str, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise CommandError(f"{source}: not an object but {type(body).__name__}", status=2)
    body = cast("dict[str, Any]", body)
    for field in ("apiVersion", "kind"):
        if not isinstance(body.get(field), str):
            raise CommandError(f"{source}: the field {field} is missing", status=2)
    if not isinstance(body.get("metadata"), dict) or not body["metadata"].get("name"):
        raise CommandError(f"{source}: the field metadata.name is missing", status=2)
    return body


async def apply_manifests(
    client: Client, manifests: Sequence[Manifest], *, namespace: str, field_manager: str
) -> None:
    """Apply all of them, in order; unknown and misspelled fields are errors.

    Args:
        namespace: for objects that say none and live in one.

    Raises:
        CommandError: the server refuses one; names the document and what is wrong with it.
    """
    for manifest in manifests:
        try:
            resource = await _resource_type(client, manifest)
            metadata = {**manifest.body["metadata"]}
            if resource.namespaced:
                metadata.setdefault("namespace", namespace)
            body = {**manifest.body, "metadata": metadata}
            await client.apply(body, field_manager=field_manager, field_validation="Strict")
        except (APIError, ConfigurationError) as error:
            raise CommandError(f"{manifest.source} ({manifest}): {error}") from error


async def _resource_type(client: Client, manifest: Manifest) -> ResourceType:
    """Where the kind is served. A definition that was just established may not be announced yet."""
    gvk = GroupVersionKind.of(manifest.body["apiVersion"], manifest.kind)
    deadline = asyncio.get_running_loop().time() + (_SERVED_SOON if "." in gvk.group else 0.0)
    while True:
        try:
            return await client.resource_type(gvk)
        except ConfigurationError:
            if asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(_PAUSE)
