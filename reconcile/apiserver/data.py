"""The data files of the room: what a real server says of itself, and what its Go types are."""

from __future__ import annotations

import pkgutil
import zlib


def data(package: str, name: str) -> bytes:
    """A file beside the modules of `reconcile.apiserver.<package>`, unpacked where it ends in `.gz`.

    By way of the package's loader: `importlib.resources` and `gzip` bring much of the standard library along,
    and a server that starts reads these first of all.
    """
    raw = pkgutil.get_data(f"reconcile.apiserver.{package}".rstrip("."), name)
    if raw is None:
        raise FileNotFoundError(f"{package}/{name}")
    return zlib.decompress(raw, 31) if name.endswith(".gz") else raw
