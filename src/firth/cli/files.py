"""Files that commands read and write: the format, early checks, loading, saving, and what a format cannot hold."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from firth import terminal
from firth.atomic import TEMPORARY_SUFFIX
from firth.cli.exits import UsageError
from firth.formats import COMPRESSIBLE, FORMATS, Format, VectorFile, detect, format_of_name, holds_subwords
from firth.formats.huggingface import is_huggingface
from firth.formats.projector import projector_files
from firth.formats.streams import refuse_compression
from firth.text.sources import is_read

if TYPE_CHECKING:  # loaded inside functions, because models and vectors would slow down `firth --help`
    from firth.model import Word2Vec
    from firth.vectors import KeyedVectors

_MAPPED_BYTES = 1 << 26
"""Files of at least this size are memory-mapped for queries; smaller ones are read, and their checksum is compared."""


def output_format(path: Path, name: str | None) -> Format:
    """Return the format in which to write `path`: that of the name, else that of the suffix.

    Errors are raised before hours of training: `OptionError` for an unknown suffix, and `OSError` for a folder that
    cannot be written to.
    """
    if path.is_dir() and name != "huggingface":
        raise IsADirectoryError(0, "is a folder: give the name of a file to write in it", str(path))
    known = FORMATS[name] if name else format_of_name(path)
    if known.name not in COMPRESSIBLE:
        refuse_compression(path, known.name)
    if known.name == "huggingface" and path.exists():
        _check_huggingface(path)
    check_folder(path)
    return known


def check_folder(path: Path) -> None:
    """Raise `OSError` if the folder of `path`, or `path` itself if it is a folder, is missing or not writable."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(0, "this folder does not exist: create it, or name another", str(folder))
    folder = path if path.is_dir() else folder
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(0, "no permission to write in this folder", str(folder))


def refuse_to_overwrite(corpus: list[str], outputs: list[Path]) -> None:
    """Raise `UsageError` if one of the output files would be read as part of the corpus."""
    for output in outputs:
        if output.exists() and is_read(output, corpus):
            raise UsageError(f"{output} is part of the corpus and would be overwritten: give another file")


def _check_huggingface(path: Path) -> None:
    """Raise if the format's files, such as README.md, could overwrite unrelated files."""
    if not path.is_dir():
        raise NotADirectoryError(0, "is a file, and this format is a folder: give another name", str(path))
    foreign = (file for file in path.iterdir() if file.suffix != TEMPORARY_SUFFIX)
    if any(foreign) and not is_huggingface(path):
        raise FileExistsError(0, "holds other files: give the name of a new folder", str(path))


def parts_of(path: Path, known: Format) -> list[Path]:
    """Return the files, or the folder, that are written for `path` in that format."""
    return list(projector_files(path)) if known.name == "projector" else [path]


def load_vectors(path: Path) -> "KeyedVectors":
    """Read vectors of any format; large files are memory-mapped if the format allows it."""
    from firth.vectors import KeyedVectors

    known = detect(path)
    return KeyedVectors.load(path, known.name, mmap="mmap" in known.reads_with and is_mapped(path))


def is_mapped(path: Path) -> bool:
    """Return whether a file is large enough to be mapped."""
    return path.is_file() and path.stat().st_size >= _MAPPED_BYTES


def vectors_in(file: VectorFile) -> "KeyedVectors":
    """Return the vectors of a file that was read; its reader has checked the keys."""
    from firth.vectors import KeyedVectors

    return KeyedVectors.trusted(list(file.keys), file.vectors, file.counts, file.subwords)


def vectors_of(model: "Word2Vec | KeyedVectors") -> "KeyedVectors":
    """Return the vectors of a model; vectors are returned as they are."""
    from firth.vectors import KeyedVectors

    return model if isinstance(model, KeyedVectors) else model.wv


def write(model: "Word2Vec | KeyedVectors", path: Path, known: Format) -> None:
    """Write the whole model in the native format and for fastText, only its vectors in any other."""
    from firth.model import Word2Vec

    if known.name == "native":
        model.save(path)
    elif known.name == "fasttext-bin" and isinstance(model, Word2Vec):
        model.save_fasttext(path)
    else:
        vectors_of(model).save(path, known.name)


def left_out(model: "Word2Vec | KeyedVectors", known: Format, *, whole: bool = True) -> list[str]:
    """Return the parts of a model that a file in that format lacks; `whole` is whether all rows were written."""
    from firth.model import Word2Vec

    with_counts = "fvocab" not in known.writes_with  # word2vec formats write counts to a separate file
    counts = [] if with_counts or vectors_of(model).counts is None else ["counts"]
    ngrams = ["rows of n-grams"] if vectors_of(model).subwords is not None and not holds_subwords(known.name) else []
    if not isinstance(model, Word2Vec) or (known.name == "native" and whole):
        return [*counts, *ngrams]
    if known.name == "fasttext-bin" and whole:
        return ["options", "history"]
    outputs = {"outside matrix": model.options.has_outside, "nodes": model.options.has_nodes}
    return [*counts, *ngrams, *(name for name, is_there in outputs.items() if is_there), "options", "history"]


def where_saved(path: Path, known: Format) -> str:
    """Return the paths that were written, with the format and the size."""
    parts = parts_of(path, known)
    files = [file for part in parts for file in (part.rglob("*") if part.is_dir() else [part])]
    size = terminal.size(sum(file.stat().st_size for file in files))
    return f"{' and '.join(map(str, parts))} ({known.name}, {size})"
