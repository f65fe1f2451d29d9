"""Weighted sums of the vectors of keys, and of the words of many texts in one pass."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise, zip_longest
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError, UnknownWordError
from firth.messages import counted
from firth.options import shortened
from firth.vectors.half_precision import widened
from firth.vectors.query_input import FloatArray, Key, RowIndices, is_key
from firth.vectors.table import VectorTable, unit_weights

Text: TypeAlias = Sequence[Key] | NDArray[Any]
Texts: TypeAlias = Iterable[Text]
TextWeights: TypeAlias = Iterable[Sequence[float] | NDArray[Any]] | NDArray[Any]
Float64Array: TypeAlias = NDArray[np.float64]

_BLOCK_ROWS = 256  # rows summed in single precision; the sums of blocks are added in double precision
_BATCH_TEXTS = 4096  # texts whose words are looked up together


class TextMeans(NamedTuple):
    """The mean vectors of n texts.

    vectors  (n, D) float32, or float64 for vectors in float64; zero for a text without a known word
    known    (n,) the number of words with a vector
    unknown  (n,) the number of the others, which are left out
    """

    vectors: FloatArray
    known: NDArray[np.int64]
    unknown: NDArray[np.int64]


class TextCounts(NamedTuple):
    """What n texts hold.

    words    (V,) how often each word of the vocabulary occurs in them
    texts    (V,) how many of them have it
    known    (n,) the number of words with a vector of each text
    unknown  (n,) the number of the others
    """

    words: NDArray[np.int64]
    texts: NDArray[np.int64]
    known: NDArray[np.int64]
    unknown: NDArray[np.int64]


class _Batch(NamedTuple):
    """The N words of n texts, one after another, the (n,) number of words of each, and the number of the first text."""

    words: list[Key]
    lengths: NDArray[np.int64]
    first: int

    def text_of_each_word(self) -> NDArray[np.intp]:
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def row_sum(vectors: FloatArray, rows: RowIndices, weights: FloatArray) -> FloatArray:
    """Return the (D,) sum_i w_i x_i of n rows of a (V, D) matrix, with n weights in float32 or float64."""
    if len(rows) > _BLOCK_ROWS:
        parts = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(rows), _BLOCK_ROWS)]
        sums = [row_sum(vectors, rows[part], weights[part]) for part in parts]
        return cast(FloatArray, np.sum(sums, axis=0, dtype=np.float64))
    return cast(FloatArray, np.einsum("i,id->d", weights, widened(vectors.take(rows, axis=0), weights.dtype)))


def text_means(
    table: VectorTable, texts: Texts, weights: TextWeights | None = None, *, normalize: bool = False,
    ignore_missing: bool = True, composed_weight: float = 1, per_word: bool = False,
) -> TextMeans:  # fmt: skip
    """Return sum_i w_i x_i / sum_i |w_i| over the words of each of n texts, or with `per_word`, / number of words.

    With `normalize`, x_i are unit vectors. `weights` are those of `KeyedVectors.mean_vectors`. If there is one for each
    row, words whose vectors are composed of n-grams have `composed_weight`. Raises the errors of that method.
    """
    by_row = _row_weights(table, weights)
    by_word = None if weights is None or by_row is not None else iter(weights)
    nothing = np.empty(0, np.int64)
    found = [TextMeans(np.empty((0, table.vector_size), table.compute_dtype), nothing, nothing)]
    for batch in _batches(texts):
        rows = table.rows_of(batch.words)
        if by_row is not None:
            of_words = np.append(by_row, composed_weight)[rows]  # row -1 is the last
        else:
            of_words = np.ones(len(rows)) if by_word is None else _given_weights(batch, by_word)
        unknown = _without_vector(table, batch, rows, ignore_missing)
        found.append(_means(table, batch, rows, of_words, unknown=unknown, normalize=normalize, per_word=per_word))
    if by_word is not None and next(by_word, None) is not None:
        raise OptionError("there are weights for more texts than were given: give as many lists of weights as texts")
    return TextMeans(*map(np.concatenate, zip(*found, strict=True)))


def text_counts(table: VectorTable, texts: Texts) -> TextCounts:
    """Count the words of n texts; raises `OptionError` for a text that is not a list of keys."""
    V = len(table)
    words, texts_of = np.zeros((2, V), np.int64)
    known, unknown = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for batch in _batches(texts):
        rows, text_of = table.rows_of(batch.words), batch.text_of_each_word()
        missing = _without_vector(table, batch, rows, ignore_missing=True)
        pairs = np.unique(text_of[rows >= 0] * V + rows[rows >= 0])
        words += np.bincount(rows[rows >= 0], minlength=V)
        texts_of += np.bincount(pairs % V, minlength=V) if V else 0
        known.append(np.bincount(text_of[~missing], minlength=len(batch.lengths)))
        unknown.append(np.bincount(text_of[missing], minlength=len(batch.lengths)))
    return TextCounts(words, texts_of, np.concatenate(known), np.concatenate(unknown))


def _row_weights(table: VectorTable, weights: Any) -> Float64Array | None:
    """Return weights that are one for each row as an array, or None for others."""
    if not isinstance(weights, np.ndarray) or weights.ndim != 1 or weights.dtype.kind not in "fiub":
        return None
    if len(weights) != len(table):
        raise OptionError(
            f"an array of weights must have one for each of the {counted(len(table), 'key')}: found {len(weights):,}. "
            "For a weight of each word of a text, give a list of lists"
        )
    if not np.isfinite(weights).all():
        row = int(np.argmin(np.isfinite(weights)))
        raise OptionError(f"an array of weights must hold finite numbers: found {weights[row]:g} in row {row:,}")
    return weights.astype(np.float64)


def _batches(texts: Texts) -> Iterator[_Batch]:
    """Yield texts, many at a time; raise `OptionError` for one that is not a list of keys."""
    _refuse_text("texts", texts)
    numbered = enumerate(converted(texts))
    first = 0
    while lists := [_words_of(text, number) for number, text in islice(numbered, _BATCH_TEXTS)]:
        lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        yield _Batch(list(chain.from_iterable(lists)), lengths, first)
        first += len(lists)


def _words_of(text: Any, number: int) -> list[Any]:
    if not isinstance(text, list):
        _refuse_text(f"text {number}", text)
    return list(converted(text))


def _refuse_text(name: str, value: Any) -> None:
    if isinstance(value, (str, bytes, Mapping)) or not (hasattr(value, "tolist") or isinstance(value, Iterable)):
        raise OptionError(
            f"{name}: {shortened(value)} is not a list of words. Each text is a list of words, such as text.split()"
        )


def converted(values: Any) -> Iterable[Any]:
    """Return arrays of NumPy, pandas, Arrow and others as lists of Python's types, which are looked up faster."""
    convert = getattr(values, "tolist", None) or getattr(values, "to_pylist", None)
    return cast(Iterable[Any], values if convert is None else convert())


def _given_weights(batch: _Batch, weights: Iterator[Any]) -> Float64Array:
    """Return the weights of all words of the texts, from the next n lists of weights."""
    lists = [_numbers(each, number) for number, each in enumerate(islice(weights, len(batch.lengths)), batch.first)]
    for number, (given, length) in enumerate(zip_longest(lists, batch.lengths.tolist()), batch.first):
        if given is None or given.shape != (length,):
            found = "none" if given is None else f"shape {given.shape}"
            raise OptionError(f"text {number} has {counted(length, 'word')}: give one weight for each; found {found}")
    return np.concatenate([np.empty(0), *lists])


def _numbers(weights: Any, number: int) -> Float64Array:
    try:
        numbers = np.asarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the weights of text {number} must be numbers: found {shortened(weights)}") from error
    if numbers.ndim == 0:
        raise OptionError(
            f"the weights of text {number} must be a list: found {shortened(weights)}. For a weight of each row of the "
            "vectors, give a NumPy array"
        )
    if not np.isfinite(numbers).all():
        raise OptionError(f"the weights of text {number} must be finite: found {shortened(weights)}")
    return numbers


def _without_vector(table: VectorTable, batch: _Batch, rows: RowIndices, ignore_missing: bool) -> NDArray[np.bool_]:
    """Return which of the words have neither a row nor a composed vector; raise for what is not a key at all."""
    unknown = rows < 0
    places = np.flatnonzero(unknown).tolist()
    if not {type(batch.words[place]) for place in places} <= {str, int}:
        _refuse_other_than_keys(batch, places)
    if table.subwords is not None:
        unknown[places] = [batch.words[place] not in table for place in places]
    if not ignore_missing and unknown.any():
        raise UnknownWordError(batch.words[int(unknown.argmax())], table.stored_keys)
    return unknown


def _refuse_other_than_keys(batch: _Batch, places: list[int]) -> None:
    for place in places:
        if not is_key(batch.words[place]):
            number = batch.first + int(np.searchsorted(np.cumsum(batch.lengths), place, side="right"))
            raise OptionError(
                f"text {number} holds {shortened(batch.words[place])}, which is not a word or a whole number"
            )


def _means(
    table: VectorTable, batch: _Batch, rows: RowIndices, weights: Float64Array, *, unknown: NDArray[np.bool_],
    normalize: bool, per_word: bool,
) -> TextMeans:  # fmt: skip
    n, text_of = len(batch.lengths), batch.text_of_each_word()
    with_row, with_vector = rows >= 0, ~unknown
    summed, factors = rows[with_row], weights[with_row]
    if normalize:
        factors = unit_weights(factors, table.norms_of(summed))
    stops = np.cumsum(np.bincount(text_of[with_row], minlength=n)).tolist()
    parts = [slice(*ends) for ends in pairwise([0, *stops])]
    factors, matrix = factors.astype(table.compute_dtype), table.vectors
    vectors = np.array([row_sum(matrix, summed[part], factors[part]) for part in parts], np.float64)
    composed = np.flatnonzero(~with_row & with_vector).tolist()
    by_word = {word: table.get_vector(word, norm=normalize) for word in {batch.words[place] for place in composed}}
    for place in composed:
        vectors[text_of[place]] += weights[place] * by_word[batch.words[place]]
    known = np.bincount(text_of[with_vector], minlength=n)
    divisors = known if per_word else np.bincount(text_of[with_vector], np.abs(weights[with_vector]), n)
    vectors /= np.where(divisors == 0, 1, divisors)[:, None]
    return TextMeans(vectors.astype(table.compute_dtype), known, np.bincount(text_of[unknown], minlength=n))
