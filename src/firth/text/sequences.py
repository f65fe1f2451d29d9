"""Sequences of items: the sessions of a table of events, a corpus for item2vec (Barkan and Koenigstein 2016)."""

from collections.abc import Iterable, Iterator
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.text.choosing import KnownWords, MostFrequent
from firth.text.columns import RowCounts
from firth.text.corpus import Corpus, GeneratedCorpus, Progress
from firth.text.ids import END
from firth.text.merging import KeyCounts, MergedKeys
from firth.text.sentences import checked_keys, encode_sentences
from firth.text.store import StoreBuilder, TokenStore
from firth.text.table_columns import is_missing, numbered, read_columns

MOST_WEIGHT = 2**24
"""The largest weight of a sequence; sums with a random number of 24 bits are then exact."""

_SEQUENCES_AT_A_TIME = 2**16
_WEIGHT_DRAWS = 2**32 - 3  # takes the place of an epoch in the keys of random draws

_KEYS = "items must be strings or whole numbers, which is what files of vectors can hold"
_FROM_PANDAS = (
    'pandas makes whole numbers floats if one is missing: convert the column with astype("Int64") when it is read'
)


class Sequences(GeneratedCorpus):
    """Sequences of items in memory, each with a weight if wanted; a corpus for `Word2Vec.fit`.

    `firth.sequences` makes them of a table of events, `from_lists` of lists of items. `len` is the number of sequences;
    an index gives the items of one as a list, a slice gives some of them as `Sequences`.

      keys     the distinct items, all str or all int, by first occurrence
      ids      (n,) int32: the items of all sequences one after another, as indices into `keys`
      offsets  (n_sequences + 1,) int64: sequence i is ids[offsets[i] : offsets[i + 1]]
      weights  (n_sequences,) float64, or None: every weight is 1
      skipped  argument -> rows of the table without a value in its column, which were left out

    A sequence of weight w is trained on as if it occurred w times. If w is not a whole number, it occurs floor(w + U)
    times, with U uniform in [0, 1) and drawn once for each sequence from the seed of the model: w times on average, and
    exactly w times if w is whole. Counts of items are counted after that. Time and memory grow with the sum of the
    weights.
    """

    def __init__(
        self,
        keys: list[Any],
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        weights: ArrayLike | None = None,
        skipped: dict[str, int] | None = None,
    ):
        self.keys, self.ids, self.offsets = keys, ids, offsets
        self.skipped = skipped or {}
        self.weights = None if weights is None else checked_weights(weights, len(self))

    @classmethod
    def from_lists(cls, sentences: Iterable[Iterable[Any]], weights: ArrayLike | None = None) -> Self:
        """Return the sequences of an iterable of token lists, read once, with a weight for each if given.

        Raises `CorpusError` as `Word2Vec.fit` does for token lists, and for weights that are not finite numbers from 0
        to 16,777,216, one for each list.
        """
        merged, parts, counts = MergedKeys(), [np.empty(0, np.int32)], RowCounts()
        for chunk in encode_sentences(sentences, False, counts):
            ids = np.append(merged.add(chunk), np.int32(END))
            parts.append(ids[chunk.entries])  # END is -1, the last of `ids`
        entries, keys = np.concatenate(parts), merged.finish()
        ends = np.flatnonzero(entries == END)
        offsets = np.concatenate([[0], ends - np.arange(len(ends))]).astype(np.int64)
        (names,) = keys.keys(np.arange(len(keys.counts)))
        if counts.nulls and weights is not None:
            raise CorpusError(f"{_missing(counts.nulls)}: leave out missing sentences, and their weights")
        return cls(names, entries[entries != END], offsets, weights, {"sentences": counts.nulls})

    def with_weights(self, weights: ArrayLike) -> "Sequences":
        """Return the same sequences with other weights, one for each."""
        return Sequences(self.keys, self.ids, self.offsets, weights, self.skipped)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[list[Any]]:
        for first, stop in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield [self.keys[i] for i in self.ids[first:stop].tolist()]

    @overload
    def __getitem__(self, index: int) -> list[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequences": ...
    def __getitem__(self, index: int | slice) -> "list[Any] | Sequences":
        rows = np.arange(len(self))[index]
        if not isinstance(index, slice):
            return [self.keys[i] for i in self.ids[self.offsets[rows] : self.offsets[rows + 1]].tolist()]
        weights = None if self.weights is None else self.weights[rows]
        return Sequences(self.keys, *gathered(self.ids, self.offsets, rows), weights, self.skipped)

    def __repr__(self) -> str:
        rows = sum(self.skipped.values())
        skipped = f"; {counted(rows, 'row')} without a value skipped" if rows else ""
        weighted = "" if self.weights is None else f", weights {self.weights.sum():,.6g} in all"
        return (
            f"<Sequences: {counted(len(self), 'sequence')} of {counted(len(self.keys), 'item')}, "
            f"{counted(len(self.ids), 'event')}{weighted}{skipped}>"
        )

    def generate(self, words: MostFrequent | KnownWords, workers: int, progress: Progress | None) -> Corpus:
        """Return the vocabulary and the tokens, each sequence as often as its weight says.

        Raises `CorpusError` if no item is kept, or items would be changed to lower case.
        """
        if words.lowercase:
            raise CorpusError(f"{option('lowercase', 'True')} is for text, and items stay as they are: omit it")
        times = times_of(self.weights, len(self), words.seed)
        counts = np.bincount(self.ids, np.repeat(times, np.diff(self.offsets)), len(self.keys)).astype(np.int64)
        choice = words.choose(KeyCounts(counts, None, self._names), 0)
        builder = StoreBuilder()
        try:
            tokens = self._store(builder, times, choice.new_ids, progress)
        except BaseException:
            builder.close()
            raise
        return Corpus(
            choice.vocabulary(),
            tokens,
            raw_words=int(counts.sum()),
            sentences=int(times[np.diff(self.offsets) > 0].sum()),
            replaced=0,
            too_long=0,
            distinct_words=int(np.count_nonzero(counts)),
            below_min_count=choice.below_min_count,
            beyond_max_vocab=choice.beyond_max_vocab,
            not_in_vocabulary=choice.not_in_vocabulary,
            null_rows=sum(self.skipped.values()),
        )

    def _store(
        self, builder: StoreBuilder, times: NDArray[np.int64], new_ids: NDArray[np.int32], progress: Progress | None
    ) -> TokenStore:
        same, done = np.arange(len(self.keys), dtype=np.int32), 0
        ends, total = np.cumsum(times), int(times.sum())
        while done < total:
            some = np.arange(done, min(done + _SEQUENCES_AT_A_TIME, total))
            ids, offsets = gathered(self.ids, self.offsets, np.searchsorted(ends, some, side="right"))
            builder.append(np.insert(ids, offsets[1:], np.int32(END)), same)
            done += len(some)
            if progress is not None:
                progress(done, total)
        return builder.finish(new_ids)

    def _names(self, ids: NDArray[np.integer[Any]]) -> Iterator[list[Any]]:
        yield [self.keys[i] for i in ids.tolist()]


def sequences(table: Any = None, *, by: Any, item: Any, order: Any = None, weight: Any = None) -> Sequences:
    """Return the sequences of a table of events: the items of each session, in order.

      table   pandas, polars, Arrow, a dataset of Hugging Face, or any object with the Arrow C interface; a dict of
              columns; a list of dicts; or the path of a Parquet, Arrow, CSV, TSV or JSON Lines file, or of a folder
              of Parquet. None: the arguments below are the columns themselves
      by      name of the column of sessions, of any type, or a list of names: a session for each combination
      item    name of the column of items: strings, or whole numbers within int64, which become the keys of the vectors
      order   name of the column to sort the events of a session by, such as a time. Equal values keep the order of the
              rows, as all do with None
      weight  name of the column of the weights of sessions, the same in all rows of a session; see `Sequences`. For
              weights of single events, give `Pairs`: docs/recipes.md shows how

    Sessions are in the order of their first rows. Rows without a value (null or NaN) in one of these columns are left
    out and counted, in `Sequences.skipped`. The whole table is in memory, with about 50 bytes more for each row.

    Raises `CorpusError` if the table cannot be read, a column is missing, columns differ in length, items are of
    another type, or a weight is not a finite number from 0 to 16,777,216 or differs within a session.
    """
    parts = by if isinstance(by, (list, tuple)) and table is not None else [by]
    sessions = {"by" if len(parts) == 1 else f"by[{i}]": name for i, name in enumerate(parts)}
    arrays, skipped = read_columns(table, sessions | {"item": item, "order": order, "weight": weight})
    session_of = _combined([numbered(arrays[argument], argument).codes for argument in sessions])
    items = numbered(arrays["item"], "item")
    keys = checked_items(items.values, item if isinstance(item, str) else "item")
    rows = _sorted(session_of, arrays.get("order"))
    starts = np.flatnonzero(np.diff(session_of[rows], prepend=-1))
    offsets = np.append(starts, len(rows)).astype(np.int64)
    weights = None if weight is None else _session_weights(arrays["weight"], rows, starts)
    ids, first = _by_first_occurrence(items.codes[rows], len(keys))
    return Sequences([keys[i] for i in first.tolist()], ids, offsets, weights, skipped)


def _missing(number: int) -> str:
    return f"{counted(number, 'sentence')} {'is' if number == 1 else 'are'} missing"


def _combined(codes: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return one number for each combination of numbers, by first occurrence."""
    import pyarrow as pa

    combined = codes[0]
    for each in codes[1:]:
        together = combined * (int(each.max(initial=0)) + 1) + each
        combined = numbered(pa.array(together), "by").codes
    return combined


def checked_items(values: Any, name: str) -> list[Any]:
    """Return distinct items as str or int; raise `CorpusError` for another type."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_large_string(values.type) or kinds.is_integer(values.type) or kinds.is_null(values.type):
        return checked_keys(values.to_pylist())
    advice = _FROM_PANDAS if kinds.is_floating(values.type) else 'convert the column to strings, as in astype("string")'
    raise CorpusError(f"the column {name!r} is of type {values.type}, and {_KEYS}: {advice}")


def _sorted(session_of: NDArray[np.int64], order: Any) -> NDArray[np.int64]:
    """Return the rows sorted by session, then by `order`, then as they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if order is None:
        return _stable_order(session_of)
    try:
        rows = pc.sort_indices(order).to_numpy().astype(np.int64)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError):
        raise CorpusError(f"the column of {option('order')} is of type {order.type}, which has no order") from None
    return np.asarray(rows[_stable_order(session_of[rows])])


def _stable_order(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order that sorts numbers of at least 0, stably, 16 bits at a time: NumPy sorts these by counting."""
    rows = np.arange(len(codes))
    for shift in range(0, int(codes.max(initial=0)).bit_length(), 16):
        rows = rows[np.argsort((codes[rows] >> shift).astype(np.uint16), kind="stable")]
    return rows


def _by_first_occurrence(codes: NDArray[np.int64], n: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Renumber the codes, all of 0 to n - 1, by first occurrence; return them, and the old number of each new one."""
    first = np.empty(n, np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of equal codes the last is kept: the first occurrence
    old = np.argsort(first)
    new = np.empty(n, np.int32)
    new[old] = np.arange(n)
    return new[codes], old


def _session_weights(column: Any, rows: NDArray[np.int64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weight of each session; raise `CorpusError` if rows of one session differ."""
    weights = weights_of_column(column)[rows]
    if not len(starts):
        return weights
    low, high = np.minimum.reduceat(weights, starts), np.maximum.reduceat(weights, starts)
    if (low < high).any():
        at = int(np.argmax(low < high))
        raise CorpusError(
            f"a session has the weights {low[at]:g} and {high[at]:g} in two of its rows: {option('weight')} is the "
            "weight of a whole session. For weights of single events, give Pairs with the products of their weights"
        )
    return low


def weights_of_column(column: Any) -> NDArray[np.float64]:
    """Return an Arrow array of numbers as float64; raise `CorpusError` for another type."""
    import pyarrow as pa

    kinds = pa.types
    checks = (kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_null)
    if not any(check(column.type) for check in checks):
        raise CorpusError(f"the column of {option('weight')} is of type {column.type}: weights must be numbers")
    weights: NDArray[np.float64] = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    return weights


def checked_weights(weights: Any, n: int) -> NDArray[np.float64]:
    """Return the weights of n sequences as an array; raise `CorpusError` for other shapes, types or numbers."""
    import pyarrow as pa

    given = weights if isinstance(weights, np.ndarray) else np.asarray(weights)
    if given.shape != (n,) or given.dtype.kind not in "iuf":
        raise CorpusError(
            f"weights is an array of {given.dtype} of shape {given.shape}: give {counted(n, 'number')}, one for each "
            "sequence"
        )
    numbers = given.astype(np.float64)
    wrong = ~((numbers >= 0) & (numbers <= MOST_WEIGHT)) | is_missing(pa.array(numbers))
    if wrong.any():
        raise CorpusError(
            f"the weight {numbers[wrong][0]:g} of sequence {int(wrong.argmax())} is not allowed: give finite numbers "
            f"from 0 to {MOST_WEIGHT:,}"
        )
    return numbers


def times_of(weights: NDArray[np.float64] | None, n: int, seed: int) -> NDArray[np.int64]:
    """Return how often each of n sequences occurs: floor(w + U), with U uniform in [0, 1), of 24 bits."""
    if weights is None:
        return np.ones(n, np.int64)
    draws = np.random.default_rng((seed, _WEIGHT_DRAWS)).random(n, np.float32)
    return np.floor(weights + draws).astype(np.int64)


def gathered(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], rows: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the ids of some sequences one after another, with repeats, and their offsets."""
    starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(starts - bounds[:-1], lengths) + np.arange(int(bounds[-1]))
    return ids[places], bounds
