r"""TensorBoard's projector: two files of tab-separated values, which https://projector.tensorflow.org loads.

    NAME_tensor.tsv     V lines of D numbers with 0x09 between them; no header
    NAME_metadata.tsv   V lines, one word each, without a header; with counts two columns under the header
                        "word\tcount"

Words with a tab or a newline would shift the rows after them, so they are refused.
"""

import re
import reprlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from firth.errors import FormatError
from firth.formats.decimals import parse_fields, print_rows
from firth.formats.format import Array, Format, PathLike, Table
from firth.formats.streams import (
    BLOCK_ROWS,
    BlockReader,
    GrowingMatrix,
    is_compressed,
    long_lines,
    reading,
    writing_set,
)
from firth.formats.words import decoded, encoded, shown, unique_rows, warn, warn_of_broken_rows
from firth.messages import counted

_TENSOR, _METADATA = "_tensor.tsv", "_metadata.tsv"
_HEADER = b"word\tcount"
_UNWRITABLE = re.compile(r"[\t\n\r]")


def projector_files(path: PathLike) -> tuple[Path, Path]:
    """Return the two files for a name: that of either file, or the part that their names share."""
    path = Path(path)
    compression = path.suffix if is_compressed(path) else ""
    name = path.name.removesuffix(compression)
    for ending in (_TENSOR, _METADATA, ".tsv"):
        if name.endswith(ending):
            name = name.removesuffix(ending)
            break
    return path.with_name(name + _TENSOR + compression), path.with_name(name + _METADATA + compression)


def write_projector(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None = None) -> None:
    """Write both files, which replace old ones together; numbers have the shortest digits that read back the same."""
    words = encoded(keys, "a file of tab-separated values", _UNWRITABLE)
    with writing_set(*projector_files(path)) as (tensor, metadata):
        for start in range(0, len(words), BLOCK_ROWS):
            tensor.writelines(line + b"\n" for line in print_rows(vectors[start : start + BLOCK_ROWS], "\t"))
        if counts is None:
            metadata.writelines(word + b"\n" for word in words)
        else:
            metadata.write(_HEADER + b"\n")
            metadata.writelines(b"%s\t%d\n" % pair for pair in zip(words, np.asarray(counts).tolist(), strict=True))


def read_projector(
    path: PathLike, *, encoding: str = "utf8", unicode_errors: str = "strict", limit: int | None = None
) -> Table:
    """Read both files; raises `FormatError` if one is absent or their lines do not fit together.

    The first column of the metadata is the word; a column called count, if there is one, the count. If a word
    is repeated, the first row is kept, with a warning.
    """
    tensor, metadata = projector_files(path)
    vectors = _read_tensor(tensor, limit)
    words, counts = _read_metadata(metadata, len(vectors), limit)
    keys = decoded(metadata, words, encoding, unicode_errors)
    return unique_rows(metadata, Table(keys, vectors, counts), finite=False)


def _read_tensor(path: Path, limit: int | None) -> Array:
    import pyarrow as pa

    rows: GrowingMatrix | None = None
    number = 1
    with reading(path) as file:
        for block in BlockReader(file).blocks():
            lines = [line.rstrip() for line in block.removesuffix(b"\n").split(b"\n")]
            if limit is not None and not (lines := lines[: limit + 1 - number]):
                break
            D = lines[0].count(b"\t") + 1 if rows is None else rows.array.shape[1]
            rows = rows or GrowingMatrix(path, D, np.dtype(np.float32))
            for at, line in enumerate(lines, number):
                if line.count(b"\t") + 1 != D:
                    raise FormatError(f"{path}, line {at} is not {counted(D, 'number')}: {shown(line)}")
            try:
                rows.append(parse_fields(lines, D, rows.array.dtype, "\t"))
            except pa.ArrowInvalid as error:
                raise FormatError(f"{path}, lines {number} to {number + len(lines) - 1}: {error}") from error
            number += len(lines)
    if rows is None:
        raise FormatError(f"{path} is empty")
    warn_of_broken_rows(path, rows.broken)
    return rows.finished()


def _read_metadata(path: Path, V: int, limit: int | None) -> tuple[list[bytes], Array | None]:
    with reading(path) as file:
        # one line more than the header and the words: enough to detect too many
        lines = [line.rstrip(b"\r\n") for line in islice(long_lines(file), (V if limit is None else limit) + 2)]
    header = lines[0].split(b"\t") if lines else []
    if len(header) == 1:
        lines, counts = lines[:limit], None
    else:
        lines = lines[1:][:limit]
        counts = _counts(path, header, lines)
    if len(lines) != V:
        found = f"more than {counted(V, 'word')}" if len(lines) > V else counted(len(lines), "word")
        raise FormatError(f"{path} has {found}, and the file beside it {counted(V, 'vector')}")
    return [line.partition(b"\t")[0] for line in lines], counts


def _counts(path: Path, header: list[bytes], lines: list[bytes]) -> Array | None:
    if b"count" not in header:
        warn(f"{path}: of the columns {reprlib.repr(header)} only the first is read, as the word")
        return None
    column = header.index(b"count")
    try:
        return np.array([int(line.split(b"\t")[column]) for line in lines], np.int64)
    except (ValueError, IndexError, OverflowError) as error:
        raise FormatError(f"{path}: its column of counts is not whole numbers: {error}") from error


def _is_projector(path: Path) -> bool:
    """Return whether a path is either of the two files, or, if it does not exist, the beginning of both names."""
    if not path.name:
        return False
    is_part = path.name.removesuffix(path.suffix if is_compressed(path) else "").endswith((_TENSOR, _METADATA))
    return (is_part or not path.exists()) and all(file.is_file() for file in projector_files(path))


FORMAT = Format(
    "projector",
    "TensorBoard's projector: NAME_tensor.tsv and NAME_metadata.tsv",
    read_projector,
    write_projector,
    (".tsv",),
    frozenset({"encoding", "unicode_errors", "limit"}),
    compressible=True,
    recognises_path=_is_projector,
)
