"""Decompression of files, by their suffix, in bounded memory; a damaged file raises an error."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO

XZ_MEMORY = 256 * 2**20
"""Maximum bytes of the dictionary of an .xz file: `xz -9` uses 64 MiB, and the format allows 4 GiB."""

PACKED_BYTES = 2**16
"""Compressed bytes read at a time from a .bz2 or .xz file."""

DAMAGED_STREAM = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""The exceptions for a truncated or damaged stream; an `OSError` with an `errno` has another cause."""


def unpacked(raw: BinaryIO, suffix: str, stack: ExitStack) -> Any:
    """Return a stream of the decompressed bytes of `raw`, or `raw` itself for any other suffix."""
    if suffix == ".gz":
        return stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".bz2":
        return _Streams(raw, bz2.BZ2Decompressor)
    if suffix == ".xz":
        return _Streams(raw, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY))
    if suffix != ".zst":
        return raw
    import pyarrow as pa

    return stack.enter_context(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))


class _Streams(io.RawIOBase):
    """The decompressed bytes of a .bz2 or .xz file, which consists of one or more compressed streams.

    `bz2.BZ2File` and `lzma.LZMAFile` ignore a second stream that is damaged, and `lzma.LZMAFile` has no memory limit.
    """

    def __init__(self, raw: BinaryIO, decoder: Callable[[], Any]):
        self._raw = raw
        self._new_decoder = decoder
        self._decoder = decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, place: Any) -> int:
        """Write the next bytes to the start of `place` and return their number, which is 0 only at the end."""
        plain = b""
        while not plain:
            packed = b""
            if self._decoder.eof:
                if not (packed := self._next_stream()):
                    return 0
                self._decoder = self._new_decoder()
            elif self._decoder.needs_input and not (packed := self._raw.read(PACKED_BYTES)):
                raise EOFError("it ends inside a stream")
            plain = self._decoder.decompress(packed, len(place))
        place[: len(plain)] = plain
        return len(plain)

    def _next_stream(self) -> bytes:
        """Return the first bytes after a stream and its padding of zeros."""
        packed: bytes = self._decoder.unused_data.lstrip(b"\0")
        while not packed and (more := self._raw.read(PACKED_BYTES)):
            packed = more.lstrip(b"\0")
        return packed
