"""What the command line prints: words made harmless, columns aligned, JSON, and streams that cannot choke.

A vocabulary comes from anybody's text, and a terminal obeys control characters: those, line separators and
the marks that turn the direction of writing are shown as escapes. U+200C and U+200D stay, for Persian words
and emoji need them.
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
_LONGEST_COMPLAINT = 2000  # characters: an argument may have a hundred thousand


def shown(text: object) -> str:
    """Return `text` with every character that is not to be printed as its escape."""
    return "".join(_harmless(character) for character in str(text))


def _harmless(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def columns(rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Return `rows` as lines with two spaces between the columns; those numbered in `right` end flush.

    The last column is padded only if it ends flush. Widths are those of a terminal: two for 日, none for an
    accent that is its own character.
    """
    from rich.cells import cell_len

    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*cells, strict=True)]

    def padded(column: int, cell: str) -> str:
        space = " " * (widths[column] - cell_len(cell))
        return space + cell if column in right else cell + space

    return "\n".join("  ".join(padded(i, cell) for i, cell in enumerate(row)).rstrip() for row in cells)


def as_json(value: Any) -> str:
    """Return `value` as indented JSON in ASCII, so that it is valid on any stream; a NaN becomes null."""
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def size(n_bytes: int) -> str:
    """Return a number of bytes for people: 512 bytes, 54.5 MB."""
    for unit, power in [("GB", 9), ("MB", 6), ("kB", 3)]:
        if n_bytes >= 10**power:
            return f"{n_bytes / 10**power:.1f} {unit}"
    return counted(n_bytes, "byte")


def say(text: str) -> None:
    """Write lines to standard output at once, harmless: typer's `echo` would send UTF-8 to a stream of ASCII."""
    _write(sys.stdout, "\n".join([*map(shown, text.split("\n")), ""]))


def complain(message: object) -> None:
    """Write one line, `firth: message`, to standard error; of a very long one its beginning and end."""
    one_line = " ".join(str(message).split())
    if len(one_line) > _LONGEST_COMPLAINT:
        half = _LONGEST_COMPLAINT // 2
        one_line = f"{one_line[:half]} ... {one_line[-half:]}"
    with suppress(OSError):  # nobody hears, and the exit code says it too
        _write(sys.stderr, f"firth: {shown(one_line)}\n")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is not None:  # as it is where the process was started with the stream closed
        stream.write(text)
        stream.flush()


def prepare_streams() -> None:
    """Let what a stream's encoding lacks be written as an escape, and warnings be one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _complain_of_warning


def _complain_of_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    complain(f"warning: {message}")
