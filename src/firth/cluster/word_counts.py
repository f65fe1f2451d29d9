"""Counts of words in the shares of a corpus become its vocabulary: that of one process that reads all shares in order.

Each share is counted where it lies. Its distinct words are sent in parts, chosen by a hash of the word, so that one
part of all shares is in memory at a time (`WordCounts.part`). The counts of a part are summed (`merge_part`), and only
words that are frequent enough remain of it; `choose_words` makes the vocabulary of these. Words with the same count are
ordered by their first occurrence: the number of the share, and the place among the distinct words of the share.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.formats.words import key_tensors, split_words
from firth.options import Options
from firth.text.choosing import Totals, by_count, least_count, no_words_error
from firth.text.merging import WORDS_AT_A_TIME, check_distinct
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
        return number_array(tensors["ids"])
    bounds = np.concatenate([np.zeros(1, np.int64), tensors["word_ends"]])
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(tensors["words"])]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(keys), buffers)


def number_array(numbers: NDArray[np.integer[Any]]) -> "pa.Array":
    """Return numbers as an Arrow array of int64, without `pa.array`, which imports pandas and so takes 50 MB."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers.astype(np.int64))])


def numbers_of(array: "pa.Array", dtype: DTypeLike = np.int64) -> NDArray[Any]:
    """Return an Arrow array of integers without nulls, of that dtype; `to_numpy` imports pandas too."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


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


class ColumnKeys(Sequence[Any]):
    """The keys of an array that `key_array` made; each is made a string or a number when it is read."""

    def __init__(self, array: "pa.Array"):
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(keys_of(self._array))

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return list(ColumnKeys(self._array[index]))
        row = range(len(self))[index]
        return next(keys_of(self._array[row : row + 1]))[0]


class _ColumnVocabulary(Vocabulary):
    """A vocabulary whose keys are those of an array."""

    def __init__(self, keys: ColumnKeys, counts: NDArray[np.int64]):
        self.index_to_key, self.counts = keys, counts

    @cached_property
    def key_to_index(self) -> dict[Any, int]:  # type: ignore[override]
        """The inverse of `index_to_key`."""
        return {key: i for i, key in enumerate(self.index_to_key)}


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
        columns = [self.keys.take(number_array(places)), number_array(self.counts[places]), number_array(places)]
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
        return numbers_of(keys).astype(np.uint32)
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
    ids, keys = numbers_of(encoded.indices, np.int32), encoded.dictionary
    places = [numbers_of(batch["place"]) + (share << _SHARE_BITS) for share, batch in some.items()]
    counts, firsts = np.zeros(len(keys), np.int64), np.empty(len(keys), np.int64)
    np.add.at(counts, ids, np.concatenate([numbers_of(batch["count"]) for batch in some.values()]))
    firsts[ids[::-1]] = np.concatenate(places)[::-1]  # of equal ids the last is kept: the first occurrence
    kept = np.flatnonzero(counts >= least_count(options))
    top = int(np.lexsort((firsts, -counts))[0])
    totals = Totals(int(counts.sum()), len(keys), next(keys_of(keys[top : top + 1]))[0], int(counts[top]))
    return MergedPart(keys.take(number_array(kept)), counts[kept], firsts[kept], totals, int(firsts[top]))


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
        """Return the vocabulary; its words are strings only while they are read, in a third of the memory."""
        return _ColumnVocabulary(ColumnKeys(self.keys), self.counts)


def choose_words(parts: list[MergedPart], options: Options, too_long: int) -> ChosenWords:
    """Return the words that `MostFrequent` chooses; `parts` is emptied, so that its words are not kept twice.

    Raises `CorpusError` if no word is frequent enough; `too_long` is the number of tokens skipped.
    """
    import pyarrow as pa

    top = max(parts, key=lambda part: (part.totals.top_count, -part.top_first)).totals
    totals = top._replace(
        words=sum(part.totals.words for part in parts), distinct=sum(part.totals.distinct for part in parts)
    )
    firsts = np.concatenate([part.firsts for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    if len(counts) == 0:
        raise no_words_error(totals, too_long, least_count(options))
    check_distinct(0, len(counts))
    keys = pa.concat_arrays([part.keys for part in parts if len(part.keys)])
    parts.clear()
    kept = by_count(counts, np.argsort(firsts))[: options.max_vocab]
    below, beyond = totals.distinct - len(counts), len(counts) - len(kept)
    return ChosenWords(keys.take(number_array(kept)), counts[kept], below, beyond, totals)
