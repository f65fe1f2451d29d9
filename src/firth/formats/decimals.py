"""Decimal numbers in text to floating point and back: the same number, to the last bit, in both directions.

Arrow does the work. Its CSV reader runs in threads, and so is about three times as fast as splitting lines in Python,
but accepts only lines of exactly a word and D numbers; `firth.formats.word2vec_rows` reads all others one by one.
"""

from typing import Any, cast

import numpy as np

from firth.formats.format import Array

_MOST_COLUMNS = 2048  # each costs the CSV reader time in every block
_LONGEST_LINE = 2**20  # PyArrow 18 has crashed on a line of 80 million separators
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_lines(block: bytes, D: int, dtype: np.dtype[Any]) -> tuple[list[bytes], Array] | None:
    """Return the words and the (n, D) numbers of whole lines; None if some line is not a word and D numbers.

    Runs mostly without the interpreter's lock.
    """
    import pyarrow as pa
    from pyarrow import csv

    if not block or block.isspace():  # a gigabyte of blank lines compresses to a few megabytes
        return [], np.empty((0, D), dtype)
    # a search for a single byte is far faster than one for two
    plain = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if plain[: plain.find(b"\n")].endswith(b" "):  # as word2vec.c and fastText write lines
        plain = plain.replace(b" \n", b"\n")
    # a CSV reader drops the mark, trims tabs and ends lines at carriage returns, but they may belong to words
    if D > _MOST_COLUMNS or plain.startswith(_BYTE_ORDER_MARK) or b"\t" in plain or b"\r" in plain:
        return None
    if len(plain) - plain.rfind(b"\n", 0, -1) > _LONGEST_LINE:  # the last line, which may be all of the block
        return None
    names = [str(d) for d in range(D + 1)]
    types = dict.fromkeys(names[1:], _arrow_float(dtype))
    try:
        table = csv.read_csv(
            pa.BufferReader(plain),
            csv.ReadOptions(column_names=names, use_threads=False, block_size=len(plain) + 1),
            csv.ParseOptions(delimiter=" ", quote_char=False, double_quote=False),
            csv.ConvertOptions(check_utf8=False, column_types={"0": pa.binary(), **types}, null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    rows = np.empty((len(table), D), np.promote_types(dtype, np.float32))
    for d in range(D):
        rows[:, d] = table.column(d + 1).to_numpy()
    return table.column(0).to_pylist(), rows


def parse_fields(numbers: list[bytes], D: int, dtype: np.dtype[Any], separator: str = " ") -> Array:
    """Return the (rows, D) numbers of lines given without their words; raise `pyarrow.ArrowInvalid`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = pc.split_pattern(pa.array(numbers, pa.binary()).cast(pa.string()), separator).values
    return cast(Array, fields.cast(_arrow_float(dtype)).to_numpy()).reshape(-1, D)


def _arrow_float(dtype: np.dtype[Any]) -> Any:
    import pyarrow as pa

    return pa.float64() if dtype.itemsize == 8 else pa.float32()


def print_rows(rows: Array, separator: str = " ") -> list[bytes]:
    """Return the text of each of the (n, D) rows: the shortest digits that read back as the same number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
    digits = pa.array(wide.ravel()).cast(pa.string())
    ends = np.arange(0, rows.size + 1, max(1, rows.shape[1]), dtype=np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(ends, digits), separator)
    return cast(list[bytes], joined.cast(pa.binary()).to_pylist())
