"""Numbers the words of one chunk of text, or the values of one chunk of integers, without the GIL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.text.ids import END
from firth.text.word_kernels import SPILL, count_words
from firth.text.word_table import HASH_SEED, WordTable

LONGEST_WORD = 1024
"""Bytes of the longest word of a text; the longest word ever printed has 585, in 195 Devanagari letters.

Longer tokens (encoded images, keys, a binary file) would cost memory: they are skipped and counted.
"""


WORDS_IN_TABLE = 2**16
"""Distinct words that are counted in one table; the rest of the chunk gets another."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A part of a text with a numbering of its own.

    units     (any,) uint64: the distinct words, one after another, in the layout of `word_kernels`
    tags      (words,) uint32: 32 bits of the hash of each word
    counts    (words,) uint32
    entries   (n,) int32, numbers of words, with `END` after each sentence that ends here
    too_long  tokens skipped because they have more than `LONGEST_WORD` bytes
    replaced  tokens in which invalid UTF-8 was replaced by U+FFFD; those of a text are repaired later
    """

    units: NDArray[np.uint64]
    tags: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    entries: NDArray[np.int32]
    too_long: int = 0
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class EncodedKeys:
    """A part of a corpus of Python objects, or of integers, with a numbering of its own.

    keys      distinct keys, str or int, by first occurrence; two may be equal after lower-casing
    counts    (len(keys),) int64
    entries   (n,) int32, indices into `keys`, with `END` after each sentence that ends here
    replaced  tokens in which invalid UTF-8 was replaced by U+FFFD
    """

    keys: list[Any]
    counts: NDArray[np.int64]
    entries: NDArray[np.int32]
    replaced: int = 0


class TextEncoder:
    """Splits text into lines and words, and numbers the words of each text; any number of threads may do so at once.

      longest  bytes of the longest word, unless `encode` is given another number

    Words are compared byte by byte, and need not be UTF-8. The arrays that are needed for a text are used again for the
    next: the system takes longer to provide new memory than to split a text.
    """

    def __init__(self, longest: int):
        self._longest = longest
        self._unused: list[_Workspace] = []

    def encode(self, text: bytes, ended: bool, longest: int | None = None) -> list[EncodedText]:
        """Return the parts of a text, in order.

        text   under 2 GB; a sentence is a line, a word a run of at most `longest` bytes without ASCII whitespace
        ended  whether the last line ends with the text
        """
        longest = self._longest if longest is None else longest
        n_bytes = len(text) + 1
        padded = b"".join((text, b"\n" if ended else b" ", b" " * (16 - n_bytes % 8)))
        units = np.frombuffer(padded, "<u8").astype(np.uint64, copy=False)
        work = self._workspace(n_bytes, longest)
        parts, start = [], 0
        while start < n_bytes:
            part, start = self._encode_part(units, n_bytes, start, work, longest)
            parts.append(part)
        self._unused.append(work)
        return parts

    def _workspace(self, n_bytes: int, longest: int) -> "_Workspace":
        try:
            work = self._unused.pop()
        except IndexError:
            return _Workspace(n_bytes, longest)
        fits = len(work.entries) >= n_bytes and work.longest >= longest
        return work if fits else _Workspace(n_bytes * 5 // 4, longest)

    def _encode_part(
        self, text: NDArray[np.uint64], n_bytes: int, start: int, work: "_Workspace", longest: int
    ) -> tuple[EncodedText, int]:
        """Encode text from byte `start` on, with one table; return also the byte at which the table was full."""
        work.table.slots.fill(0)
        results = count_words(
            text, n_bytes, start, longest, HASH_SEED, work.table, work.counts, work.tags, work.entries
        )
        stop, n_entries, n_words, n_units, too_long = map(int, results)
        units, tags, counts = work.table.units[:n_units], work.tags[:n_words], work.counts[:n_words]
        entries = work.entries[:n_entries].copy()
        return EncodedText(units.copy(), tags.copy(), counts.copy(), entries, too_long), stop


class _Workspace:
    """The arrays that `count_words` fills for a text of `n_bytes`."""

    def __init__(self, n_bytes: int, longest: int):
        self.longest = longest
        most = min(WORDS_IN_TABLE, n_bytes // 2 + 1)
        self.table = WordTable(
            np.empty(2 * most + SPILL, np.uint64),
            np.empty(most, np.uint32),
            np.empty(4 * most + longest // 8 + 2, np.uint64),
        )
        self.counts = np.empty(most, np.uint32)
        self.tags = np.empty(most, np.uint32)
        self.entries = np.empty(n_bytes, np.int32)


def encode_integers(ids: Any, ends: NDArray[np.int64]) -> EncodedKeys:
    """Assign a number to each distinct value of an array.

    ids   (n,) of any integer dtype, values within int64: an array of NumPy or Arrow
    ends  the number of `ids` before each sentence end, ascending
    """
    import pyarrow as pa

    encoded = pa.array(ids).cast(pa.int64()).dictionary_encode()
    indices = encoded.indices.to_numpy()
    counts = np.bincount(indices, minlength=len(encoded.dictionary))
    return EncodedKeys(encoded.dictionary.to_pylist(), counts, np.insert(indices, ends, np.int32(END)))
