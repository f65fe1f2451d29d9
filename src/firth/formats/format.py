"""`Format`, which describes one on-disk format, and the types that all format modules share."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.packed_words import PackedWords
from firth.subwords import SubwordVectors

Array = NDArray[Any]
PathLike = str | os.PathLike[str]


class Table(NamedTuple):
    """V keys, words or whole numbers, their (V, D) vectors, their (V,) int64 counts where known, and n-grams if any."""

    keys: list[str] | list[int] | PackedWords
    vectors: Array
    counts: NDArray[np.int64] | None
    subwords: SubwordVectors | None = None


class Signature(NamedTuple):
    """The first bytes of a kind of file, its name in messages, and what to do with such a file."""

    magic: bytes
    title: str
    remedy: str


class Head(NamedTuple):
    """The beginning of a file, uncompressed."""

    path: Path
    is_compressed: bool
    line: bytes
    next_line: bytes
    start: bytes
    """Both lines, and a few bytes more: a header in binary may have newlines among its first bytes."""


@dataclass(frozen=True)
class Format:
    """A format: its name, its reader and writer, and which files are in it."""

    name: str
    description: str
    read: Callable[..., Table]
    write: Callable[..., None] | None = None
    """None for a format that firth only reads."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of file names for which this format is written."""
    reads_with: frozenset[str] = frozenset()
    """The options that `read` takes; `read_vectors` applies `limit` for readers without it."""
    writes_with: frozenset[str] = frozenset()
    compressible: bool = False
    """Whether the file may be compressed; the suffixes .gz, .bz2, .xz and .zst then choose the compression."""
    signature: Signature | None = None
    recognises_path: Callable[[Path], bool] | None = None
    """Returns whether a path, from its name or as a folder, is in this format."""
    recognises_head: Callable[[Head], bool] | None = None
    """Returns whether a file is in this format; the default compares the signature."""

    def owns(self, head: Head) -> bool:
        """Return whether a file that begins with `head` is in this format."""
        if self.recognises_head is not None:
            return self.recognises_head(head)
        return self.signature is not None and head.start.startswith(self.signature.magic)
