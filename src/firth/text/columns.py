"""Columns of Arrow: rows of texts become lines of bytes, rows of lists become numbered tokens."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import option
from firth.options import shortened
from firth.text.arrays import integer_chunks

TEXTS_AT_A_TIME = 2**14
"""Texts that are converted at a time."""

LISTS_AT_A_TIME = 2**17
"""Lists that are taken apart at a time; their tokens are numbered in chunks."""

BLOCK_BYTES = 4 * 2**20
"""Bytes of text collected from short rows before they are passed on; a longer row is passed on in parts."""

MOST_SHOWN = 20
"""Columns that a message shows."""

INTEGERS = "whole numbers"

_USUAL_NAMES = (
    "text", "texts", "sentence", "sentences", "tokens", "words", "document", "review", "content", "body",
)  # fmt: skip
# in the example of a message

FROM_PANDAS = (
    "Pandas makes whole numbers floats if one is missing: drop the missing values and convert the column with "
    'astype("Int64")'
)


class ColumnRows(NamedTuple):
    """The rows of a column.

    name    the column, for messages
    kind    its Arrow type
    arrays  the rows, as Arrow arrays of this type, or of another with the same content; read once
    """

    name: str
    kind: Any
    arrays: Iterator[Any]


class ListChunk(NamedTuple):
    """Tokens of lists, one after another.

    tokens  Arrow array of int64, or of words as bytes with 64-bit offsets, without nulls; not empty
    ends    (lists that end here,) the number of tokens before each end, ascending, more than 0
    """

    tokens: Any
    ends: NDArray[np.int64]

    @property
    def are_numbers(self) -> bool:
        """Whether the tokens are whole numbers."""
        import pyarrow as pa

        return bool(pa.types.is_integer(self.tokens.type))

    @property
    def first_token(self) -> str | int:
        """The first token, for messages."""
        token = self.tokens[0].as_py()
        return int(token) if self.are_numbers else token.decode(errors="replace")


class RowCounts:
    """Counts the rows of a corpus that are null; they are skipped."""

    def __init__(self) -> None:
        self.nulls = 0


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is that of texts."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_dictionary(kind):
        return is_text(kind.value_type)
    is_view = hasattr(kinds, "is_string_view") and kinds.is_string_view(kind)
    return bool(is_view or kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_null(kind))


def is_lists(kind: Any) -> bool:
    """Return whether an Arrow type is that of lists of words, or of lists of whole numbers."""
    import pyarrow as pa

    return _is_list(kind) and (is_text(kind.value_type) or bool(pa.types.is_integer(kind.value_type)))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    kinds = pa.types
    checks = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list)
    views = (getattr(kinds, name, None) for name in ("is_list_view", "is_large_list_view"))
    return any(check(kind) for check in [*checks, *filter(None, views)])


def check_kind(name: str, kind: Any) -> None:
    """Raise `CorpusError` unless rows of that Arrow type are texts, or lists of words or whole numbers."""
    import pyarrow as pa

    if is_text(kind) or is_lists(kind):
        return
    value = kind.value_type if _is_list(kind) else kind
    hint = ""
    if pa.types.is_floating(value):
        hint = f". {FROM_PANDAS}"
    elif pa.types.is_integer(kind):
        hint = f". For whole numbers in one flat array, give {option('offsets')}, where sentences begin"
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        hint = ". Decode the bytes into strings first"
    raise CorpusError(
        f"{name} holds {kind} values, but its rows must be texts, lists of words or lists of {INTEGERS}{hint}"
    )


def text_blocks(rows: ColumnRows, counts: RowCounts) -> Iterator[bytes]:
    """Yield the texts of rows as lines; line breaks inside a row become spaces.

    A block is about `BLOCK_BYTES` long and holds whole rows; a row that is longer is cut into several blocks.
    """
    some = _slices(rows, counts, is_text, TEXTS_AT_A_TIME)
    return joined(line for texts in some for line in _lines(_as_bytes(texts)))


def joined(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield texts one after another, in blocks of about `BLOCK_BYTES`."""
    waiting: list[bytes] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= BLOCK_BYTES:
            whole = b"".join(waiting)
            cut = 0 if size < 2 * BLOCK_BYTES else size - size % BLOCK_BYTES
            yield from (whole[i : i + BLOCK_BYTES] for i in range(0, cut, BLOCK_BYTES))
            if cut < size:
                yield whole[cut:]
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _slices(rows: ColumnRows, counts: RowCounts, is_kind: Callable[[Any], bool], size: int) -> Iterator[Any]:
    """Yield rows, at most `size` at a time, and count the nulls; raise `CorpusError` if a later type is another."""
    for array in rows.arrays:
        if not is_kind(array.type) and array.null_count < len(array):
            raise CorpusError(f"{rows.name} holds {rows.kind} values at first and {array.type} values later: use one")
        for start in range(0, len(array), size):
            some = array.slice(start, size)
            counts.nulls += some.null_count
            if some.null_count < len(some):
                yield some


def _as_bytes(texts: Any) -> Any:
    """Return the texts that are not null as an Arrow array of bytes with 64-bit offsets."""
    import pyarrow as pa

    if pa.types.is_dictionary(texts.type):
        words = cast_text(texts.dictionary, pa.large_binary())
        texts = pa.DictionaryArray.from_arrays(texts.indices, words).dictionary_decode()
    texts = cast_text(texts, pa.large_binary())
    return texts.drop_null() if texts.null_count else texts


def cast_text(texts: Any, kind: Any) -> Any:
    """Return an Arrow array of texts as another type of texts or bytes."""
    import pyarrow as pa

    try:
        return texts.cast(kind)
    except pa.ArrowNotImplementedError:  # for views, before PyArrow 18
        return pa.array(texts.to_pylist(), kind)


def _lines(texts: Any) -> Iterator[bytes]:
    """Yield bytes with a newline after each text; of many long texts some at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    size = int(bounds[-1] - bounds[0])
    if size > BLOCK_BYTES and len(texts) > 1:
        half = len(texts) // 2
        yield from _lines(texts.slice(0, half))
        yield from _lines(texts.slice(half))
        return
    if size and b"\n" in memoryview(data)[int(bounds[0]) : int(bounds[-1])].tobytes():
        texts = pc.replace_substring(texts, "\n", " ")
    listed = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    yield pc.binary_join(listed, pa.scalar(b"\n", pa.large_binary()))[0].as_buffer().to_pybytes()
    yield b"\n"


def list_chunks(rows: ColumnRows, counts: RowCounts) -> Iterator[ListChunk]:
    """Yield the tokens of rows.

    Raises `CorpusError` for a null among the tokens of a row, and for whole numbers outside int64.
    """
    for some in _slices(rows, counts, is_lists, LISTS_AT_A_TIME):
        tokens, offsets = _flat(some)
        if tokens.null_count:
            raise CorpusError(
                f"{rows.name} has a missing value among the tokens of {_first_null(tokens, offsets)}: drop the missing "
                "values first"
            )
        for chunk, ends in integer_chunks(tokens, offsets):
            yield ListChunk(_as_tokens(rows.name, chunk), ends)


def _first_null(tokens: Any, offsets: NDArray[np.int64]) -> str:
    """Return the row of the first null token, as its first other tokens show it."""
    null = int(np.flatnonzero(tokens.is_null().to_numpy(zero_copy_only=False))[0])
    row = int(np.searchsorted(offsets, null, side="right")) - 1
    return f"the row {shortened(tokens[int(offsets[row]) : int(offsets[row + 1])].to_pylist())}"


def _flat(lists: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the tokens of lists one after another, and where each list begins, and the end; null lists are empty."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return lists.flatten(), offsets


def _as_tokens(name: str, tokens: Any) -> Any:
    """Return tokens as an Arrow array of bytes or of int64."""
    import pyarrow as pa

    if is_text(tokens.type):
        return _as_bytes(tokens)
    try:
        return tokens.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise CorpusError(f"{name} holds a whole number outside int64 ({error}): renumber the ids") from None


def _example(columns: dict[str, str], suitable: list[str]) -> str:
    """Return the column that most likely holds sentences, quoted; NAME if no name shows it."""
    usual = [name for name in _USUAL_NAMES if name in columns]
    if usual or len(suitable) == 1:
        return shortened([*usual, *suitable][0])
    return "NAME"


def longest_text(values: Mapping[str, Any]) -> list[str]:
    """Return the name of the longest text or list of words among values of columns; none if there is neither."""
    lengths = {name: len(value) for name, value in values.items() if name and isinstance(value, (str, list))}
    return [max(lengths, key=lambda name: lengths[name])] if lengths else []


def choose_column(
    what: str, columns: dict[str, str], column: Any, suitable: Iterable[str] = (), *, may_choose: bool = False
) -> str:
    """Return the name of the column to read, one of `columns`, which are names with their types.

      what        the table, for messages
      column      the name given, or None
      suitable    names of the columns that could be a corpus, or of the likeliest alone
      may_choose  whether the only column may be chosen without a name

    Raises `CorpusError` if there is no such column, or none was named.
    """
    fitting = list(suitable)
    name = str(column) if isinstance(column, int) else column
    if name in columns:
        return str(name)
    if column is None and may_choose and len(columns) == 1 and fitting:
        return fitting[0]
    shown = ", ".join(f"{name or repr(name)} ({kind})" for name, kind in list(columns.items())[:MOST_SHOWN])
    more = f" and {len(columns) - MOST_SHOWN:,} more" if len(columns) > MOST_SHOWN else ""
    listed = f"its columns are {shown}{more}" if columns else "it has no columns"
    if column is None:
        example = option("column", _example(columns, fitting))
        raise CorpusError(f"{what} is a table, and {listed}: name the column that holds the sentences, as in {example}")
    raise CorpusError(f"{what} has no column {shortened(column)}: {listed}")
