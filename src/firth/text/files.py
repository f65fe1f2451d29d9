"""The files of a corpus: all of them texts, or all of them tables with the same column."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from firth.errors import CorpusError
from firth.messages import option
from firth.text import kinds
from firth.text.columns import ColumnRows
from firth.text.how import ReadOptions
from firth.text.opening import BytesRead, FileOrStdin, OpenText, is_regular, name_of
from firth.text.tables import open_column

_TEXT_SUFFIXES = (".txt", ".text")


def are_tables(files: list[FileOrStdin], how: ReadOptions) -> bool:
    """Return whether the files are tables.

    A file is one by its first bytes or its suffix, or, if `how` names a column, unless its suffix is `.txt`. Raises
    `CorpusError` for a file that is neither text nor a table, and if some files are tables and others are not.
    """
    tables = [_is_table(file, how) for file in files]
    if any(tables) and not all(tables):
        named = (file for file, is_one in zip(files, tables, strict=True) if is_one)
        table = name_of(max(named, key=lambda file: kinds.table_kind(name_of(file), b"") is not None))
        text = name_of(files[tables.index(False)])
        raise CorpusError(
            f"{table} is a table and {text} is text: give files of one kind only. A pattern such as "
            "'folder/*.parquet' chooses files"
        )
    if how.column is not None and not any(tables):
        raise CorpusError(
            f"{name_of(files[0])} is text and has no columns: omit {option('column')}, or, if it is a table, rename it "
            "to .csv, .tsv or .jsonl"
        )
    return any(tables)


def has_text_name(file: FileOrStdin) -> bool:
    """Return whether the name of a file is that of a plain text, compressed or not."""
    return kinds.plain_suffix(name_of(file)) in _TEXT_SUFFIXES


def _is_table(file: FileOrStdin, how: ReadOptions) -> bool:
    name, start = name_of(file), b""
    if is_regular(file):
        with ExitStack() as stack:
            start = OpenText(Path(str(file)), stack, BytesRead([]), how.encoding).peek()  # the whole file's, of a range
    is_named = how.column is not None and not has_text_name(file)
    return is_named or kinds.table_kind(name, start) is not None


def check_tables(files: list[FileOrStdin], how: ReadOptions) -> None:
    """Raise `CorpusError` if a file lacks the column, or is damaged at its beginning or its end."""
    for file in filter(is_regular, files):
        next(_rows_and_arrays([file], how, BytesRead([])))


def open_tables(files: list[FileOrStdin], how: ReadOptions, bytes_read: BytesRead) -> ColumnRows:
    """Open the column of all files, which are read one after another; raises what `open_column` raises."""
    arrays = _rows_and_arrays(files, how, bytes_read)
    first: ColumnRows = next(arrays)
    return ColumnRows(first.name, first.kind, arrays)


def _rows_and_arrays(files: list[FileOrStdin], how: ReadOptions, bytes_read: BytesRead) -> Iterator[Any]:
    """Yield the column of the first file, and then the arrays of all; only one file is open at a time."""
    for number, file in enumerate(files):
        with ExitStack() as stack:
            rows = open_column(file, how.column, stack, bytes_read, how.encoding)
            if number == 0:
                yield rows
            yield from rows.arrays
