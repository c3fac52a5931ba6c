"""Questions to a component's HTTPS endpoints, for readiness."""

import http.client
import ssl
from pathlib import Path

_TIMEOUT_SECONDS = 5.0


class Probe:
    """Asks as the control plane's administrator."""

    def __init__(self, *, ca_certificate: Path, certificate: Path, key: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(ca_certificate))
        self._context.load_cert_chain(certificate, key)

    def ok(self, port: int, *paths: str) -> bool:
        """Whether the server at 127.0.0.1:`port` answers each path with 200; False if out of reach."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=_TIMEOUT_SECONDS, context=self._context
        )
        try:
            return all(self._status(connection, path) == 200 for path in paths)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @staticmethod
    def _status(connection: http.client.HTTPSConnection, path: str) -> int:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
