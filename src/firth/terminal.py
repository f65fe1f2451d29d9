"""Output of the command line: escaped text, aligned columns, JSON, and writing to any stream.

Words come from untrusted text, and terminals obey control characters. These, line separators and marks that change
the writing direction are shown as escapes. U+200C and U+200D are kept, because Persian words and emoji need them.
"""

import io
import json
import math
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

from firth.messages import counted

_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"
_LONGEST_ERROR = 2000  # characters; an argument may have 100,000


def escaped(text: object) -> str:
    """Return `text` with every unsafe character escaped."""
    return "".join(_escape(character) for character in str(text))


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def columns(rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Return `rows` as lines with two spaces between columns; the columns with numbers in `right` are right-aligned.

    Widths are terminal cells: two for 日, zero for a combining accent.
    """
    from rich.cells import cell_len  # here, because it would slow down `firth --help`

    cells = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*cells, strict=True)]

    def padded(column: int, cell: str) -> str:
        space = " " * (widths[column] - cell_len(cell))
        return space + cell if column in right else cell + space

    return "\n".join("  ".join(padded(i, cell) for i, cell in enumerate(row)).rstrip() for row in cells)


def as_json(value: Any) -> str:
    """Return `value` as indented JSON in ASCII, valid on any stream; NaN and infinity become null."""
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def size(n_bytes: int) -> str:
    """Return a number of bytes in readable form: 512 bytes, 54.5 MB."""
    for unit, power in [("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)]:
        if n_bytes >= 10**power:
            return f"{n_bytes / 10**power:.1f} {unit}"
    return counted(n_bytes, "byte")


def duration(seconds: float) -> str:
    """Return a time in readable form: 0.5 s, 12.3 min, 4.2 h, 3.1 days."""
    for unit, length in [("days", 86_400), ("h", 3_600), ("min", 60)]:
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2g} s"


def write(text: str) -> None:
    """Write escaped lines to standard output and flush; typer's `echo` would write UTF-8 to an ASCII stream."""
    _write(sys.stdout, "\n".join([*map(escaped, text.split("\n")), ""]))


def write_error(message: object) -> None:
    """Write one line, `firth: message`, to standard error; a very long message is cut in the middle."""
    one_line = " ".join(str(message).split())
    if len(one_line) > _LONGEST_ERROR:
        half = _LONGEST_ERROR // 2
        one_line = f"{one_line[:half]} ... {one_line[-half:]}"
    with suppress(OSError):  # standard error is closed; the exit code still reports the failure
        _write(sys.stderr, f"firth: {escaped(one_line)}\n")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:  # the stream was closed before the process started
        stream.write(text)
        stream.flush()


def prepare_streams() -> None:
    """Escape characters that a stream's encoding lacks, and write each warning as one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _write_warning


def _write_warning(message: Warning | str, *_: object, **__: object) -> None:
    write_error(f"warning: {message}")
