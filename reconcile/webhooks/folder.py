"""A certificate in files that something else writes, and writes anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconcile.errors import ConfigurationError
from reconcile.webhooks.certificates import Pair
from reconcile.webhooks.options import CertificateFolder

if TYPE_CHECKING:
    from reconcile.controllers.logs import Logger


class FolderSource:
    """Reads `tls.crt` and `tls.key`; a mounted Secret changes both at once, by a link to another folder."""

    def __init__(self, options: CertificateFolder, log: Logger) -> None:
        self.check_interval = options.check_interval
        self._folder = Path(options.path)
        self._log = log

    async def renew(self) -> Pair:
        """The pair as it is now. Raises `ConfigurationError` when a file is not there."""
        return Pair(self._read("tls.crt"), self._read("tls.key"))

    async def announce(self) -> None:
        """Whoever keeps the folder tells API servers whom to trust."""

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"the webhook server's certificate: {path}: {error.strerror or error}"
            ) from error
