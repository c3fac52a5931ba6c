"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from reconcile.cli.failures import CommandError


def write_atomically(path: Path, text: str, *, flag: str, mode: int = 0o600) -> None:
    """Write a file beside its place and move it there when it is complete and on the disk.

    Raises:
        CommandError: it cannot be written, the disk is full for example; names the flag and the file, and
            leaves nothing behind and an older file as it was.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        reason = error.strerror or str(error)
        raise CommandError(f"{flag} {path}: {reason}; nothing was written") from error
