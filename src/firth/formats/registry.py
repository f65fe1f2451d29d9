"""The registry of formats, and the functions that detect, read and write any of them.

A new format is a module that describes it as a `Format`, and its line in `FORMATS`.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError
from firth.formats import arrow, fasttext, huggingface, native, npz, plain_safetensors, projector, word2vec
from firth.formats.format import Array, Format, PathLike, Table
from firth.formats.signatures import add_signatures, known_kind
from firth.formats.streams import is_compressed, read_head, refuse_compression, refuse_devices
from firth.formats.words import check_shapes
from firth.messages import counted, option
from firth.options import whole
from firth.packed_words import PackedWords
from firth.subwords import SubwordVectors

FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        native.FORMAT,
        word2vec.TEXT,
        word2vec.BINARY,
        word2vec.GLOVE,
        word2vec.FASTTEXT_VEC,
        fasttext.FORMAT,
        npz.FORMAT,
        plain_safetensors.FORMAT,
        huggingface.FORMAT,
        projector.FORMAT,
        word2vec.SPACY,
        arrow.ARROW,
        arrow.PARQUET,
    )
}
"""Every format by its name. If a file could be in several, the first is detected."""

add_signatures(known.signature for known in FORMATS.values() if known.signature)

COMPRESSIBLE = tuple(name for name, known in FORMATS.items() if known.compressible and known.write)
"""Formats that a suffix .gz, .bz2, .xz or .zst compresses."""


def detect(path: PathLike) -> Format:
    """Return the format of a file or a folder, from its content; raises `FormatError` if it is none of them."""
    path = Path(path)
    for known in FORMATS.values():
        if known.recognises_path is not None and known.recognises_path(path):
            return known
    if path.is_dir():
        raise FormatError(f"{path} is a folder without {huggingface.MODEL} in it: give a file of vectors")
    head = read_head(path)
    for known in FORMATS.values():
        if known.owns(head):
            if head.is_compressed and not known.compressible:
                raise FormatError(f"{path} is a compressed file of format {known.name!r}: unpack it first")
            return known
    if kind := known_kind(head.start, is_compressed=head.is_compressed):
        raise FormatError(f"{path} is {kind[0]}: {kind[1]}")
    raise FormatError(
        f"{path} is not in a format that firth reads: it begins with {head.line[:40]!r}. The formats are "
        f"{', '.join(FORMATS)}"
    )


def format_of_name(path: PathLike) -> Format:
    """Return the format in which a file of this name is written; raises `OptionError` for an unknown suffix."""
    path = Path(path)
    if path.is_dir():
        return huggingface.FORMAT
    suffix = (path.with_suffix("") if is_compressed(path) else path).suffix.lower()
    writable = [known for known in FORMATS.values() if known.write]
    for known in writable:
        if suffix in known.suffixes:
            return known
    suffixes = ", ".join(suffix for known in writable for suffix in known.suffixes)
    raise OptionError(
        f"the name {str(path)!r} has no suffix of a known format: use one of {suffixes}, or give {option('format')}"
    )


def _named(name: str) -> Format:
    """Return the format of that name; raises `OptionError` with a near name."""
    if name in FORMATS:
        return FORMATS[name]
    hint = difflib.get_close_matches(name, FORMATS)
    meant = f": did you mean {hint[0]!r}?" if hint else "."
    raise OptionError(f"{option('format', repr(name))} is unknown{meant} The formats are {', '.join(FORMATS)}")


class VectorFile(NamedTuple):
    """The content of a file: V keys, (V, D) vectors, (V,) int64 counts where known, the format's name, and n-grams."""

    keys: list[str] | list[int] | PackedWords
    vectors: Array
    counts: NDArray[np.int64] | None
    format: str
    subwords: SubwordVectors | None = None


def read_vectors(
    path: PathLike,
    format: str | None = None,  # noqa: A002 - the usual name
    *,
    limit: int | None = None,
    mmap: bool = False,
    encoding: str | None = None,
    unicode_errors: str | None = None,
    fvocab: PathLike | None = None,
    datatype: DTypeLike | None = None,
) -> VectorFile:
    """Read vectors of any format in `FORMATS`, detected from the file's bytes if `format` is None.

    `limit` keeps the first rows. The other options are for some formats: `mmap` maps the matrix read-only
    instead of reading it (native, safetensors, huggingface); `encoding` and `unicode_errors` decode the
    words of text formats; `fvocab` (a word2vec vocabulary with counts) and `datatype` are word2vec's. Raises
    `FormatError` for a file in no known format, or with an error in it, `OptionError` for an unknown
    `format` and an option that the format does not accept, and `OSError` from the system.
    """
    limit = whole("limit", limit, "rows; by default all", 1, optional=True)
    refuse_devices(path)
    known = _named(format) if format else detect(path)
    given = {
        "mmap": mmap or None,
        "encoding": encoding,
        "unicode_errors": unicode_errors,
        "fvocab": fvocab,
        "datatype": datatype,
    }
    options = _accepted(known.name, known.reads_with, {k: v for k, v in given.items() if v is not None})
    if "limit" in known.reads_with:
        options["limit"] = limit
    table = _with_numbers(path, known.read(path, **options))
    counts = None if table.counts is None else table.counts[:limit]
    return VectorFile(table.keys[:limit], table.vectors[:limit], counts, known.name, table.subwords)


def read_packed(path: PathLike, format: str | None = None, *, mmap: bool = False) -> VectorFile:  # noqa: A002
    """Read what `read_vectors` reads, but keep the words of a native file packed, which takes less memory."""
    refuse_devices(path)
    known = _named(format) if format else detect(path)
    if known.name != "native":
        return read_vectors(path, known.name, mmap=mmap)
    table = _with_numbers(path, known.read(path, mmap=mmap, packed=True))
    return VectorFile(table.keys, table.vectors, table.counts, known.name, table.subwords)


def _with_numbers(path: PathLike, table: Table) -> Table:
    """Return a table; raise `FormatError` if it has keys and its vectors have no numbers."""
    if len(table.keys) and not table.vectors.shape[1]:
        raise FormatError(
            f"{path} holds {counted(len(table.keys), 'key')} with vectors of 0 numbers; at least 1 is needed"
        )
    return table


def holds_subwords(format: str | None) -> bool:  # noqa: A002
    """Return whether the format of that name stores the rows of n-grams; raises `OptionError` for an unknown name."""
    return format is not None and "subwords" in _named(format).writes_with


def write_vectors(
    path: PathLike,
    format: str | None,  # noqa: A002
    keys: Sequence[str | int],
    vectors: Array,
    counts: Array | None = None,
    **options: Any,
) -> None:
    """Write vectors in the format of that name, or, if it is None, in that of the path's suffix.

    Rows are in the order given, and every number reads back the same. A suffix .gz, .bz2, .xz or .zst
    compresses the formats in `COMPRESSIBLE`. Options: `fvocab` (word2vec), `language` and `license_name`
    (huggingface), `subwords` (native and fasttext-bin), `outside`, `nodes` and `options` (fasttext-bin). Raises
    `FormatError` for a word that the format cannot hold, before anything is written, and `OptionError` for arguments
    that do not fit together.
    """
    known = _named(format) if format else format_of_name(path)
    if known.write is None:
        writable = ", ".join(name for name, other in FORMATS.items() if other.write)
        raise OptionError(f"format={known.name!r} can be read but not written: write one of {writable}")
    if not known.compressible:
        refuse_compression(path, known.name)
    check_shapes(keys, vectors, counts)
    known.write(path, keys, vectors, counts=counts, **_accepted(known.name, known.writes_with, options))


def _accepted(name: str, known: frozenset[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, or raise `OptionError` for one that is not in `known`."""
    for given, value in options.items():
        if given not in known:
            raise OptionError(f"the {name} format does not accept {option(given, repr(value))}: leave it out")
    return dict(options)
