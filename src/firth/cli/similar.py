"""`firth similar`: print the nearest words; also the query code that `firth analogy` shares."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firth import terminal
from firth.cli.exits import UsageError
from firth.cli.files import load_vectors
from firth.cli.flags import AsJson, ModelFile, RestrictVocab, TopN
from firth.errors import UnknownWordError
from firth.messages import counted
from firth.text.opening import STDIN

if TYPE_CHECKING:
    from firth.vectors import Key, KeyedVectors


def similar(
    model: ModelFile,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD",
            help="One or more words; - reads words from standard input, one per line. To look up the word - itself: "
            "echo - | firth similar MODEL -",
            show_default=False,
        ),
    ] = None,
    negative: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="A word to subtract, or - for standard input; may be repeated."),
    ] = None,
    topn: TopN = 10,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Print the words nearest to the given words.

    Words are ranked by cosine with the mean of the given words; words of --negative are subtracted.
    """
    positive, subtracted = with_standard_input(words or [], negative or [])
    if not positive and not subtracted:
        raise UsageError("give at least one WORD, or a word for --negative")
    print_nearest(load_vectors(model), positive, subtracted, topn, restrict_vocab, json)


def with_standard_input(*lists: list[str]) -> list[list[str]]:
    """Return the lists with `-` replaced by the words on standard input."""
    n = sum(words.count(STDIN) for words in lists)
    if n > 1:
        raise UsageError(f"- is given {counted(n, 'time')}, but standard input is read only once: give words instead")
    lines = _lines_of_standard_input() if n else []
    return [[word for given in words for word in (lines if given == STDIN else [given])] for words in lists]


def _lines_of_standard_input() -> list[str]:
    """Return the lines that are not empty, in UTF-8 like a corpus."""
    if sys.stdin is None:
        raise UsageError("standard input is closed: give the words as arguments")
    lines = sys.stdin.buffer.read().decode("utf-8-sig", "replace").split("\n")
    return [word for line in lines if (word := line.removesuffix("\r"))]


def print_nearest(
    vectors: "KeyedVectors", positive: list[str], negative: list[str], topn: int, restrict_vocab: int | None, json: bool
) -> None:
    """Print the nearest words and their cosines, as columns or as JSON."""
    added, subtracted = ([key_of(vectors, word) for word in words] for words in (positive, negative))
    found = list(vectors.most_similar(added, subtracted, topn=topn, restrict_vocab=restrict_vocab))
    if json:
        terminal.write(terminal.as_json([{"word": word, "cosine": cosine} for word, cosine in found]))
    elif found:
        terminal.write(terminal.columns([(word, f"{cosine:.4f}") for word, cosine in found]))


def key_of(vectors: "KeyedVectors", word: str) -> "Key":
    """Return the key for `word`, converted to an integer if the keys are integers."""
    if word in vectors or not len(vectors) or isinstance(vectors.index_to_key[0], str):
        return word
    try:
        return int(word)
    except ValueError:
        raise UnknownWordError(word, ()) from None
