"""Manifests: read from YAML files, applied in order, wrong ones refused with their file named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reconcile.apiserver.loading import Document, apply_document, read_documents
from reconcile.cli.failures import CommandError
from reconcile.client.client import Client
from reconcile.errors import APIError, ConfigurationError


def read_manifests(paths: Iterable[Path]) -> list[Document]:
    """The objects of YAML files, in order.

    Raises:
        CommandError: a file cannot be read, or a document is no object; names file and line.
    """
    try:
        return [document for path in paths for document in read_documents(path)]
    except ConfigurationError as error:
        raise CommandError(str(error), status=2) from error


async def apply_manifests(
    client: Client, manifests: Sequence[Document], *, namespace: str, field_manager: str
) -> None:
    """Apply all of them, in order; unknown and misspelled fields are errors.

    Args:
        namespace: for objects that say none and live in one.

    Raises:
        CommandError: the server refuses one; names the document and what is wrong with it.
    """
    for manifest in manifests:
        try:
            await apply_document(client, manifest, namespace=namespace, field_manager=field_manager)
        except (APIError, ConfigurationError) as error:
            raise CommandError(f"{manifest}: {error}") from error
