"""Files: which format a name asks for, what stands in the way of writing it, reading, writing and what is lost."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import firth
from firth import terminal
from firth.formats import COMPRESSIBLE, FORMATS, Format, detect, format_of_name
from firth.formats.atomic import TEMPORARY_SUFFIX
from firth.formats.streams import refuse_compression

if TYPE_CHECKING:
    from firth.model import Word2Vec
    from firth.vectors import KeyedVectors

_MAPPED_BYTES = 1 << 26
"""A file of this size is mapped for queries; a smaller one is read at once, and its checksum compared."""


# --- before writing


def output_format(path: Path, name: str | None) -> Format:
    """Return the format to write `path` in, that of the name or else of the suffix, if it can be written there.

    Raises now what would otherwise be raised after hours of training: `UsageError` for a name that tells no
    format, `OSError` for a place that may not be written in.
    """
    if path.is_dir() and name != "huggingface":
        raise IsADirectoryError(0, "is a folder: give the name of a file to write in it", str(path))
    known = FORMATS[name] if name else format_of_name(path)
    if known.name not in COMPRESSIBLE:
        refuse_compression(path, known.name)
    _check_place(path, known)
    return known


def _check_place(path: Path, known: Format) -> None:
    if known.name == "huggingface" and path.exists():
        _check_huggingface(path)
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(0, "no such folder to write in", str(folder))
    folder = path if path.is_dir() else folder
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(0, "this folder may not be written in", str(folder))


def _check_huggingface(path: Path) -> None:
    """Raise where the folder's own files, such as README.md, would fall upon other things."""
    from firth.formats.huggingface import is_huggingface

    if not path.is_dir():
        raise NotADirectoryError(0, "is a file, and this format is a folder: give another name", str(path))
    foreign = (file for file in path.iterdir() if file.suffix != TEMPORARY_SUFFIX)
    if any(foreign) and not is_huggingface(path):
        raise FileExistsError(0, "holds other files: give the name of a new folder", str(path))


def parts_of(path: Path, known: Format) -> list[Path]:
    """Return the files, or the folder, that make up `path` in that format."""
    if known.name != "projector":
        return [path]
    from firth.formats.projector import projector_files

    return list(projector_files(path))


# --- reading


def load_vectors(path: Path) -> "KeyedVectors":
    """Read vectors of any format; those in a large file are mapped, if it can be, so that a query starts at once."""
    known = detect(path)
    mapped = "mmap" in known.reads_with and path.is_file() and path.stat().st_size >= _MAPPED_BYTES
    return firth.KeyedVectors.load(path, known.name, mmap=mapped)


def vectors_of(model: "Word2Vec | KeyedVectors") -> "KeyedVectors":
    """Return the vectors of a model, or those that are nothing more."""
    return model if isinstance(model, firth.KeyedVectors) else model.wv


# --- writing


def write(model: "Word2Vec | KeyedVectors", path: Path, known: Format) -> None:
    """Write a model whole where the format is native, and its vectors where it is another."""
    if known.name == "native":
        model.save(path)
    else:
        vectors_of(model).save(path, known.name)


def left_out(model: "Word2Vec | KeyedVectors", known: Format, *, whole: bool = True) -> list[str]:
    """Return what of a model is not in a file of that format; `whole` tells whether all of it was to be written."""
    with_counts = "fvocab" not in known.writes_with  # word2vec's have them in a file of their own
    counts = [] if with_counts or vectors_of(model).counts is None else ["counts"]
    is_kept = isinstance(model, firth.KeyedVectors) or (known.name == "native" and whole)
    return counts if is_kept else [*counts, "outside matrix", "options", "history"]


def where_saved(path: Path, known: Format) -> str:
    """Say where vectors were written, how, and how large that is."""
    parts = parts_of(path, known)
    files = [file for part in parts for file in (part.rglob("*") if part.is_dir() else [part])]
    size = terminal.size(sum(file.stat().st_size for file in files))
    return f"{' and '.join(map(str, parts))} ({known.name}, {size})"
