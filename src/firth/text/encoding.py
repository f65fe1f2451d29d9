"""Numbers the words of one chunk of text or of integers, with Arrow, which releases the GIL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.text.store import DROPPED, END, lookup_table

LONGEST_WORD = 1024
"""Bytes of the longest word of a text; the longest word ever printed has 585, in 195 Devanagari letters.

Longer tokens (encoded images, keys, a binary file) would cost memory: they are skipped and counted.
"""


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A part of the corpus with a numbering of its own.

    words     distinct keys, str or int, by first occurrence; two may be equal after lower-casing
    counts    (len(words),) int64
    entries   (n,) int32, indices into `words`, with `END` after each sentence that ends here
    replaced  tokens in which invalid UTF-8 was replaced by U+FFFD
    too_long  tokens skipped because they have more than `LONGEST_WORD` bytes
    """

    words: list[Any]
    counts: NDArray[np.int64]
    entries: NDArray[np.int32]
    replaced: int = 0
    too_long: int = 0


def encode_text(text: bytes, ended: bool, lowercase: bool = False) -> EncodedChunk:
    """Split bytes into lines and words, and number the words.

      text   under 2 GB; a sentence is a line, a word a run of at most `LONGEST_WORD` bytes without ASCII whitespace
      ended  whether the last line ends with the text

    Only distinct words are decoded and lower-cased.
    """
    indices, dictionary, lengths, ends = _split(text)
    counts = np.bincount(indices, minlength=len(dictionary))
    entries = _with_ends(indices, ends if ended else ends[:-1])
    too_long = int(counts[lengths > LONGEST_WORD].sum())
    is_word = (lengths > 0) & (lengths <= LONGEST_WORD)  # Arrow finds an empty word beside whitespace at a line's edge
    if not is_word.all():
        entries, dictionary = _only_words(is_word, entries, dictionary)
        counts = counts[is_word]
    words, replaced = _decode(dictionary)
    n_replaced = int(counts[replaced].sum())
    if lowercase:
        words = [word.lower() for word in words]
    return EncodedChunk(words, counts, entries, n_replaced, too_long)


def encode_integers(ids: NDArray[np.integer[Any]], ends: NDArray[np.int64]) -> EncodedChunk:
    """Assign a number to each distinct value of an array.

    ids   (n,) of any integer dtype, values within int64
    ends  the number of `ids` before each sentence end, ascending
    """
    import pyarrow as pa

    encoded = pa.array(ids.astype(np.int64)).dictionary_encode()
    indices = encoded.indices.to_numpy()
    words = encoded.dictionary.to_numpy().tolist()
    return EncodedChunk(words, np.bincount(indices, minlength=len(words)), _with_ends(indices, ends))


def _split(text: bytes) -> tuple[NDArray[np.int32], Any, NDArray[np.int32], NDArray[np.int64]]:
    """Return each word's index, the distinct words, their lengths, and the number of words up to each line's end."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pool = pa.system_memory_pool()  # the others hold tens of megabytes, and reserve a gigabyte of address space
    bounds = pa.py_buffer(np.array([0, len(text)], np.int32))
    whole = pa.StringArray.from_buffers(1, bounds, pa.py_buffer(text))
    lines = pc.split_pattern(whole, "\n", memory_pool=pool)
    words = pc.ascii_split_whitespace(lines.values, memory_pool=pool)
    ends = words.offsets.to_numpy()[1:].astype(np.int64)
    del lines  # as large as the text
    encoded = pc.dictionary_encode(words.values, memory_pool=pool)
    lengths = pc.binary_length(encoded.dictionary, memory_pool=pool).to_numpy()
    return encoded.indices.to_numpy(), encoded.dictionary, lengths, ends


def _only_words(
    is_word: NDArray[np.bool_], entries: NDArray[np.int32], dictionary: Any
) -> tuple[NDArray[np.int32], Any]:
    """Remove everything that is not a word, and close the gaps in the numbering."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = np.where(is_word, np.cumsum(is_word) - 1, DROPPED)
    new_entries = lookup_table(numbers.astype(np.int32))[entries]
    words = pc.array_filter(dictionary, pa.array(is_word), memory_pool=pa.system_memory_pool())
    return new_entries[new_entries != DROPPED], words


def _decode(dictionary: Any) -> tuple[list[str], list[int]]:
    """Decode distinct words from UTF-8, all at once; return them, and the indices of those that were invalid."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(dictionary) == 0:
        return [], []
    all_words = pa.ListArray.from_arrays(pa.array([0, len(dictionary)], pa.int32()), dictionary)
    raw = pc.binary_join(all_words, "\n", memory_pool=pa.system_memory_pool())[0].as_buffer().to_pybytes()
    try:
        return raw.decode().split("\n"), []
    except UnicodeDecodeError:
        # A line feed is never part of a longer character, so replacing in all words at once gives what each alone gives
        words = raw.decode(errors="replace").split("\n")
        pairs = enumerate(zip(words, raw.split(b"\n"), strict=True))
        return words, [i for i, (word, original) in pairs if word.encode() != original]


def _with_ends(indices: NDArray[np.int32], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Insert an END after the first `ends[0]` indices, another after the first `ends[1]`, and so on."""
    return np.insert(indices, ends, np.int32(END))
