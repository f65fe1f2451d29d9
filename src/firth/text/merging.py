"""Merges the numberings of chunks, in the order of the chunks, into one numbering of the whole corpus.

`MergedWords` merges chunks of text, `MergedLists` chunks of word lists in Arrow arrays, `MergedKeys` chunks of Python
objects or integers. All number keys by first occurrence, and count them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import counted
from firth.text import encoding
from firth.text.encoding import EncodedKeys, EncodedText, TextEncoder
from firth.text.ids import END, MOST_IDS, Ids
from firth.text.sentences import Numbering, mixed_keys
from firth.text.word_lists import unescaped
from firth.text.word_table import DistinctWords

WORDS_AT_A_TIME = 2**14
"""Words decoded at a time."""


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """The distinct keys of a corpus, in order of first occurrence.

    counts    (n,) int64, occurrences of each key; 0 for a key that is counted under an earlier id
    same_ids  (n,) int32: the id under which each key is counted; None: each under its own
    keys      function that yields the keys, str or int, of ids with a count, some at a time; to be called once
    """

    counts: NDArray[np.int64]
    same_ids: Ids | None
    keys: Callable[[NDArray[np.integer[Any]]], Iterator[list[Any]]]


class MergedKeys:
    """The distinct keys of token lists, or integers.

    raw_words  tokens read
    replaced   tokens in which invalid UTF-8 was replaced by U+FFFD
    too_long   0: the length of a key is not limited
    """

    def __init__(self) -> None:
        self.raw_words = self.replaced = self.too_long = 0
        self._ids = Numbering()
        self._counts: NDArray[np.int64] = np.zeros(1024, np.int64)

    def add(self, chunk: EncodedKeys) -> Ids:
        """Count the keys of a chunk and return their ids; raise `CorpusError` if it has str and others int, or v.v."""
        earlier = next(iter(self._ids), None)
        if chunk.keys and earlier is not None and type(earlier) is not type(chunk.keys[0]):
            raise mixed_keys(earlier, chunk.keys[0])
        check_distinct(len(self._ids), len(chunk.keys))
        ids = np.fromiter(map(self._ids.__getitem__, chunk.keys), np.int32, len(chunk.keys))
        if len(self._ids) > len(self._counts):
            self._counts = np.append(self._counts, np.zeros(len(self._ids), np.int64))
        np.add.at(self._counts, ids, chunk.counts)
        self.raw_words += int(chunk.counts.sum())
        self.replaced += chunk.replaced
        return ids

    def finish(self) -> KeyCounts:
        """Return the keys and their counts; the object must not be used afterwards."""
        keys = list(self._ids)
        self._ids.clear()
        return KeyCounts(self._counts[: len(keys)], None, lambda ids: iter([[keys[i] for i in ids.tolist()]]))


class MergedWords:
    """The distinct words of text: repaired and lower-cased once, at the end.

    raw_words  tokens read
    replaced   tokens in which invalid UTF-8 was replaced by U+FFFD; known after `finish`
    too_long   tokens skipped because they have more than `LONGEST_WORD` bytes
    """

    def __init__(self, lowercase: bool):
        self._lowercase = lowercase
        self._words = DistinctWords()
        self._encoder = TextEncoder(encoding.LONGEST_WORD)
        self._repaired: list[Ids] = []
        self.raw_words = self.replaced = self.too_long = 0

    def add(self, chunk: EncodedText) -> Ids:
        """Count the words of a chunk and return their ids."""
        self.raw_words += int(chunk.counts.sum(dtype=np.int64))
        self.too_long += chunk.too_long
        self.replaced += chunk.replaced
        check_distinct(len(self._words), len(chunk.tags))
        return self._words.add(chunk.units, chunk.tags, chunk.counts)

    def finish(self) -> KeyCounts:
        """Return the words and their counts; the object must not be used afterwards."""
        n = len(self._words)
        folded_ids = self._folded_ids()
        self._words.close_index()
        counts = self._words.counts()[:n]
        self.replaced += sum(int(counts[some].sum()) for some in self._repaired)
        if folded_ids is None:
            return KeyCounts(counts, None, self._decoded)
        same_ids = _first_equal(folded_ids, len(self._words))
        merged = np.zeros_like(counts)
        np.add.at(merged, same_ids, counts)
        return KeyCounts(merged, same_ids, lambda ids: self._decoded(folded_ids[ids]))

    def _folded_ids(self) -> Ids | None:
        """Return the id of each word when repaired and lower-cased, which may be new; None if no word changes."""
        n, folded_ids = len(self._words), None
        for first, raw in self._words.texts_in_order(WORDS_AT_A_TIME):
            folded = self._folded(raw, first)
            if folded != raw:
                if folded_ids is None:
                    folded_ids = np.arange(n, dtype=np.int32)
                folded_ids[first : first + WORDS_AT_A_TIME] = self._ids_of(folded)
        return folded_ids

    def _folded(self, raw: bytes, first: int) -> bytes:
        """Repair and lower-case words, each followed by a line feed, and keep the ids of those that were repaired."""
        # A line feed ends a character and, for `lower`, a word, so each word becomes what it would become alone
        try:
            text = raw.decode()
            folded = raw
        except UnicodeDecodeError:
            text = raw.decode(errors="replace")
            folded = text.encode()
            pairs = zip(folded.split(b"\n"), raw.split(b"\n"), strict=True)
            changed = [first + i for i, (new, old) in enumerate(pairs) if new != old]
            self._repaired.append(np.array(changed, np.int32))
        return text.lower().encode() if self._lowercase else folded

    def _ids_of(self, text: bytes) -> Ids:
        """Return the ids of words separated by whitespace; new words are added."""
        found = []
        for part in self._encoder.encode(text, ended=True, longest=len(text)):
            check_distinct(len(self._words), len(part.tags))
            part.counts.fill(0)  # their tokens are counted under the words as they were read
            ids = self._words.add(part.units, part.tags, part.counts)
            found.append(ids[part.entries[part.entries != END]])
        return np.concatenate(found)

    def _decoded(self, ids: NDArray[np.integer[Any]]) -> Iterator[list[str]]:
        for first in range(0, len(ids), WORDS_AT_A_TIME):
            yield self._as_words(self._words.texts(ids[first : first + WORDS_AT_A_TIME]))
        self._words = DistinctWords()  # frees the table

    def _as_words(self, text: bytes) -> list[str]:
        """Return the words of a text, each of which is followed by a line feed."""
        return text.decode().split("\n")[:-1]


class MergedLists(MergedWords):
    """The distinct words of token lists, which `ListEncoder` escaped and repaired; the length of a word is not limited.

    The attributes are those of `MergedWords`; `too_long` is 0.
    """

    def _folded(self, raw: bytes, first: int) -> bytes:
        if not self._lowercase:
            return raw
        return raw.decode(errors="surrogateescape").lower().encode(errors="surrogateescape")

    def _as_words(self, text: bytes) -> list[str]:
        return unescaped(text.decode(errors="surrogateescape").split("\n")[:-1])


def _first_equal(folded_ids: Ids, n_folded: int) -> Ids:
    """Return for each word the first that has the same `folded_ids`."""
    first = np.empty(n_folded, np.int32)
    n = len(folded_ids)
    first[folded_ids[::-1]] = np.arange(n - 1, -1, -1, dtype=np.int32)  # of equal ids the last is kept: the first word
    return first[folded_ids]


def check_distinct(n_ids: int, n_new: int) -> None:
    """Raise `CorpusError` if there might be too many distinct keys for int32 ids."""
    if n_ids + n_new > MOST_IDS:
        raise CorpusError(
            f"the corpus has more than {counted(n_ids, 'distinct word')}, and {MOST_IDS:,} are the most: check that it "
            "is text whose words are separated by whitespace, or read less"
        )
