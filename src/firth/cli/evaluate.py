"""`firth evaluate`: score vectors on analogies and on human similarity judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth import reports, terminal
from firth.cli.exits import UsageError
from firth.cli.files import load_vectors
from firth.cli.flags import AsJson, ModelFile, at_least, file_name, one_of

if TYPE_CHECKING:
    from firth.vectors import KeyedVectors


def evaluate(
    model: ModelFile,
    analogies: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of analogy questions in the format of questions-words.txt; may be repeated.",
            **file_name("questions cannot be read from standard input"),
        ),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of word pairs with human similarity scores, such as WordSim-353; may be repeated.",
            **file_name("pairs of words cannot be read from standard input"),
        ),
    ] = None,
    restrict_vocab: Annotated[
        int, typer.Option(help="Use only this many of the most frequent words.", **at_least(1))
    ] = 300000,
    case_insensitive: Annotated[
        bool, typer.Option("--case-insensitive/--case-sensitive", help="Ignore case: compare words in upper case.")
    ] = True,
    dummy4unknown: Annotated[
        bool,
        typer.Option("--dummy4unknown", help="Count questions with unknown words as wrong, and pairs as cosine 0."),
    ] = False,
    similarity_function: Annotated[
        str,
        typer.Option(
            help="Answer analogies by a sum of cosines (3CosAdd) or by their product (3CosMul).",
            **one_of("most_similar", "most_similar_cosmul"),
        ),
    ] = "most_similar",
    json: AsJson = False,
) -> None:
    """Evaluate vectors on analogies and word similarity.

    Each score is printed with its coverage: how many questions or pairs have only known words.
    """
    if not analogies and not pairs:
        raise UsageError("give a file for --analogies or for --pairs")
    _fail_early([*(analogies or []), *(pairs or [])], needs_scipy=bool(pairs))
    vectors = load_vectors(model)
    settings = {"restrict_vocab": restrict_vocab, "case_insensitive": case_insensitive, "dummy4unknown": dummy4unknown}
    how = {**settings, "similarity_function": similarity_function}
    scores = [_pairs(vectors, path, settings) for path in pairs or []]  # before the analogies, which take longer
    answers = [_analogies(vectors, path, how) for path in analogies or []]
    if json:
        terminal.write(terminal.as_json({"analogies": answers, "pairs": scores}))
        return
    tables = [*map(reports.analogy_lines, answers), *([reports.pair_lines(scores)] if scores else [])]
    terminal.write("\n\n".join(tables))


def _fail_early(files: list[Path], *, needs_scipy: bool) -> None:
    """Raise errors before the vectors are read, which may take long."""
    for path in files:
        path.open("rb").close()
    if needs_scipy:
        from firth.vectors.evaluation import correlations  # here, because it would slow down `firth --help`

        correlations()


def _analogies(vectors: "KeyedVectors", path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    result = vectors.evaluate_word_analogies(path, **settings)
    sections = [
        {
            "section": section["section"],
            "correct": len(section["correct"]),
            "answered": len(section["correct"]) + len(section["incorrect"]),
            "covered": coverage.covered,
            "total": coverage.total,
        }
        for section, coverage in zip(result.sections, result.coverage, strict=True)
    ]
    return {"file": str(path), "score": result.score, "sections": sections, "skipped_lines": result.skipped}


def _pairs(vectors: "KeyedVectors", path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    result = vectors.evaluate_word_pairs(path, delimiter=None, **settings)
    measures = {
        name: {"correlation": correlation, "p": p}
        for name, (correlation, p) in [("pearson", result.pearson), ("spearman", result.spearman)]
    }
    counts = {"covered": result.covered, "total": result.total, "skipped_lines": result.skipped}
    return {"file": str(path), **measures, **counts}
