"""Decimal numbers in text, to float32 and back: the same number, to the last bit, in both directions.

Lines are `word, 0x20, D numbers with 0x20 between them`. Arrow reads and prints the numbers; a compiled loop
takes over in files long enough to be worth the second it takes to compile. The loop reads

    m * 10^e,  m < 2^53, |e| <= 22

which float64 holds exactly, so that one multiplication or division rounds once (W. D. Clinger, "How to read
floating point numbers accurately", 1990). Rounding that to float32 is right unless it lies half-way between two,
and whatever the loop is not sure of (half-way, larger numbers, not-a-number, words with spaces) it leaves to Arrow.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class ParsedLines(NamedTuple):
    """What the compiled loop made of a block of n lines; lines that are blank have no row."""

    rows: NDArray[np.float32]  # (n, D); whatever was there where `sure` is False
    sure: NDArray[np.bool_]  # (n,)
    lines: NDArray[np.int64]  # (n, 3): where the line starts, its word ends, and it ends without white space
    numbers: NDArray[np.int64]  # (n,) which line of the block it is, from 0


def parse_lines(block: bytes, D: int) -> ParsedLines:
    """Parse a block of whole lines, each a word and D numbers; without the interpreter's lock."""
    data = np.frombuffer(block, np.uint8)
    # a row of D numbers takes 2 D + 1 bytes; blank lines, of which there may be millions, take no row
    most = min(block.count(b"\n"), len(block) // (2 * D + 1)) + 1
    rows = np.empty((most, D), np.float32)
    sure = np.empty(most, np.bool_)
    lines = np.empty((most, 3), np.int64)
    numbers = np.empty(most, np.int64)
    cell = np.empty(1)
    n = _compiled()(data, _POWERS, rows, sure, lines, numbers, cell, cell.view(np.int64))
    return ParsedLines(rows[:n], sure[:n], lines[:n], numbers[:n])


def parse_fields(numbers: list[bytes], D: int, dtype: np.dtype[Any], separator: str = " ") -> Array:
    """Return the (rows, D) numbers of lines given without their words; raise `pyarrow.ArrowInvalid`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = pc.split_pattern(pa.array(numbers, pa.binary()).cast(pa.string()), separator).values
    width = pa.float64() if dtype.itemsize == 8 else pa.float32()
    return cast(Array, fields.cast(width).to_numpy()).reshape(-1, D)


def print_rows(rows: Array, separator: str = " ") -> list[bytes]:
    """Return the text of each of the (n, D) rows: the shortest digits that read back as the same number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
    digits = pa.array(wide.ravel()).cast(pa.string())
    ends = np.arange(0, rows.size + 1, max(1, rows.shape[1]), dtype=np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(ends, digits), separator)
    return cast(list[bytes], joined.cast(pa.binary()).to_pylist())


_POWERS = 10.0 ** np.arange(23)
_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
_LONGEST_EXPONENT = 5  # digits
_MOST_DIGITS = 19  # an unsigned 64-bit number holds any 19
_SPACE, _NEWLINE, _PLUS, _MINUS, _POINT, _ZERO, _LETTER_E = (np.uint8(byte) for byte in b" \n+-.0e")


@cache
def _compiled() -> Callable[..., int]:
    import numba

    return cast(Callable[..., int], numba.njit(nogil=True)(_parse))


def _parse(data: Any, powers: Any, rows: Any, sure: Any, lines: Any, numbers: Any, cell: Any, bits: Any) -> int:
    """Fill the arrays of `ParsedLines` from the bytes of a block; return how many rows there are.

    Where lines are too short to hold D numbers it may end before the block does, behind the first of them.

    `cell` and `bits` are one number, shown as float64 and as int64. One loop over the bytes, so that a digit is
    read once; compiled by Numba.
    """
    size = data.shape[0]
    D = rows.shape[1]
    start = 0
    line = 0
    n = 0
    while start < size and n < rows.shape[0]:
        end = start
        while end < size and data[end] != _NEWLINE:
            end += 1
        following = end + 1
        # the white space of ASCII: 9 to 13, and 32
        while end > start and (data[end - 1] == _SPACE or 9 <= data[end - 1] <= 13):
            end -= 1
        if end > start:
            at = start
            while at < end and data[at] != _SPACE:
                at += 1
            lines[n, 0] = start
            lines[n, 1] = at
            lines[n, 2] = end
            numbers[n] = line
            good = True
            for d in range(D):
                at += 1  # over the space
                negative = at < end and data[at] == _MINUS
                if negative:
                    at += 1
                mantissa = np.uint64(0)
                digits = 0
                exponent = 0
                first = at
                while at < end and 48 <= data[at] <= 57:
                    mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - _ZERO)
                    at += 1
                digits = at - first
                if at < end and data[at] == _POINT:
                    at += 1
                    first = at
                    while at < end and 48 <= data[at] <= 57:
                        mantissa = mantissa * np.uint64(10) + np.uint64(data[at] - _ZERO)
                        at += 1
                    exponent = first - at
                    digits += at - first
                if at < end and (data[at] | 32) == _LETTER_E:
                    at += 1
                    falling = at < end and data[at] == _MINUS
                    if at < end and (falling or data[at] == _PLUS):
                        at += 1
                    first = at
                    power = 0
                    while at < end and 48 <= data[at] <= 57 and at < first + _LONGEST_EXPONENT:
                        power = power * 10 + int(data[at] - _ZERO)
                        at += 1
                    if at == first:
                        digits = 0
                    exponent += -power if falling else power
                at_end = at == end if d == D - 1 else (at < end and data[at] == _SPACE)
                if digits == 0 or digits > _MOST_DIGITS or not at_end:
                    good = False
                    break
                if mantissa > np.uint64(1 << 53) or not -22 <= exponent <= 22:
                    good = False
                    break
                value = np.float64(mantissa)
                value = value / powers[-exponent] if exponent < 0 else value * powers[exponent]
                # the 29 bits that float32 has not: a one and zeros is half-way between two of its numbers
                cell[0] = value
                half_way = bits[0] & 0x1FFFFFFF == 0x10000000
                if half_way or (value != 0.0 and not _SMALLEST <= value <= _LARGEST):
                    good = False
                    break
                rows[n, d] = -value if negative else value
            sure[n] = good
            n += 1
        start = following
        line += 1
    return n
