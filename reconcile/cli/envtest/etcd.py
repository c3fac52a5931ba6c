"""What envtest takes for etcd: it says that it is well, and stores nothing, since nobody asks it to.

Run by its path, without site-packages: it is to be there at once.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence

# Seconds between looks whether who started this is still there.
_LOOK_EVERY = 2.0
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
    parent = os.getppid()
    with socket.create_server((host.strip("[]"), int(port)), family=family) as listening:
        listening.settimeout(_LOOK_EVERY)
        # Some suites end without stopping what they started.
        while os.getppid() == parent:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                try:
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(_ANSWER)
                except OSError:
                    continue
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
