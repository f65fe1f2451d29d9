"""The one way in and the one way out: vectors of any format read, and written.

The formats are in `firth.formats.catalogue`; `firth.formats.detection` tells which a file is in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError
from firth.formats.catalogue import COMPRESSIBLE, find, format_of_name, writable
from firth.formats.detection import detect
from firth.formats.sniff import refuse_devices
from firth.formats.streams import PathLike, refuse_compression
from firth.formats.words import checked_limit
from firth.messages import counted, option

Array = NDArray[Any]


class VectorFile(NamedTuple):
    """What a file held: V keys, (V, D) vectors, (V,) int64 counts where known, and the name of its format."""

    keys: list[str] | list[int]
    vectors: Array
    counts: NDArray[np.int64] | None
    format: str


def read_vectors(
    path: PathLike,
    format: str | None = None,  # noqa: A002 - it is what everybody calls it
    *,
    limit: int | None = None,
    mmap: bool = False,
    encoding: str | None = None,
    unicode_errors: str | None = None,
    fvocab: PathLike | None = None,
    datatype: DTypeLike | None = None,
) -> VectorFile:
    """Read vectors of any format in `FORMATS`, told by the file's bytes where `format` is None.

    `limit` keeps the first rows. The other options are for some formats: `mmap` maps the matrix read-only
    instead of reading it (native, safetensors, huggingface); `encoding` and `unicode_errors` are those of the
    words in text formats; `fvocab` (a word2vec vocabulary with counts) and `datatype` are word2vec's. Raises
    `FormatError` for a file of no known format, or not what its format promises, `OptionError` for an unknown
    `format` and an option that the format does not accept, and `OSError` as the system has it.
    """
    limit = checked_limit(limit)
    refuse_devices(path)
    known = find(format) if format else detect(path)
    wanted = {
        "mmap": mmap or None,
        "encoding": encoding,
        "unicode_errors": unicode_errors,
        "fvocab": fvocab,
        "datatype": datatype,
    }
    options = _taken(known.name, known.reads_with | {"limit"}, {k: v for k, v in wanted.items() if v is not None})
    if "limit" in known.reads_with:
        options["limit"] = limit
    table = known.read(path, **options)
    if len(table.keys) and not table.vectors.shape[1]:
        raise FormatError(
            f"{path} holds {counted(len(table.keys), 'key')} with vectors of 0 numbers; at least 1 is needed"
        )
    counts = None if table.counts is None else table.counts[:limit]
    return VectorFile(table.keys[:limit], table.vectors[:limit], counts, known.name)


def write_vectors(
    path: PathLike,
    format: str | None,  # noqa: A002
    keys: Sequence[str | int],
    vectors: Array,
    counts: Array | None = None,
    **options: Any,
) -> None:
    """Write vectors in the format of that name, or, where it is None, in that of the path's suffix.

    Rows are written in the order given, every number so that it is read back the same. A suffix .gz, .bz2, .xz
    or .zst compresses the formats that are text or word2vec's binary. Options: `fvocab` (word2vec), `language`
    and `license_name` (huggingface). Raises `FormatError` for a word that the format cannot hold, before
    anything is written, and `OptionError` for what does not go together.
    """
    known = find(format) if format else format_of_name(path)
    if known.write is None:
        raise OptionError(f"format={known.name!r} is only read: write one of {', '.join(writable())}")
    if known.name not in COMPRESSIBLE:
        refuse_compression(path, known.name)
    known.write(path, keys, vectors, counts=counts, **_taken(known.name, known.writes_with, options))


def _taken(name: str, known: frozenset[str], options: Mapping[str, Any]) -> dict[str, Any]:
    for given, value in options.items():
        if given not in known:
            raise OptionError(f"the {name} format does not accept {option(given, repr(value))}: leave it out")
    return dict(options)
