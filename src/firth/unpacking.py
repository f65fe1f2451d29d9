"""Decompression of files by their suffix: completely, in bounded memory, or with an error."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO

XZ_MEMORY = 256 * 2**20
"""Bytes that the dictionary of an .xz file may take: `xz -9` takes 64 MiB, the format allows 4 GiB."""

_PACKED_BYTES = 2**16
"""Compressed bytes read at a time from a .bz2 or .xz file."""

DAMAGED_STREAM = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""Errors of a stream that is truncated or damaged; an `OSError` with an `errno` is one of the system."""


def unpacked(raw: BinaryIO, suffix: str, stack: ExitStack) -> Any:
    """Return a file of the plain bytes of `raw`, compressed according to `suffix`; `raw` itself if it is not."""
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
    """The plain bytes of a .bz2 or .xz file, which is a sequence of compressed streams.

    `bz2.BZ2File` and `lzma.LZMAFile` treat a damaged second stream as the end of the file, and the latter allows a
    dictionary of 4 GiB.
    """

    def __init__(self, raw: BinaryIO, decoder: Callable[[], Any]):
        self._raw = raw
        self._new_decoder = decoder
        self._decoder = decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, place: Any) -> int:
        """Fill the beginning of `place` with the next bytes; return how many, 0 only at the end."""
        plain = b""
        while not plain:
            packed = b""
            if self._decoder.eof:
                if not (packed := self._next_stream()):
                    return 0
                self._decoder = self._new_decoder()
            elif self._decoder.needs_input and not (packed := self._raw.read(_PACKED_BYTES)):
                raise EOFError("it ends inside a stream")
            plain = self._decoder.decompress(packed, len(place))
        place[: len(plain)] = plain
        return len(plain)

    def _next_stream(self) -> bytes:
        """Return the first bytes after a stream and any zeros that follow it."""
        packed: bytes = self._decoder.unused_data.lstrip(b"\0")
        while not packed and (more := self._raw.read(_PACKED_BYTES)):
            packed = more.lstrip(b"\0")
        return packed
