"""Every format: its name, what it is, what reads and writes it, and which suffix asks for it.

Each imports its module when it is used, so that looking at the list costs nothing.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth.errors import OptionError
from firth.formats.streams import PathLike, bare_suffix
from firth.formats.words import Table
from firth.messages import option

Array = NDArray[Any]

_TEXT = frozenset({"encoding", "unicode_errors"})


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


def find(name: str) -> Format:
    """Return the format of that name; raises `OptionError` with near names."""
    if name in FORMATS:
        return FORMATS[name]
    hint = difflib.get_close_matches(name, FORMATS)
    meant = f": did you mean {hint[0]!r}?" if hint else "."
    raise OptionError(f"{option('format', repr(name))} is unknown{meant} Known are {', '.join(FORMATS)}")


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
    raise OptionError(
        f"the name {str(path)!r} has no suffix of a known format: use one of {suffixes}, or give {option('format')}"
    )


def writable() -> list[str]:
    """Return the names of the formats that can be written."""
    return [name for name, known in FORMATS.items() if known.write is not None]


def _read_native(path: PathLike, *, mmap: bool = False) -> Table:
    from firth.formats.native import read_native

    file = read_native(path, outside=False, mmap=mmap)
    return Table(file.keys, file.center, file.counts)


def _write_native(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None) -> None:
    from firth.formats.native import write_native

    write_native(path, keys=keys, center=vectors, counts=counts)


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
        _lazy("word2vec", "read_word2vec", binary=False),
        _lazy("word2vec", "write_word2vec", binary=False),
        (".txt",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "word2vec-binary",
        "word2vec binary, as GoogleNews-vectors-negative300.bin",
        _lazy("word2vec", "read_word2vec", binary=True),
        _lazy("word2vec", "write_word2vec", binary=True),
        (".bin",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "glove",
        "GloVe text: the same as word2vec text without a header",
        _lazy("word2vec", "read_word2vec", no_header=True),
        _lazy("word2vec", "write_word2vec", header=False),
        (".glove",),
        _WORD2VEC,
        _TEXT_WRITTEN,
    ),
    Format(
        "fasttext-vec",
        "fastText's .vec, which its -pretrainedVectors reads",
        _lazy("word2vec", "read_word2vec", binary=False),
        _lazy("word2vec", "write_word2vec", line_end=b" \n"),
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
        _lazy("word2vec", "read_word2vec", binary=False),
        _lazy("word2vec", "write_word2vec", binary=False),
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
