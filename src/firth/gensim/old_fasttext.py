"""fastText's `.bin` before its version 11, which has no magic number: rewritten in the layout of version 12.

Unlike that (see `firth.formats.fasttext`), an old file begins with dim, has no number of pruned n-grams, and no byte
before each matrix that tells whether it is quantised.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import BinaryIO

from firth.errors import FormatError
from firth.formats.fasttext import MAGIC
from firth.formats.streams import reading

_HEADER = struct.Struct("<12id3iq")  # 12 numbers from dim on, t, entries, words, labels, tokens
_MATRIX = struct.Struct("<2q")
_CHUNK_BYTES = 2**20
_LARGEST_DIM = 2**16


@contextmanager
def readable_fasttext(path: str | PathLike[str]) -> Iterator[Path]:
    """Yield the path of a file in the present layout: this one, or for an old file a temporary copy."""
    path = Path(path)
    with reading(path) as old:
        start = old.read(4)
    if (
        len(start) < 4
        or int.from_bytes(start, "little") == MAGIC
        or not 0 < int.from_bytes(start, "little") < _LARGEST_DIM
    ):
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder, "model.bin")
        with reading(path) as old, copy.open("wb") as new:
            _rewrite(old, new, path)
        yield copy


def _rewrite(old: BinaryIO, new: BinaryIO, path: Path) -> None:
    numbers = _HEADER.unpack(_taken(old, _HEADER.size, path))
    new.write(struct.pack("<2i", MAGIC, 12) + _HEADER.pack(*numbers) + struct.pack("<q", -1))
    for _ in range(numbers[13]):
        new.write(_entry(old, path))
    rows, columns = _MATRIX.unpack(_taken(old, _MATRIX.size, path))
    new.write(b"\0" + _MATRIX.pack(rows, columns))
    left = 4 * rows * columns
    while left > 0:
        left -= new.write(_taken(old, min(_CHUNK_BYTES, left), path))
    new.write(b"\0")
    copyfileobj(old, new)


def _entry(old: BinaryIO, path: Path) -> bytes:
    """Return the bytes of a word, the zero after it, its count and its kind."""
    word = bytearray()
    while not word.endswith(b"\0"):
        word += _taken(old, 1, path)
    return bytes(word) + _taken(old, 9, path)


def _taken(old: BinaryIO, size: int, path: Path) -> bytes:
    data = old.read(size)
    if len(data) < size:
        raise FormatError(f"{path} is truncated, or is not a fastText .bin model")
    return data
