"""Numbers the words of one chunk of text, or the values of one chunk of integers, without the GIL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.text.ids import END
from firth.text.word_table import HASH_SEED, WordTable

LONGEST_WORD = 1024
"""Bytes of the longest word of a text; the longest word ever printed has 585, in 195 Devanagari letters.

Longer tokens (encoded images, keys, a binary file) would cost memory: they are skipped and counted.
"""


WORDS_IN_TABLE = 200_000
"""Distinct words that are counted in one table; the rest of the chunk gets another."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A part of a text with a numbering of its own.

    words     the distinct words and their counts, without slots
    tags      (words,) uint32: 32 bits of the hash of each word
    entries   (n,) int32, numbers of words, with `END` after each sentence that ends here
    too_long  tokens skipped because they have more than `LONGEST_WORD` bytes
    """

    words: WordTable
    tags: NDArray[np.uint32]
    entries: NDArray[np.int32]
    too_long: int = 0


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


def encode_text(text: bytes, ended: bool, longest: int | None = None) -> list[EncodedText]:
    """Split bytes into lines and words, and number the words.

      text     under 2 GB; a sentence is a line, a word a run of at most `longest` bytes without ASCII whitespace
      ended    whether the last line ends with the text
      longest  None: `LONGEST_WORD`

    Words are compared byte by byte, and need not be UTF-8.
    """
    n_bytes = len(text) + 1
    padded = b"".join((text, b"\n" if ended else b" ", b" " * (16 - n_bytes % 8)))
    units = np.frombuffer(padded, "<u8").astype(np.uint64, copy=False)
    parts, start = [], 0
    while start < n_bytes:
        part, start = _encode_part(units, n_bytes, start, LONGEST_WORD if longest is None else longest)
        parts.append(part)
    return parts


def _encode_part(text: NDArray[np.uint64], n_bytes: int, start: int, longest: int) -> tuple[EncodedText, int]:
    """Encode text from byte `start` on, with one table; return also the byte at which the table was full."""
    from firth.text.word_kernels import count_words

    size = n_bytes - start
    most = min(WORDS_IN_TABLE, size // 2 + 1)
    table = WordTable(
        np.zeros(2 * most, np.uint64),
        np.zeros(most + 1, np.uint32),
        np.empty(most, np.uint32),
        np.empty(4 * most + longest // 8 + 2, np.uint64),
    )
    tags, entries = np.empty(most, np.uint32), np.empty(size, np.int32)
    results = count_words(text, n_bytes, start, longest, HASH_SEED, table, tags, entries)
    stop, n_entries, n_words, n_units, too_long = map(int, results)
    words = WordTable(np.empty(0, np.uint64), table.starts[: n_words + 1], table.counts[:n_words], table.units[:n_units])
    return EncodedText(words, tags[:n_words], entries[:n_entries], too_long), stop


def encode_integers(ids: NDArray[np.integer[Any]], ends: NDArray[np.int64]) -> EncodedKeys:
    """Assign a number to each distinct value of an array.

    ids   (n,) of any integer dtype, values within int64
    ends  the number of `ids` before each sentence end, ascending
    """
    import pyarrow as pa

    encoded = pa.array(ids.astype(np.int64)).dictionary_encode()
    indices = encoded.indices.to_numpy()
    words = encoded.dictionary.to_numpy().tolist()
    return EncodedKeys(words, np.bincount(indices, minlength=len(words)), _with_ends(indices, ends))


def _with_ends(indices: NDArray[np.int32], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Insert an END after the first `ends[0]` indices, another after the first `ends[1]`, and so on."""
    return np.insert(indices, ends, np.int32(END))
