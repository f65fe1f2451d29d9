"""`firth info`: describe a file of vectors and report every error in it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth import reports, terminal
from firth.cli.exits import FAILURE
from firth.cli.files import vectors_in
from firth.cli.flags import VECTORS_READ, AsJson, TopN
from firth.errors import FormatError
from firth.formats import FORMATS, Diagnosis, diagnose, read_vectors
from firth.formats.native import read_native

if TYPE_CHECKING:
    from firth.vectors import KeyedVectors


_COUNTS = ("rows", "promised_rows", "duplicates", "undecodable", "spaced", "broken_rows", "zero_rows", "bad_lines")
"""The counts of a `Diagnosis` that are shown."""


def info(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A model, or vectors in any format; it may be damaged.", **VECTORS_READ),
    ],
    topn: TopN = 10,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also measure the vectors: norms, duplicates, isotropy. Slow for large files."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Describe a file of vectors and report every error in it.

    The whole file is read. Exits with 1 if an error is found.
    """
    with warnings.catch_warnings(action="ignore"):  # the problems include everything that readers warn about
        found = _describe(file, topn, full)
    terminal.write(terminal.as_json(found) if json else reports.info_lines(found))
    if found["problems"]:
        raise typer.Exit(FAILURE)


def _describe(path: Path, topn: int, full: bool) -> dict[str, Any]:
    diagnosis = diagnose(path)
    return {
        "file": str(path),
        "format": diagnosis.format,
        "bytes": diagnosis.bytes,
        "words": diagnosis.rows - diagnosis.duplicates,
        "vector_size": diagnosis.dimensions,
        **_contents(path, diagnosis, topn, full),
        "diagnosis": {name: getattr(diagnosis, name) for name in _COUNTS},
        "problems": diagnosis.problems,
    }


def _contents(path: Path, diagnosis: Diagnosis, topn: int, full: bool) -> dict[str, Any]:
    """Return what the file holds, or None for everything if it cannot be read."""
    nothing = dict.fromkeys(["kind", "dtype", "total_count", "options", "history", "sha256", "statistics"])
    try:
        if diagnosis.format is None:
            return {**nothing, "first_words": []}
        vectors, model = _read(path, diagnosis.format, None if full or diagnosis.counts else topn)
    except FormatError as error:
        if diagnosis.is_sound:  # the error is in a part of the model that `diagnose` does not read
            diagnosis.problems.append(str(error))
        return {**nothing, "first_words": []}
    return {
        "kind": "model" if model.get("options") is not None else "vectors",
        "dtype": vectors.vectors.dtype.name,
        "total_count": None if vectors.counts is None else int(vectors.counts.sum()),
        **{name: model.get(name) for name in ("options", "history", "sha256")},
        "first_words": _first_words(vectors, topn),
        "statistics": vectors.info()._asdict() if full else None,
    }


def _read(path: Path, name: str, limit: int | None) -> "tuple[KeyedVectors, dict[str, Any]]":
    """Return the vectors and, of a native file, also the options, the history and the checksum."""
    if name != "native":
        unicode_errors = "replace" if "unicode_errors" in FORMATS[name].reads_with else None
        return vectors_in(read_vectors(path, name, limit=limit, unicode_errors=unicode_errors)), {}
    # imported here, because vectors and training would slow down `firth --help`
    from firth.training.loop.trainer import records
    from firth.vectors import KeyedVectors

    native = read_native(path)
    records(native.history or [], str(path))  # raises FormatError if the history is damaged
    return KeyedVectors.trusted(list(native.keys), native.center, native.counts, native.subwords), vars(native)


def _first_words(vectors: "KeyedVectors", topn: int) -> list[dict[str, Any]]:
    keys, counts = vectors.index_to_key[:topn], vectors.counts
    if counts is None:
        return [{"word": key} for key in keys]
    return [{"word": key, "count": count} for key, count in zip(keys, counts[:topn].tolist(), strict=True)]
