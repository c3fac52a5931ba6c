"""What envtest takes for etcd: it says that it is well, and stores nothing, since nobody asks it to.

Run by its path, without site-packages: it is to be there at once.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Sequence

_LISTEN = "--listen-client-urls="
_BODY = b'{"health":"true","reason":""}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal ends the process; `--help` names the flags."""
    if "--help" in arguments:
        print("  --listen-client-urls\n  --data-dir")
        return 0
    url = next((each.removeprefix(_LISTEN) for each in arguments if each.startswith(_LISTEN)), "")
    host, _, port = url.partition("://")[2].rstrip("/").rpartition(":")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.create_server((host.strip("[]"), int(port)), family=family) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                try:
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(_ANSWER)
                except OSError:
                    continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
