"""What a file of vectors holds, and what is wrong with it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

import firth
from firth import reports, terminal
from firth.cli.flags import at_least
from firth.cli.parameters import VECTORS_READ, AsJson
from firth.cli.program import FAILURE
from firth.errors import FormatError
from firth.formats import FORMATS, Diagnosis, diagnose, read_vectors

if TYPE_CHECKING:
    from firth.vectors import KeyedVectors


def info(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A model, or vectors in any format; or broken ones.", **VECTORS_READ)
    ],
    topn: Annotated[int, typer.Option("--topn", "-n", help="How many words to print.", **at_least(1))] = 10,
    full: Annotated[
        bool, typer.Option("--full", help="Measure the vectors too: lengths, copies, evenness. Slow if they are many.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Say what a model or a file of vectors holds, and all that is wrong with it.

    The file is read to its end. Exits with 1 if anything is wrong.
    """
    with warnings.catch_warnings(action="ignore"):  # what a reader warns of is among the problems
        found = _look_into(file, topn, full)
    terminal.say(terminal.as_json(found) if json else reports.info_lines(found))
    if found["problems"]:
        raise typer.Exit(FAILURE)


class _Contents(NamedTuple):
    """What could be read: the first vectors or all, and what else a model has."""

    vectors: "KeyedVectors"
    options: dict[str, Any] | None = None
    history: list[dict[str, Any]] | None = None
    sha256: str | None = None


def _look_into(path: Path, topn: int, full: bool) -> dict[str, Any]:
    diagnosis = diagnose(path)
    everything = full or diagnosis.counts
    contents = _contents(path, diagnosis, None if everything else topn)
    counted = {
        "rows": diagnosis.rows,
        "promised_rows": diagnosis.promised_rows,
        "duplicates": diagnosis.duplicates,
        "undecodable": diagnosis.undecodable,
        "spaced": diagnosis.spaced,
        "broken_rows": diagnosis.broken_rows,
        "zero_rows": diagnosis.zero_rows,
        "bad_lines": diagnosis.bad_lines,
    }
    return {
        "file": str(path),
        "format": diagnosis.format,
        "bytes": diagnosis.bytes,
        "words": diagnosis.rows - diagnosis.duplicates,
        "vector_size": diagnosis.dimensions,
        **_described(contents, topn),
        "statistics": contents.vectors.info()._asdict() if contents and full else None,
        "diagnosis": counted,
        "problems": diagnosis.problems,
    }


def _contents(path: Path, diagnosis: Diagnosis, limit: int | None) -> _Contents | None:
    """Read what `diagnose` has looked through; None where it cannot be read."""
    try:
        return _read(path, diagnosis.format, limit) if diagnosis.format else None
    except FormatError as error:
        if diagnosis.is_sound:  # such as a fault in the outside matrix, which is none of the vectors'
            diagnosis.problems.append(str(error))
        return None


def _read(path: Path, name: str, limit: int | None) -> _Contents:
    if name == "native":
        from firth.formats.native import read_native
        from firth.training.loop.trainer import records

        native = read_native(path)
        records(native.history or [], str(path))  # or raises
        vectors = firth.KeyedVectors.trusted(list(native.keys), native.center, native.counts)
        return _Contents(vectors, native.options, native.history, native.sha256)
    leniently = "replace" if "unicode_errors" in FORMATS[name].reads_with else None
    file = read_vectors(path, name, limit=limit, unicode_errors=leniently)
    return _Contents(firth.KeyedVectors.trusted(list(file.keys), file.vectors, file.counts))


def _described(contents: _Contents | None, topn: int) -> dict[str, Any]:
    if contents is None:
        nothing = dict.fromkeys(["kind", "dtype", "total_count", "options", "history", "sha256"])
        return {**nothing, "first_words": []}
    vectors, options, history, sha256 = contents
    return {
        "kind": "vectors" if options is None else "model",
        "dtype": vectors.vectors.dtype.name,
        "total_count": None if vectors.counts is None else int(vectors.counts.sum()),
        "options": options,
        "history": history,
        "sha256": sha256,
        "first_words": _first_words(vectors, topn),
    }


def _first_words(vectors: "KeyedVectors", topn: int) -> list[dict[str, Any]]:
    keys, counts = vectors.index_to_key[:topn], vectors.counts
    if counts is None:
        return [{"word": key} for key in keys]
    return [{"word": key, "count": count} for key, count in zip(keys, counts[:topn].tolist(), strict=True)]
