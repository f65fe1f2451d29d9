"""`firth convert`: write vectors in another format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth import terminal
from firth.cli.exits import UsageError
from firth.cli.files import check_folder, left_out, output_format, vectors_in, vectors_of, where_saved, write
from firth.cli.flags import VECTORS_READ, VECTORS_WRITTEN, FileFormat, at_least
from firth.formats import detect, read_vectors
from firth.messages import counted

if TYPE_CHECKING:  # loaded inside functions, because models and vectors would slow down `firth --help`
    from firth.model import Word2Vec
    from firth.vectors import KeyedVectors


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A model, or vectors in any format.", **VECTORS_READ)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The output file or folder.", **VECTORS_WRITTEN)],
    file_format: FileFormat = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Convert only this many of the most frequent words.", show_default="all", **at_least(1)),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of the words, if IN is text.", show_default="utf8")
    ] = None,
    unicode_errors: Annotated[
        str | None,
        typer.Option(
            metavar="strict|replace|ignore", help="What to do with words that cannot be decoded.", show_default="strict"
        ),
    ] = None,
    with_map: Annotated[
        bool,
        typer.Option(
            "--map",
            help="Write words, their places on the explorer's map and their neighbours instead of vectors, as "
            "embedding-atlas opens them: OUT is a Parquet file.",
        ),
    ] = False,
    from_gensim: Annotated[
        bool,
        typer.Option(
            "--from-gensim",
            help="IN is a file that gensim's save wrote: a Word2Vec, KeyedVectors or Phrases. gensim, which must be "
            "installed, unpickles it, and a pickle can run any code: use this only for files that you trust.",
        ),
    ] = False,
) -> None:
    """Write vectors in another format.

    Reports what the new format cannot store, such as counts or the options of a model.
    """
    if with_map:
        _refuse_for_map(target, file_format, from_gensim)
        _write_map(_first(_read(source, limit, encoding, unicode_errors), limit), target)
        return
    if from_gensim:
        _convert_from_gensim(source, target, file_format, limit)
        return
    written_as = output_format(target, file_format)
    model = _read(source, limit, encoding, unicode_errors)
    part = _first(model, limit)
    write(part, target, written_as)
    vectors = vectors_of(part)
    size = f"{counted(len(vectors), 'word')}, vectors of {counted(vectors.vector_size, 'number')}"
    terminal.write(f"{size}: {where_saved(target, written_as)}")
    if lost := left_out(model, written_as, whole=part is model):
        terminal.write(f"not saved in this {'format' if part is model else 'file'}: {', '.join(lost)}")


def _refuse_for_map(target: Path, file_format: str | None, from_gensim: bool) -> None:
    if target.suffix != ".parquet" or file_format not in (None, "parquet"):
        raise UsageError("--map writes a Parquet file: give a name that ends in .parquet, and no other --format")
    if from_gensim:
        raise UsageError("--map does not go with --from-gensim: convert the file that this command writes")


def _write_map(model: "Word2Vec | KeyedVectors", target: Path) -> None:
    """Write the table of `firth.explore.parquet`, and print how to open it."""
    from firth.explore.explored import Explored
    from firth.explore.parquet import write_parquet

    check_folder(target)
    vectors = vectors_of(model)
    write_parquet(Explored(target.stem, vectors), target)
    terminal.write(f"{counted(len(vectors), 'word')}: {target} ({terminal.size(target.stat().st_size)})")
    terminal.write(f"open it: embedding-atlas {target} --text text --x x --y y --neighbors neighbors")


def _convert_from_gensim(source: Path, target: Path, file_format: str | None, limit: int | None) -> None:
    """Convert a pickle of gensim: a whole model or phrases to firth's own format, vectors to any."""
    from firth.gensim.conversion import read_with_gensim
    from firth.gensim.phrases import Phrases
    from firth.vectors import KeyedVectors as Vectors

    if limit is not None:
        raise UsageError("--limit does not go with --from-gensim: convert the file that this command writes")
    written_as = output_format(target, file_format)
    terminal.write_error(f"warning: gensim unpickles {source}, which runs any code that the file contains")
    found = read_with_gensim(source)
    if isinstance(found, Phrases) and written_as.name != "native":
        raise UsageError("phrases are written in firth's native format only: give a name that ends in .firth")
    if written_as.name == "native":
        found.save(target)
    elif not isinstance(found, Phrases):
        vectors = found if isinstance(found, Vectors) else found.wv
        Vectors.save(vectors, target, written_as.name)
    terminal.write(f"{found}: {where_saved(target, written_as)}")


def _read(source: Path, limit: int | None, encoding: str | None, errors: str | None) -> "Word2Vec | KeyedVectors":
    known = detect(source)
    if known.name == "native" and encoding is None and errors is None:
        from firth.model import load

        return load(source)
    file = read_vectors(source, known.name, limit=limit, encoding=encoding, unicode_errors=errors)
    return vectors_in(file)


def _first(model: "Word2Vec | KeyedVectors", limit: int | None) -> "Word2Vec | KeyedVectors":
    """Return the first `limit` vectors, or the model itself if it has no more than that."""
    vectors = vectors_of(model)
    if limit is None or len(vectors) <= limit:
        return model
    counts = None if vectors.counts is None else vectors.counts[:limit]
    return type(vectors).trusted(vectors.index_to_key[:limit], vectors.vectors[:limit], counts, vectors.subwords)
