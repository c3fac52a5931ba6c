"""Ports for servers on this machine."""

import random
import socket

# Below what Linux hands out to outgoing connections (32768 and up): one of those could otherwise take the
# port of a server that is down for a moment.
_RANGE = range(16384, 30000)
_ATTEMPTS = 200


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens at.

    Not reserved: whoever uses it must be ready to fail and ask for another. Raises `OSError` if 200 tries
    find none.
    """
    generator = random.SystemRandom()
    for _ in range(_ATTEMPTS):
        port = generator.choice(_RANGE)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError:
                continue
        return port
    raise OSError(
        f"no free port between {_RANGE.start} and {_RANGE.stop - 1} at {host}; end what listens there"
    )
