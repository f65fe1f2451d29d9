"""Every format: its name, what it is, how to tell it from the others, and the one way in and out.

A file is told by its bytes, never by its name alone: see `detect`. A name says only which format to write.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import FormatError, OptionError, near
from firth.formats import sniff
from firth.formats.streams import LONGEST_LINE, PathLike, bare_suffix, is_compressed, reading
from firth.formats.words import Table

Array = NDArray[Any]
_TEXT = frozenset({"encoding", "unicode_errors"})


class VectorFile(NamedTuple):
    """What a file held: V keys, (V, D) vectors, (V,) int64 counts where known, and the name of its format."""

    keys: list[str] | list[int]
    vectors: Array
    counts: NDArray[np.int64] | None
    format: str


@dataclass(frozen=True)
class Format:
    """One way to write vectors down; `write` is None for what is only read."""

    name: str
    description: str
    read: Callable[..., Table]
    write: Callable[..., None] | None
    suffixes: tuple[str, ...] = ()
    reads_with: frozenset[str] = frozenset()
    """The options that `read` takes; `limit` is every format's."""
    writes_with: frozenset[str] = frozenset()


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
    `format` and an option that the format has no use for, and `OSError` as the system has it.
    """
    if limit is not None and limit < 1:
        raise OptionError(f"limit={limit} is not allowed: give a whole number of at least 1, or None for every row")
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
        table = known.read(path, limit=limit, **options)
        return VectorFile(table.keys, table.vectors, table.counts, known.name)
    table = known.read(path, **options)
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
    if is_compressed(Path(path)) and known.name not in COMPRESSIBLE:
        raise OptionError(
            f"format={known.name!r} is not compressed from outside: take {Path(path).suffix} off the name {path}"
        )
    known.write(path, keys, vectors, counts, **_taken(known.name, known.writes_with, options))


def find(name: str) -> Format:
    """Return the format of that name; raises `OptionError` with near names."""
    if name in FORMATS:
        return FORMATS[name]
    hint = near(name, FORMATS)
    meant = f"; did you mean {hint[0]!r}?" if hint else ""
    raise OptionError(f"format={name!r} is unknown{meant} Known are {', '.join(FORMATS)}")


def format_of_name(path: PathLike) -> Format:
    """Return the format to write to a file of this name; raises `OptionError` where its suffix tells none."""
    path = Path(path)
    if path.is_dir():
        return FORMATS["huggingface"]
    suffix = bare_suffix(path)
    for known in FORMATS.values():
        if suffix in known.suffixes and known.write is not None:
            return known
    suffixes = ", ".join(s for known in FORMATS.values() if known.write for s in known.suffixes)
    raise OptionError(f"the name {str(path)!r} does not tell the format: end it in {suffixes}, or give format=")


def writable() -> list[str]:
    """Return the names of the formats that can be written."""
    return [name for name, known in FORMATS.items() if known.write is not None]


def _taken(name: str, known: frozenset[str], options: Mapping[str, Any]) -> dict[str, Any]:
    for option in options:
        if option not in known:
            raise OptionError(f"format={name!r} has no use for {option}={options[option]!r}: leave it out")
    return dict(options)


# --- telling them apart


def detect(path: PathLike) -> Format:
    """Return the format of a file or a folder, from its bytes; raises `FormatError` where it is none of them."""
    path = Path(path)
    name = _projector(path) or (_folder(path) if path.is_dir() else _file(path))
    return FORMATS[name]


def _projector(path: Path) -> str | None:
    """Return "projector" for the name of either of its two files, or for what both names begin with."""
    from firth.formats.projector import METADATA, TENSOR, projector_files

    if not path.name:
        return None
    named = path.name.removesuffix(path.suffix if is_compressed(path) else "").endswith((TENSOR, METADATA))
    both = all(file.is_file() for file in projector_files(path))
    return "projector" if both and (named or not path.exists()) else None


def _folder(path: Path) -> str:
    from firth.formats.huggingface import MODEL, is_huggingface

    if is_huggingface(path):
        return "huggingface"
    raise FormatError(f"{path} is a folder without {MODEL} in it: give a file of vectors")


def _file(path: Path) -> str:
    with reading(path) as file:
        head = file.readline(LONGEST_LINE)
        if not sniff.is_word2vec(head):
            return _unpacked(path, _by_magic(path, head) or _by_text(path, head))
        line = file.readline(LONGEST_LINE).rstrip()
    return "word2vec-text" if _is_numbers(line, int(head.split()[1])) or not line else "word2vec-binary"


def _unpacked(path: Path, name: str) -> str:
    """Return `name`, unless it is that of a format whose reader cannot look into a compressed file."""
    if is_compressed(path) and name not in (*COMPRESSIBLE, "fasttext-bin"):
        raise FormatError(f"{path} is a compressed file of format {name!r}: unpack it first")
    return name


def _by_magic(path: Path, head: bytes) -> str | None:
    if head.startswith(b"ARROW1"):
        return "arrow"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(sniff.FASTTEXT):
        return "fasttext-bin"
    if sniff.is_safetensors(head):
        return "native" if not is_compressed(path) and _is_native(path) else "safetensors"
    if head.startswith(sniff.ZIP) and (is_compressed(path) or _is_npz(path)):
        return "npz"
    if known := sniff.known_kind(head):
        raise FormatError(f"{path} is {known[0]}: {known[1]}")
    return None


def _is_native(path: Path) -> bool:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(size, _LONGEST_HEADER)))
            return bool(header["__metadata__"]["format"] == "firth")
        except (ValueError, KeyError, TypeError, RecursionError):
            return path.suffix == ".firth"  # damaged: its own reader says how


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        return path.suffix == ".npz"  # damaged: its own reader says how


def _by_text(path: Path, head: bytes) -> str:
    """GloVe's text has no header: its first line is a word and numbers."""
    line = head.rstrip()
    if line.count(b" ") >= _LEAST_DIMENSIONS and _is_numbers(line, _LEAST_DIMENSIONS):
        return "glove"
    raise FormatError(
        f"{path} is in no format that firth knows: it begins with {head[:40]!r}. Known are {', '.join(FORMATS)}"
    )


def _is_numbers(line: bytes, D: int) -> bool:
    """Tell whether a line ends in D numbers, after a word."""
    fields = line.rsplit(b" ", D)
    try:
        return len([float(field) for field in fields[1:]]) == D
    except ValueError:
        return False


_LEAST_DIMENSIONS = 2  # a word and one number may be any text
_LONGEST_HEADER = 100_000_000  # bytes, safetensors' own limit


# --- the formats. Each imports its module when it is used: importing this one costs nothing.


def _read_native(path: PathLike, *, mmap: bool = False) -> Table:
    from firth.formats.native import read_native

    file = read_native(path, outside=False, mmap=mmap)
    return Table(file.keys, file.center, file.counts)


def _write_native(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None) -> None:
    from firth.formats.native import write_native

    write_native(path, keys=keys, center=vectors, counts=counts)


def _word2vec(**fixed: Any) -> Callable[..., Table]:
    def read(path: PathLike, **options: Any) -> Table:
        from firth.formats.word2vec import read_word2vec

        return read_word2vec(path, **fixed, **options)

    return read


def _to_word2vec(**fixed: Any) -> Callable[..., None]:
    def write(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None, **options: Any) -> None:
        from firth.formats.word2vec import write_word2vec

        write_word2vec(path, keys, vectors, counts=counts, **fixed, **options)

    return write


def _lazy(module: str, name: str, **fixed: Any) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        from importlib import import_module

        return getattr(import_module(f"firth.formats.{module}"), name)(*arguments, **fixed, **options)

    return call


_WORD2VEC = frozenset({"limit", "encoding", "unicode_errors", "fvocab", "datatype"})
_TEXT_WRITTEN = frozenset({"fvocab"})

_ALL = (
    Format(
        "native",
        "firth's own: vectors and counts exact, checksummed, mapped in no time",
        _read_native,
        _write_native,
        (".firth",),
        frozenset({"mmap"}),
    ),
    Format(
        "word2vec-text",
        "word2vec text with a header, as word2vec.c, gensim and fastText write it",
        _word2vec(binary=False),
        _to_word2vec(binary=False),
        (".txt",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "word2vec-binary",
        "word2vec binary, as GoogleNews-vectors-negative300.bin",
        _word2vec(binary=True),
        _to_word2vec(binary=True),
        (".bin",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "glove",
        "GloVe text: the same as word2vec text without a header",
        _word2vec(no_header=True),
        _to_word2vec(header=False),
        (".glove",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "fasttext-vec",
        "fastText's .vec, which its -pretrainedVectors reads",
        _word2vec(binary=False),
        _to_word2vec(line_end=b" \n"),
        (".vec",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "fasttext-bin",
        "a fastText .bin model: its word vectors, n-grams included (read only)",
        _lazy("fasttext", "read_fasttext"),
        None,
        (".bin",),
        _TEXT | {"limit"},
    ),
    Format(
        "npz",
        "NumPy .npz without pickles: keys, vectors, counts",
        _lazy("npz", "read_npz"),
        _lazy("npz", "write_npz"),
        (".npz",),
        frozenset({"limit"}),
    ),
    Format(
        "safetensors",
        "a plain safetensors file: embeddings, and the words beside them",
        _lazy("plain_safetensors", "read_safetensors"),
        _lazy("plain_safetensors", "write_safetensors"),
        (".safetensors",),
        frozenset({"mmap"}),
    ),
    Format(
        "huggingface",
        "a folder that model2vec and sentence-transformers load",
        _lazy("huggingface", "read_huggingface"),
        _lazy("huggingface", "write_huggingface"),
        (),
        frozenset({"mmap"}),
        frozenset({"language", "license_name"}),
    ),
    Format(
        "projector",
        "TensorBoard's projector: NAME_tensor.tsv and NAME_metadata.tsv",
        _lazy("projector", "read_projector"),
        _lazy("projector", "write_projector"),
        (".tsv",),
        _TEXT | {"limit"},
    ),
    Format(
        "spacy",
        "the input of `spacy init vectors`: word2vec text",
        _word2vec(binary=False),
        _to_word2vec(binary=False),
        (),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "arrow",
        "an Arrow IPC (Feather) table of word, vector, count",
        _lazy("arrow", "read_arrow"),
        _lazy("arrow", "write_arrow"),
        (".arrow", ".feather"),
        frozenset({"limit"}),
    ),
    Format(
        "parquet",
        "a Parquet table of word, vector, count",
        _lazy("arrow", "read_arrow"),
        _lazy("arrow", "write_arrow", parquet=True),
        (".parquet",),
        frozenset({"limit"}),
    ),
)

FORMATS: dict[str, Format] = {known.name: known for known in _ALL}
"""Every format by its name."""

COMPRESSIBLE = ("word2vec-text", "word2vec-binary", "glove", "fasttext-vec", "spacy", "projector")
"""Those that a suffix .gz, .bz2, .xz or .zst compresses."""


def descriptions() -> dict[str, str]:
    """Return the one-line description of each format."""
    return {name: known.description for name, known in FORMATS.items()}
