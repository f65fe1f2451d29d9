"""Numbers the words of token lists in Arrow arrays with the encoder of text.

Its kernel separates words by whitespace, so a word that holds whitespace, or is empty, is escaped: its whitespace
becomes bytes that UTF-8 never has, and `unescaped` reverses this.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.text import encoding
from firth.text.encoding import EncodedText, TextEncoder

MOST_BYTES = 16 * 2**20
"""Bytes of words that are copied at a time, or one longer word."""

_SPACES, _FOR_SPACES, _FOR_NOTHING = b"\t\n\v\f\r ", bytes(range(0xF8, 0xFE)), b"\xfe"
_ESCAPES = bytes.maketrans(_SPACES, _FOR_SPACES)
_ORIGINALS = {ord(byte.decode(errors="surrogateescape")): chr(space) for byte, space in
              zip((_FOR_SPACES[i : i + 1] for i in range(6)), _SPACES, strict=True)}  # fmt: skip
_ORIGINALS[ord(_FOR_NOTHING.decode(errors="surrogateescape"))] = ""


class ListEncoder:
    """Numbers the words of lists; any number of threads may do so at once."""

    def __init__(self) -> None:
        self._encoder = TextEncoder(encoding.LONGEST_WORD)

    def encode(self, words: Any, ends: NDArray[np.int64]) -> list[EncodedText]:
        """Return the words as the parts of a text, in order; the words are escaped.

        words  Arrow array of bytes with 64-bit offsets, without nulls
        ends   the number of words before each sentence end, ascending, more than 0
        """
        n_bytes = int(np.diff(_bounds(words)[[0, -1]])[0])
        if n_bytes > MOST_BYTES and len(words) > 1:
            half = len(words) // 2
            split = int(np.searchsorted(ends, half, side="right"))
            return self.encode(words[:half], ends[:split]) + self.encode(words[half:], ends[split:] - half)
        words, replaced = _repaired(words)
        words = _escaped(words)
        longest = int(np.diff(_bounds(words)).max(initial=encoding.LONGEST_WORD))
        is_ended = len(ends) > 0 and ends[-1] == len(words)
        first, *others = self._encoder.encode(_as_text(words, ends), is_ended, longest)
        return [replace(first, replaced=replaced), *others]


def unescaped(words: list[str]) -> list[str]:
    """Return words that were decoded with `surrogateescape` as they were before they were escaped."""
    return [word if word.isascii() else word.translate(_ORIGINALS) for word in words]


def _bounds(words: Any) -> NDArray[np.int64]:
    """Return where each word begins in its buffer, and the end of the last."""
    return np.frombuffer(words.buffers()[1], np.int64)[words.offset : words.offset + len(words) + 1]


def _repaired(words: Any) -> tuple[Any, int]:
    """Return words with invalid UTF-8 replaced by U+FFFD, and the number of words changed."""
    import pyarrow as pa

    try:
        words.cast(pa.large_string())
    except pa.ArrowInvalid:
        old = words.to_pylist()
        new = [word.decode(errors="replace").encode() for word in old]
        return pa.array(new, pa.large_binary()), sum(a != b for a, b in zip(old, new, strict=True))
    return words, 0


def _escaped(words: Any) -> Any:
    """Return words none of which holds whitespace or is empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bounds = _bounds(words)
    data = words.buffers()[2]
    used = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]] if data else np.empty(0, np.uint8)
    if used.min(initial=255) <= max(_SPACES):
        escaped = used.tobytes().translate(_ESCAPES)
        buffers = [None, pa.py_buffer(bounds - bounds[0]), pa.py_buffer(escaped)]
        words = pa.LargeBinaryArray.from_buffers(words.type, len(words), buffers)
    is_empty = np.diff(bounds) == 0
    return pc.if_else(pa.array(is_empty), pa.scalar(_FOR_NOTHING, words.type), words) if is_empty.any() else words


def _as_text(words: Any, ends: NDArray[np.int64]) -> bytes:
    """Return words separated by spaces, and sentences separated by line feeds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bounds = np.unique(np.concatenate([[0], ends, [len(words)]]))  # an empty sentence is left out
    lines = pc.binary_join(pa.LargeListArray.from_arrays(bounds, words), pa.scalar(b" ", words.type))
    lines = pa.LargeListArray.from_arrays([0, len(lines)], lines)
    text: bytes = pc.binary_join(lines, pa.scalar(b"\n", words.type))[0].as_py()
    return text
