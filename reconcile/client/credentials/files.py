"""Files that rotate under a running process: tokens, certificates, authorities."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from reconcile.errors import CredentialsError


class RotatingFile:
    """A small file, read again when it changed.

    It is looked at not more often than every `interval` seconds of the event loop's clock, and a change
    shows by size, inode or time of modification (secret volumes swap a symbolic link). A file that
    disappears or turns empty during a rotation leaves the content that was read before in use.

    Attributes:
        path: the file.
        interval: seconds between two looks.
    """

    def __init__(self, path: str | Path, *, interval: float = 10.0) -> None:
        self.path = Path(path)
        self.interval = interval
        self._content = b""
        self._seen: tuple[int, int, int] | None = None
        self._look_at = float("-inf")

    def read(self, *, now: bool = False) -> bytes:
        """The content; with `now` the file is looked at whatever the interval says."""
        time = asyncio.get_running_loop().time()
        if not now and time < self._look_at:
            return self._content
        self._look_at = time + self.interval
        try:
            status = os.stat(self.path)
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                content = self.path.read_bytes()
                if content.strip():
                    self._content, self._seen = content, seen
        except OSError as error:
            if not self._content:
                raise CredentialsError(f"cannot read {self.path}: {error.strerror or error}") from error
        if not self._content:
            raise CredentialsError(f"{self.path} is empty")
        return self._content
