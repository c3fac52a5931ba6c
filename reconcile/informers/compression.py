"""Objects kept compressed: zstd at its fastest, with the first objects of the resource as dictionary.

Objects of one kind are much alike, so what one of them says need not be kept for the next: a fifth of the
memory for pods of many templates, less for uniform ones, at 5 to 20 µs an object. The package `zstandard` is
needed only here (`pip install reconcile[speed]`).
"""

from __future__ import annotations

import threading
from typing import Any, Final

from reconcile.errors import ConfigurationError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.objects.metadata import ObjectMetadata, decode_metadata, detach

DICTIONARY_BYTES: Final = 1 << 16
"""How much of the first objects becomes the dictionary; they themselves stay uncompressed."""


class Compressor:
    """Compresses the objects of one resource. Written by the loop's thread, read by any."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError:
            raise ConfigurationError(
                "InformerOptions(compress=True) needs the package zstandard: pip install 'reconcile[speed]'"
            ) from None
        self._zstandard: Any = zstandard
        self._samples: list[bytes] = []
        self._sampled = 0
        self._dictionary: Any = None
        self._compress: Any = None
        # A decompressor serves one thread at a time.
        self._threads = threading.local()

    def keep(self, raw: bytes, detail: Detail, metadata: ObjectMetadata | None = None) -> CachedObject:
        """The cached form of an object's bytes; as `CachedObject.of`."""
        if self._compress is None:
            self._learn(raw)
            return CachedObject.of(raw, detail, metadata)
        if metadata is None:
            metadata = decode_metadata(raw)
        detach(metadata)
        namespace = metadata.namespace
        place = f"{namespace}/{metadata.name}" if namespace else metadata.name
        # The compressor hands out more memory than it filled: keep an exact copy.
        stored = bytes(memoryview(self._compress(raw)))
        return CompressedObject(stored, metadata, place, detail, box=self)

    def open(self, stored: bytes) -> bytes:
        """The bytes that were kept."""
        try:
            decompress = self._threads.decompress
        except AttributeError:
            decompressor = self._zstandard.ZstdDecompressor(dict_data=self._dictionary)
            decompress = self._threads.decompress = decompressor.decompress
        return decompress(stored)

    def _learn(self, raw: bytes) -> None:
        self._samples.append(raw)
        self._sampled += len(raw)
        if self._sampled < DICTIONARY_BYTES:
            return
        zstandard = self._zstandard
        content = b"".join(self._samples)[-DICTIONARY_BYTES:]
        self._dictionary = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        compressor = zstandard.ZstdCompressor(
            level=1, dict_data=self._dictionary, write_checksum=False, write_dict_id=False
        )
        self._compress = compressor.compress
        self._samples = []


class CompressedObject(CachedObject, gc=False, eq=False, kw_only=True):
    """A cached object whose bytes are opened at each read of `raw`.

    Attributes:
        box: what opens them.
    """

    box: Compressor

    @property
    def raw(self) -> bytes:
        return self.box.open(self.stored)
