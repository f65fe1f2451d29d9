"""Scores of vectors: analogies, and agreement with people's judgements of similarity."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth import reports, terminal
from firth.cli.files import load_vectors
from firth.cli.flags import at_least, one_of
from firth.cli.parameters import AsJson, ModelFile, file_name
from firth.cli.program import UsageError

if TYPE_CHECKING:
    from firth.vectors import KeyedVectors


def evaluate(
    model: ModelFile,
    analogies: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of questions, as questions-words.txt; may be repeated.",
            **file_name("questions cannot be read from standard input"),
        ),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A file of pairs of words with people's scores, as WordSim-353; may be repeated.",
            **file_name("pairs of words cannot be read from standard input"),
        ),
    ] = None,
    restrict_vocab: Annotated[int, typer.Option(help="Use only the first words.", **at_least(1))] = 300000,
    case_insensitive: Annotated[
        bool, typer.Option("--case-insensitive/--case-sensitive", help="Compare in upper case.")
    ] = True,
    dummy4unknown: Annotated[
        bool, typer.Option("--dummy4unknown", help="Count what has an unknown word as wrong, or as cosine 0.")
    ] = False,
    similarity_function: Annotated[
        str,
        typer.Option(
            help="How analogies are answered: by a sum of cosines (3CosAdd) or their product (3CosMul).",
            **one_of("most_similar", "most_similar_cosmul"),
        ),
    ] = "most_similar",
    json: AsJson = False,
) -> None:
    """Judge vectors by analogies and word similarity.

    Says beside each result how much of the file the vocabulary covers.
    """
    from firth.vectors.evaluation import correlations

    if not analogies and not pairs:
        raise UsageError("give a file for --analogies or for --pairs")
    for path in [*(analogies or []), *(pairs or [])]:
        path.open("rb").close()  # raises before the vectors are read, which may take long
    if pairs:
        correlations()  # so does this, where SciPy is not installed
    vectors = load_vectors(model)
    settings = {
        "restrict_vocab": restrict_vocab,
        "case_insensitive": case_insensitive,
        "dummy4unknown": dummy4unknown,
    }
    how = {**settings, "similarity_function": similarity_function}
    agreed = [_pairs(vectors, path, settings) for path in pairs or []]  # first: a file that is none costs no answers
    answered = [_analogies(vectors, path, how) for path in analogies or []]
    if json:
        terminal.say(terminal.as_json({"analogies": answered, "pairs": agreed}))
        return
    tables = [*map(reports.analogy_lines, answered), *([reports.pair_lines(agreed)] if agreed else [])]
    terminal.say("\n\n".join(tables))


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
