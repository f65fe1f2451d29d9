"""Counts of words in the shares of a corpus become its vocabulary: that of one process that reads all shares in order.

Each share is counted where it lies. Its distinct words are sent in parts, chosen by a hash of the word, so that one
part of all shares is in memory at a time (`WordCounts.part`). The counts of a part are summed (`merge_part`), and only
words that are frequent enough remain of it; `choose_words` makes the vocabulary of these. Words with the same count are
ordered by their first occurrence: the number of the share, and the place among the distinct words of the share.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.formats.words import key_tensors, split_words
from firth.options import Options
from firth.text.choosing import MostFrequent, Totals, least_count, no_words_error
from firth.text.merging import WORDS_AT_A_TIME, KeyCounts, check_distinct
from firth.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pyarrow as pa

_BYTE_VALUES = np.random.default_rng(1).integers(0, 2**32, 256, np.uint32)  # the hash of a word is their sum
_HASHED_AT_A_TIME = 2**20  # words
_SHARE_BITS = 32  # a place is less than 2^31


def key_array(keys: Sequence[Any]) -> "pa.Array":
    """Return keys as an Arrow array: words as bytes in UTF-8 (lone surrogates are kept), numbers as int64."""
    import pyarrow as pa

    tensors = key_tensors(keys)
    if "ids" in tensors:
        return pa.array(tensors["ids"])
    bounds = np.concatenate([np.zeros(1, np.int64), tensors["word_ends"]])
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(tensors["words"])]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(keys), buffers)


def keys_of(array: "pa.Array") -> Iterator[list[Any]]:
    """Yield the keys of which `key_array` made an array, some at a time."""
    import pyarrow as pa

    for first in range(0, len(array), WORDS_AT_A_TIME):
        some = array[first : first + WORDS_AT_A_TIME]
        if pa.types.is_integer(some.type):
            yield some.to_pylist()
        else:
            text, bounds = _bytes_of(some)
            yield split_words(text, bounds[1:])


def _bytes_of(words: "pa.Array") -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of an array of words, and where each begins in them, and the end of the last."""
    _, offsets, data = words.buffers()
    bounds = np.frombuffer(offsets, np.int64)[words.offset : words.offset + len(words) + 1]
    text = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    return text[bounds[0] : bounds[-1]], bounds - bounds[0]


class WordCounts:
    """The distinct words of a share, in the order of their first occurrence, and their counts."""

    def __init__(self, keys: "pa.Array", counts: NDArray[np.int64]):
        self.keys, self.counts = keys, counts
        self._by_part: list[NDArray[np.intp]] = []

    def part(self, part: int, parts: int) -> "pa.RecordBatch":
        """Return the words whose hash falls in a part of `parts`, as columns `key`, `count` and `place`, ascending."""
        import pyarrow as pa

        if len(self._by_part) != parts:
            self._by_part = _places_by_part(self.keys, parts)
        places = self._by_part[part]
        columns = [self.keys.take(pa.array(places)), pa.array(self.counts[places]), pa.array(places)]
        return pa.record_batch(columns, ["key", "count", "place"])


def _places_by_part(keys: "pa.Array", parts: int) -> list[NDArray[np.intp]]:
    """Return the places of the keys of each part, ascending; a key is in the same part on every machine."""
    part_of = np.empty(len(keys), np.uint32)
    for first in range(0, len(keys), _HASHED_AT_A_TIME):
        some = keys[first : first + _HASHED_AT_A_TIME]
        part_of[first : first + len(some)] = _hashes(some) % np.uint32(parts)
    order = np.argsort(part_of, kind="stable")
    return np.split(order, np.searchsorted(part_of[order], np.arange(1, parts)))


def _hashes(keys: "pa.Array") -> NDArray[np.uint32]:
    import pyarrow as pa

    if pa.types.is_integer(keys.type):
        numbers: NDArray[np.int64] = keys.to_numpy()
        return numbers.astype(np.uint32)
    text, bounds = _bytes_of(keys)
    sums = np.zeros(len(text) + 1, np.uint32)
    np.cumsum(_BYTE_VALUES[text], out=sums[1:])
    hashes: NDArray[np.uint32] = sums[bounds[1:]] - sums[bounds[:-1]]
    return hashes


class MergedPart(NamedTuple):
    """The words of a part of the vocabulary that are frequent enough, and the totals of all words of the part.

    firsts     (n,) int64, ascending with their first occurrence in the corpus
    top_first  likewise, of the most frequent word
    """

    keys: "pa.Array"
    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    totals: Totals
    top_first: int


def merge_part(batches: Sequence["pa.RecordBatch"], options: Options) -> MergedPart:
    """Sum the counts of a part of the words, given as that of each share in order."""
    import pyarrow as pa

    some = {share: batch for share, batch in enumerate(batches) if len(batch)}
    if not some:
        return MergedPart(key_array([]), np.empty(0, np.int64), np.empty(0, np.int64), Totals(0, 0, None, 0), 0)
    encoded = pa.concat_arrays([batch["key"] for batch in some.values()]).dictionary_encode()
    ids, keys = encoded.indices.to_numpy(), encoded.dictionary
    places = [batch["place"].to_numpy() + (share << _SHARE_BITS) for share, batch in some.items()]
    counts, firsts = np.zeros(len(keys), np.int64), np.empty(len(keys), np.int64)
    np.add.at(counts, ids, np.concatenate([batch["count"].to_numpy() for batch in some.values()]))
    firsts[ids[::-1]] = np.concatenate(places)[::-1]  # of equal ids the last is kept: the first occurrence
    kept = np.flatnonzero(counts >= least_count(options))
    top = int(np.lexsort((firsts, -counts))[0])
    totals = Totals(int(counts.sum()), len(keys), next(keys_of(keys[top : top + 1]))[0], int(counts[top]))
    return MergedPart(keys.take(pa.array(kept)), counts[kept], firsts[kept], totals, int(firsts[top]))


class ChosenWords(NamedTuple):
    """The words of the vocabulary in its order, their counts, and how many other words were dropped and why.

    totals  those of all words, kept or not
    """

    keys: "pa.Array"
    counts: NDArray[np.int64]
    below_min_count: int
    beyond_max_vocab: int
    totals: Totals

    def vocabulary(self) -> Vocabulary:
        """Return the words as strings or numbers."""
        return Vocabulary(list(chain.from_iterable(keys_of(self.keys))), self.counts)


def choose_words(parts: Sequence[MergedPart], options: Options, too_long: int) -> ChosenWords:
    """Return the words that `MostFrequent` chooses.

    Raises `CorpusError` if no word is frequent enough; `too_long` is the number of tokens skipped.
    """
    import pyarrow as pa

    top = max(parts, key=lambda part: (part.totals.top_count, -part.top_first)).totals
    totals = top._replace(
        words=sum(part.totals.words for part in parts), distinct=sum(part.totals.distinct for part in parts)
    )
    order = np.argsort(np.concatenate([part.firsts for part in parts]))
    if len(order) == 0:
        raise no_words_error(totals, too_long, least_count(options))
    check_distinct(0, len(order))
    counts = np.concatenate([part.counts for part in parts])
    choice = MostFrequent(options).choose(KeyCounts(counts[order], None, lambda _: iter(())), too_long)
    order = order[np.argsort(choice.new_ids)[choice.beyond_max_vocab :]]  # those dropped come first
    keys = pa.concat_arrays([part.keys for part in parts if len(part.keys)]).take(pa.array(order))
    below = totals.distinct - len(counts)
    return ChosenWords(keys, counts[order], below, choice.beyond_max_vocab, totals)
