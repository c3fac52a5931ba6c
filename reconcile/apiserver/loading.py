"""Manifests of files and folders into a server: definitions and namespaces first, wrong ones named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from reconcile.client.client import Client
from reconcile.errors import APIError, ConfigurationError
from reconcile.objects.identity import GroupVersionKind, ResourceType

_SUFFIXES = (".yaml", ".yml", ".json")
_FIRST = {"CustomResourceDefinition": 0, "Namespace": 1}
_SERVED_SOON = 10.0
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file.

    Attributes:
        source: file and number of the document, for messages.
        body: the object.
    """

    source: str
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.body["kind"]

    def __str__(self) -> str:
        return f"{self.source} ({self.kind} {self.body['metadata']['name']})"


def read_documents(path: Path) -> list[Document]:
    """The objects of a YAML or JSON file, or of all such files of a folder and its folders, by their paths.

    Lists are taken apart. Raises ConfigurationError, which names file and document, when a file cannot be
    read or holds something else, and when there is no file at all.
    """
    if not path.is_dir():
        return list(_documents(path, path.name))
    files = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
    if not files:
        raise ConfigurationError(f"{path} holds no file that ends in {', '.join(_SUFFIXES)}")
    return [document for file in files for document in _documents(file, str(file.relative_to(path)))]


def _documents(file: Path, shown: str) -> Iterator[Document]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found: list[Any] = list(yaml.load_all(file.read_text(encoding="utf-8"), Loader=loader))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not UTF-8: {error.reason} at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file}: {' '.join(str(error).split())}") from error
    for number, body in enumerate(found, start=1):
        if body is not None:
            yield from _objects(f"{shown} document {number}", body)


def _objects(source: str, body: Any) -> Iterator[Document]:
    if not isinstance(body, dict):
        raise ConfigurationError(f"{source}: not an object but {type(body).__name__}")
    obj = cast("dict[str, Any]", body)
    for field in ("apiVersion", "kind"):
        if not isinstance(obj.get(field), str):
            raise ConfigurationError(f"{source}: the field {field} is missing")
    items = obj.get("items")
    if obj["kind"].endswith("List") and isinstance(items, list):
        for number, item in enumerate(cast("list[Any]", items), start=1):
            yield from _objects(f"{source} item {number}", item)
        return
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not cast("dict[str, Any]", metadata).get("name"):
        raise ConfigurationError(f"{source}: the field metadata.name is missing")
    yield Document(source, obj)


async def load_documents(
    client: Client, documents: Sequence[Document], *, namespace: str = "default", field_manager: str = "load"
) -> int:
    """Apply all of them: first definitions, then namespaces, then the rest in its order; how many there were.

    Args:
        namespace: for objects that say none and live in one.
        field_manager: who owns what they set.

    Raises ConfigurationError when the server refuses one, with the document and what is wrong with it; those
    before it are there then.
    """
    for document in sorted(documents, key=lambda each: _FIRST.get(each.kind, len(_FIRST))):
        try:
            await apply_document(
                client, document, namespace=namespace, field_manager=field_manager, force=True
            )
        except (APIError, ConfigurationError) as error:
            raise ConfigurationError(f"{document}: {error}") from error
    return len(documents)


async def apply_document(
    client: Client, document: Document, *, namespace: str, field_manager: str, force: bool = False
) -> None:
    """Apply one object; unknown and misspelled fields are errors.

    Args:
        namespace: for an object that says none and lives in one.
        force: whether what others own is taken from them.

    Raises what the server says, and ConfigurationError for a kind that it does not serve.
    """
    resource = await _resource_type(client, document.body)
    metadata = {**document.body["metadata"]}
    if resource.namespaced:
        metadata.setdefault("namespace", namespace)
    body = {**document.body, "metadata": metadata}
    await client.apply(body, field_manager=field_manager, field_validation="Strict", force=force)


async def _resource_type(client: Client, body: dict[str, Any]) -> ResourceType:
    """Where the kind is served. A definition that was just established may not be announced yet."""
    gvk = GroupVersionKind.of(body["apiVersion"], body["kind"])
    deadline = asyncio.get_running_loop().time() + (_SERVED_SOON if "." in gvk.group else 0.0)
    while True:
        try:
            return await client.resource_type(gvk)
        except ConfigurationError:
            if asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(_PAUSE)
