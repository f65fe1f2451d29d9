"""Reads edge lists: files with an edge in each line, as two nodes and maybe a weight.

The fields of a line are separated by tabs, commas, semicolons or spaces, as in the first line. Lines at the beginning
of a file that start with # or % are comments. If the first line after them has the fields `source` and `target`, in any
case, it names the columns; otherwise the fields are source, target and weight. Names of nodes are strings. In a file
with commas or semicolons a field may be in double quotes.

Files of Parquet and Arrow (Feather) hold tables with columns of these names.
"""

import csv
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from firth.errors import CorpusError
from firth.graphs.edges import Edges
from firth.graphs.tables import SOURCE, TARGET, table_edges
from firth.messages import counted
from firth.options import shortened
from firth.resources import require_memory
from firth.text import kinds
from firth.text.opening import BytesRead, FileOrStdin, OpenText

if TYPE_CHECKING:
    import pyarrow as pa

_PARSED = 12  # bytes of memory for a byte of a file: the text, its columns, and the numbers of the nodes
_BLOCK_BYTES = 2**24
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_NAMES = {("from", "to"), ("src", "dst"), ("src", "dest"), ("node1", "node2"), ("node_1", "node_2")}
_QUOTED = ",;"  # delimiters with which fields may be in quotes
_SPACES = re.compile(rb"[ \t]+")
_OUTER_SPACES = re.compile(rb"(?m)^[ \t]+|[ \t]+$")
_UNEVEN = re.compile(rb"[ \t]{2}|\t|[ \t]\n|\n[ \t]|[ \t]\Z|\A[ \t]")


class Layout(NamedTuple):
    """How the lines of a file are to be read.

    name        of the file, for messages
    start       the byte at which the first line after comments begins
    n_before    the number of lines before it
    n_comments  how many of them are comments
    delimiter   what separates fields
    columns     the name of each field
    has_header  whether the first line after comments has these names
    """

    name: str
    start: int
    n_before: int
    n_comments: int
    delimiter: str
    columns: list[str]
    has_header: bool


def read_edge_list(file: FileOrStdin, weight: str | None, is_directed: bool) -> Edges:
    """Return the edges in a file; a text may be compressed (.gz, .bz2, .xz, .zst), or "-" for standard input.

    weight  the column of weights, if the lines have it; None: every edge has weight 1

    Raises `CorpusError`, with the number of the line, if one is not an edge, and if the file cannot be read.
    """
    with ExitStack() as stack:
        stream = OpenText(file, stack, BytesRead([file]))
        require_memory({"the file as a table": _PARSED * stream.size}, "the graph", "give a smaller graph")
        kind = kinds.table_kind(stream.name, stream.peek())
        if kind in (kinds.PARQUET, kinds.ARROW):
            return table_edges(_read_table(str(file), kind), weight, is_directed)
        blocks = [block.replace(b"\r\n", b"\n") for block in iter(lambda: stream.read(_BLOCK_BYTES), b"")]
    return _text_edges(b"".join(blocks).removeprefix(_BYTE_ORDER_MARK), stream.name, weight, is_directed)


def _read_table(path: str, kind: str) -> "pa.Table":
    """Return the table in a Parquet or Arrow file; raise `CorpusError`, naming it, if it is damaged."""
    import pyarrow as pa
    from pyarrow import feather, parquet

    try:
        return parquet.read_table(path) if kind == kinds.PARQUET else feather.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(f"{path} cannot be read as a {kind} file ({error}): it is truncated or damaged") from error


def _text_edges(text: bytes, name: str, weight: str | None, is_directed: bool) -> Edges:
    """Return the edges in the lines of a text; `name` is that of its file."""
    import pyarrow as pa

    layout = find_layout(text, name, weight)
    try:
        named = weight if layout.has_header or weight in layout.columns else None
        edges = table_edges(_parse(text, layout, weight), named, is_directed)
    except (pa.ArrowInvalid, CorpusError) as error:
        raise CorpusError(_first_wrong_line(text, layout, weight) or f"{name}: {error}") from None
    return edges._replace(n_comments=layout.n_comments)


def find_layout(text: bytes, name: str, weight: str | None) -> Layout:
    """Return how the lines of a file are to be read; raise `CorpusError` if the first line is not an edge."""
    start, n_before, n_comments = 0, 0, 0
    while start < len(text) and (not (line := _line_at(text, start)).strip() or line[:1] in (b"#", b"%")):
        n_comments += bool(line.strip())
        start, n_before = start + len(line) + 1, n_before + 1
    if start >= len(text):
        raise CorpusError(f"{name} has no edges: give a file with two nodes in each line")
    first = line.decode("utf-8", "replace")
    delimiter = next((each for each in "\t,;" if each in first), " ")
    fields = _fields(first, delimiter)
    lowered = [field.lower() for field in fields]
    has_header = SOURCE in lowered and TARGET in lowered
    if not has_header and len(fields) not in (2, 3):
        raise CorpusError(
            f"{name}, line {n_before + 1} has {counted(len(fields), 'field')}, {shortened(first)}: give two nodes and, "
            f"if edges have weights, a number, separated by tabs, commas, semicolons or spaces; or name the columns in "
            f"the first line, with {SOURCE} and {TARGET}"
        )
    if tuple(lowered[:2]) in _OTHER_NAMES:
        raise CorpusError(
            f"{name}, line {n_before + 1} ({shortened(first)}) looks like names of columns: rename those of the nodes "
            f"to {SOURCE} and {TARGET}; or, if it is an edge, put a line with {SOURCE} and {TARGET} before it"
        )
    columns = lowered if has_header else [SOURCE, TARGET, weight or "ignored"][: len(fields)]
    return Layout(name, start, n_before, n_comments, delimiter, columns, has_header)


def _line_at(text: bytes, start: int) -> bytes:
    """Return the line that begins at a byte, without its end."""
    stop = text.find(b"\n", start)
    return text[start:] if stop < 0 else text[start:stop]


def _fields(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line."""
    if delimiter == " ":
        return line.split()
    return next(csv.reader([line], delimiter=delimiter, quoting=_quoting(delimiter)), [])


def _quoting(delimiter: str) -> Any:
    return csv.QUOTE_MINIMAL if delimiter in _QUOTED else csv.QUOTE_NONE


def _parse(text: bytes, layout: Layout, weight: str | None) -> "pa.Table":
    """Return the columns of the file; raise `ArrowInvalid` if a line has more or fewer, or a weight is not a number."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    start = layout.start + (len(_line_at(text, layout.start)) + 1 if layout.has_header else 0)
    lines: Any = memoryview(text)[start:]
    if layout.delimiter == " " and _UNEVEN.search(text, start):
        lines = _SPACES.sub(b" ", _OUTER_SPACES.sub(b"", lines))
    if not len(lines):
        raise CorpusError("it has no edges after the names of the columns")
    kinds = {name: pa.float64() if name == weight else pa.large_string() for name in layout.columns}
    return arrow_csv.read_csv(
        pa.BufferReader(lines),
        arrow_csv.ReadOptions(column_names=layout.columns),
        arrow_csv.ParseOptions(delimiter=layout.delimiter, quote_char='"' if layout.delimiter in _QUOTED else False),
        arrow_csv.ConvertOptions(
            column_types=kinds, include_columns=[name for name in (SOURCE, TARGET, weight) if name in layout.columns]
        ),
    )


def _first_wrong_line(text: bytes, layout: Layout, weight: str | None) -> str | None:
    """Describe the first line that is not an edge; None if all are."""
    lines = text[layout.start :].decode("utf-8", "replace").split("\n")
    for number, line in enumerate(lines, layout.n_before + 1):
        if line.strip() and not (layout.has_header and number == layout.n_before + 1):
            fields = _fields(line, layout.delimiter)
            reason = _wrong(fields, layout.columns, weight)
            if reason:
                return f"{layout.name}, line {number:,} ({shortened(line)}) {reason}"
    return None


def _wrong(fields: list[str], columns: list[str], weight: str | None) -> str | None:
    """Describe what is wrong with the fields of a line, if anything is."""
    if len(fields) != len(columns):
        return f"has {counted(len(fields), 'field')}, where the first line has {len(columns)}"
    row = dict(zip(columns, fields, strict=True))
    for name in (SOURCE, TARGET):
        if not row[name]:
            return f"has an empty {name}: give the name of a node"
        if "\ufffd" in row[name]:
            return "is not UTF-8: convert the file"
    if weight not in columns:
        return None
    try:
        number = float(row[str(weight)])
    except ValueError:
        return f"has the weight {row[str(weight)]!r}: give a number"
    return None if 0 < number < float("inf") else f"has the weight {number:g}: give a positive, finite number"
