"""Questions to vectors: the nearest words, and analogies."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from firth import terminal
from firth.cli.files import load_vectors
from firth.cli.parameters import AsJson, ModelFile, RestrictVocab, TopN
from firth.cli.program import UsageError
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
            help="Words to be near to; - stands for the words on standard input, one a line, where a line - is the "
            "word itself: echo - | firth similar MODEL -",
            show_default=False,
        ),
    ] = None,
    negative: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="A word to be far from, or -; may be repeated.", show_default="none"),
    ] = None,
    topn: TopN = 10,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Print the words nearest to the words given.

    Nearest is by cosine, to the mean of the words; those of --negative are subtracted.
    """
    positive, away = _with_standard_input(words or [], negative or [])
    if not positive and not away:
        raise UsageError("give at least one WORD, or a word for --negative")
    _print_nearest(load_vectors(model), positive, away, topn, restrict_vocab, json)


def analogy(
    model: ModelFile,
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="as in man; - stands for the words on standard input, one a line"),
    ],
    b: Annotated[str | None, typer.Argument(metavar="B", help="as in king", show_default=False)] = None,
    c: Annotated[str | None, typer.Argument(metavar="C", help="as in woman", show_default=False)] = None,
    topn: TopN = 5,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Complete the analogy "A is to B as C is to ...".

    Prints the words nearest to B + C - A.
    """
    given = [word for word in (a, b, c) if word is not None]
    [words] = _with_standard_input(given)
    if len(words) != 3:
        source = " (with those on standard input)" if STDIN in given else ""
        raise UsageError(f"an analogy has three words, A, B and C: found {counted(len(words), 'word')}{source}")
    a, b, c = words
    _print_nearest(load_vectors(model), [b, c], [a], topn, restrict_vocab, json)


def _with_standard_input(*lists: list[str]) -> list[list[str]]:
    """Return the lists with `-` replaced by the words on standard input; its lines are taken as they are."""
    n = sum(words.count(STDIN) for words in lists)
    if n > 1:
        raise UsageError(f"- stands for standard input, which is read once, and is given {counted(n, 'time')}")
    lines = _lines_of_standard_input() if n else []
    return [[word for given in words for word in (lines if given == STDIN else [given])] for words in lists]


def _lines_of_standard_input() -> list[str]:
    """Return the lines that are not empty, in UTF-8 as a corpus is."""
    if sys.stdin is None:
        raise UsageError("standard input is closed: give the words as arguments")
    lines = sys.stdin.buffer.read().decode("utf-8-sig", "replace").split("\n")
    return [word for line in lines if (word := line.removesuffix("\r"))]


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
