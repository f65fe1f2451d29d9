"""Questions to vectors: the nearest words, and analogies."""

from typing import TYPE_CHECKING, Annotated

import typer

from firth import terminal
from firth.cli.files import load_vectors
from firth.cli.parameters import AsJson, ModelFile, RestrictVocab, TopN
from firth.cli.program import UsageError
from firth.errors import UnknownWordError

if TYPE_CHECKING:
    from firth.vectors import Key, KeyedVectors


def similar(
    model: ModelFile,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Words to be near to.", show_default=False)
    ] = None,
    negative: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="A word to be far from; may be repeated.", show_default="none"),
    ] = None,
    topn: TopN = 10,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Print the words nearest to the words given.

    Nearest is by cosine, to the mean of the words; those of --negative are subtracted.
    """
    if not words and not negative:
        raise UsageError("give at least one WORD, or a word for --negative")
    _print_nearest(load_vectors(model), words or [], negative or [], topn, restrict_vocab, json)


def analogy(
    model: ModelFile,
    a: Annotated[str, typer.Argument(metavar="A", help="as in man")],
    b: Annotated[str, typer.Argument(metavar="B", help="as in king")],
    c: Annotated[str, typer.Argument(metavar="C", help="as in woman")],
    topn: TopN = 5,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Complete the analogy "A is to B as C is to ...".

    Prints the words nearest to B + C - A.
    """
    _print_nearest(load_vectors(model), [b, c], [a], topn, restrict_vocab, json)


def _print_nearest(
    vectors: "KeyedVectors",
    positive: list[str],
    negative: list[str],
    topn: int,
    restrict_vocab: int | None,
    json: bool,
) -> None:
    toward, away = ([_key(vectors, word) for word in words] for words in (positive, negative))
    found = list(vectors.most_similar(toward, away, topn=topn, restrict_vocab=restrict_vocab))
    if json:
        terminal.say(terminal.as_json([{"word": word, "cosine": cosine} for word, cosine in found]))
    elif found:
        terminal.say(terminal.columns([(word, f"{cosine:.4f}") for word, cosine in found]))


def _key(vectors: "KeyedVectors", word: str) -> "Key":
    """Return the key that `word` means: a whole number, where the keys are such."""
    if word in vectors or not len(vectors) or isinstance(vectors.index_to_key[0], str):
        return word
    try:
        return int(word)
    except ValueError:
        raise UnknownWordError(word, ()) from None
