"""Numbering the words of one chunk: text and integer arrays, through Arrow, which leaves the GIL free."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.text.store import DROPPED, END

LONGEST_WORD = 1024
"""Bytes of the longest word of a text; the longest that was ever printed has 585, of 195 Devanagari letters.

What is longer (encoded pictures, keys, a file that is no text) would cost memory and is left out and counted.
"""


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A piece of the corpus in which words are numbered anew.

    words     distinct keys, str or int, by first occurrence; two may be equal (lower-casing makes them so)
    counts    (len(words),) int64
    entries   (n,) int32, indices into `words`, with `END` after each sentence that ends here
    replaced  tokens in which invalid UTF-8 became U+FFFD
    too_long  tokens left out because they have more than `LONGEST_WORD` bytes
    """

    words: list[Any]
    counts: NDArray[np.int64]
    entries: NDArray[np.int32]
    replaced: int = 0
    too_long: int = 0


def encode_text(text: bytes, ended: bool, lowercase: bool = False) -> EncodedChunk:
    """Split bytes into lines and words, and number the words.

    A sentence is a line; a word is a run of at most `LONGEST_WORD` bytes that are not ASCII white space. `ended`
    says whether the last line ends with the text. Only distinct words are decoded and lower-cased. `text` is
    under 2 GB.
    """
    indices, dictionary, lengths, ends = _split(text)
    counts = np.bincount(indices, minlength=len(dictionary))
    entries = _with_ends(indices, ends if ended else ends[:-1])
    too_long = int(counts[lengths > LONGEST_WORD].sum())
    is_word = (lengths > 0) & (lengths <= LONGEST_WORD)  # Arrow sees an empty word beside white space at a line's edge
    if not is_word.all():
        entries, counts, dictionary = _only(is_word, entries), counts[is_word], _taken(dictionary, is_word)
    words, replaced = _decode(dictionary)
    n_replaced = int(counts[replaced].sum())
    if lowercase:
        words = [word.lower() for word in words]
    return EncodedChunk(words, counts, entries, n_replaced, too_long)


def encode_integers(ids: NDArray[np.integer[Any]], ends: NDArray[np.int64]) -> EncodedChunk:
    """Give the distinct values of an array numbers.

    ids   (n,) of any integer dtype, values within int64
    ends  how many of `ids` come before each sentence end, rising
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

    pool = pa.system_memory_pool()  # others keep tens of megabytes for later, and reserve a gigabyte of addresses
    bounds = pa.py_buffer(np.array([0, len(text)], np.int32))
    whole = pa.StringArray.from_buffers(1, bounds, pa.py_buffer(text))
    lines = pc.split_pattern(whole, "\n", memory_pool=pool)
    words = pc.ascii_split_whitespace(lines.values, memory_pool=pool)
    ends = words.offsets.to_numpy()[1:].astype(np.int64)
    del lines  # as large as the text
    encoded = pc.dictionary_encode(words.values, memory_pool=pool)
    lengths = pc.binary_length(encoded.dictionary, memory_pool=pool).to_numpy()
    return encoded.indices.to_numpy(), encoded.dictionary, lengths, ends


def _only(is_word: NDArray[np.bool_], entries: NDArray[np.int32]) -> NDArray[np.int32]:
    """Leave out the entries that are no words, and number the others without gaps."""
    numbers = np.where(is_word, np.cumsum(is_word) - 1, DROPPED)
    lookup = np.append(numbers, END).astype(np.int32)  # END is -1, so it indexes the last entry: itself
    renumbered = lookup[entries]
    words: NDArray[np.int32] = renumbered[renumbered != DROPPED]
    return words


def _taken(dictionary: Any, is_word: NDArray[np.bool_]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.take(dictionary, pa.array(np.flatnonzero(is_word)), memory_pool=pa.system_memory_pool())


def _decode(dictionary: Any) -> tuple[list[str], list[int]]:
    """Decode distinct words from UTF-8; return them and the indices of those that were invalid."""
    if len(dictionary) == 0:
        return [], []
    raw = _joined(dictionary)
    try:
        return raw.decode().split("\n"), []
    except UnicodeDecodeError:
        # A line feed is never part of a longer character, so each word is replaced as it would be alone.
        words = raw.decode(errors="replace").split("\n")
        pairs = enumerate(zip(words, raw.split(b"\n"), strict=True))
        return words, [i for i, (word, original) in pairs if word.encode() != original]


def _joined(dictionary: Any) -> bytes:
    """Return all words as one string with line feeds between: far faster than one Python object each."""
    _, offsets, letters = dictionary.buffers()
    starts = np.frombuffer(offsets, np.int32)[dictionary.offset :][: len(dictionary) + 1]
    text = np.frombuffer(letters, np.uint8)[starts[0] : starts[-1]]
    return np.insert(text, starts[1:-1] - starts[0], ord("\n")).tobytes()


def _with_ends(indices: NDArray[np.int32], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Put an END behind the first `ends[0]` indices, another behind the first `ends[1]`, and so on."""
    entries = np.full(len(indices) + len(ends), END, np.int32)
    is_word = np.ones(len(entries), bool)
    is_word[ends + np.arange(len(ends))] = False
    entries[is_word] = indices
    return entries
