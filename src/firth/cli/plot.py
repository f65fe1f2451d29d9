"""`firth plot`: draw a picture of a model or of vectors."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from firth import terminal
from firth.cli.exits import UsageError
from firth.cli.files import check_folder, load_vectors
from firth.cli.flags import VECTORS_READ, ModelFile, at_least, file_name
from firth.cli.similar import key_of, with_standard_input
from firth.messages import counted

if TYPE_CHECKING:
    from firth.vectors import Key, KeyedVectors


class Request(NamedTuple):
    """What to draw: the arguments of the command."""

    model: Path
    words: list[str]
    topn: int
    questions: Path | None
    other: Path | None


def _known_kind(text: str) -> str:
    if text not in _PICTURES:
        raise typer.BadParameter(f"{text!r} is unknown: give one of {', '.join(map(repr, _PICTURES))}")
    return text


def plot(
    model: ModelFile,
    kind: Annotated[
        str,
        typer.Argument(
            help="The picture to draw.",
            parser=_known_kind,
            metavar="history|neighbours|analogies|similarities|norms|evaluation|two-models",
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD", help="The words to draw, for analogies in pairs; - reads them from standard input."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="PATH", help="The picture: a name that ends in .svg, .png or .pdf.",
            **file_name("a picture cannot be written to standard output"),
        ),
    ] = ...,  # type: ignore[assignment] # required
    topn: Annotated[
        int, typer.Option("--topn", "-n", help="Neighbours of each word, for neighbours.", **at_least(0))
    ] = 5,
    analogies: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The questions, for evaluation.",
            **file_name("questions cannot be read from standard input"),
        ),
    ] = None,
    other: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="The second model, for two-models.", **VECTORS_READ)
    ] = None,
) -> None:  # fmt: skip
    """Draw a picture of a model or of vectors.

    history: losses by epoch. neighbours: words and their nearest neighbours. analogies: the first pair of words asks
    for the second word of each other pair. similarities: cosines of words. norms: length of vectors against frequency;
    words are optional. evaluation: accuracy by section of --analogies. two-models: the same words in MODEL and --other.
    """
    from firth import plots  # here and below, because models and Matplotlib would slow down `firth --help`

    plots.draw_in_memory()
    [given] = with_standard_input(words or [])
    check_folder(output)
    plots.check_picture(output)
    plots.save(_PICTURES[kind](Request(model, given, topn, analogies, other)), output)
    terminal.write(f"saved {output}")


def _history(asked: Request) -> Any:
    from firth import plots
    from firth.model import Word2Vec

    _no_words(asked, "history")
    return plots.history(Word2Vec.load(asked.model))


def _neighbours(asked: Request) -> Any:
    from firth import plots

    return plots.neighbours(*_vectors_and_words(asked, 1), topn=asked.topn)


def _analogies(asked: Request) -> Any:
    from firth import plots

    wv, words = _vectors_and_words(asked, 4)
    if len(words) % 2:
        raise UsageError(f"analogies takes pairs of words: found {counted(len(words), 'word')}")
    return plots.analogies(wv, zip(words[::2], words[1::2], strict=True))


def _similarities(asked: Request) -> Any:
    from firth import plots

    return plots.similarities(*_vectors_and_words(asked, 1))


def _norms(asked: Request) -> Any:
    from firth import plots

    wv, words = _vectors_and_words(asked, 0)
    return plots.norms(wv, words or None)


def _evaluation(asked: Request) -> Any:
    from firth import plots

    _no_words(asked, "evaluation")
    if asked.questions is None:
        raise UsageError("evaluation needs --analogies, a file of questions")
    return plots.evaluation(load_vectors(asked.model).evaluate_word_analogies(asked.questions))


def _two_models(asked: Request) -> Any:
    from firth import plots

    if asked.other is None:
        raise UsageError("two-models needs --other, the second model")
    wv, words = _vectors_and_words(asked, 2)
    return plots.two_models(wv, load_vectors(asked.other), words, names=(asked.model.name, asked.other.name))


def _vectors_and_words(asked: Request, least: int) -> "tuple[KeyedVectors, list[Key]]":
    if len(asked.words) < least:
        raise UsageError(f"give at least {counted(least, 'word')}: found {len(asked.words)}")
    vectors = load_vectors(asked.model)
    return vectors, [key_of(vectors, word) for word in asked.words]


def _no_words(asked: Request, kind: str) -> None:
    if asked.words:
        raise UsageError(f"{kind} takes no words: found {' '.join(asked.words)!r}")


_PICTURES: dict[str, Callable[[Request], Any]] = {
    "history": _history,
    "neighbours": _neighbours,
    "analogies": _analogies,
    "similarities": _similarities,
    "norms": _norms,
    "evaluation": _evaluation,
    "two-models": _two_models,
}
