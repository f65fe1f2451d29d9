"""`firth analogy`: complete an analogy of three words."""

from typing import Annotated

import typer

from firth.cli.exits import UsageError
from firth.cli.files import load_vectors
from firth.cli.flags import AsJson, ModelFile, RestrictVocab, TopN
from firth.cli.similar import print_nearest, with_standard_input
from firth.messages import counted
from firth.text.opening import STDIN


def analogy(
    model: ModelFile,
    a: Annotated[
        str, typer.Argument(metavar="A", help="A word, such as man; - reads words from standard input, one per line.")
    ],
    b: Annotated[str | None, typer.Argument(metavar="B", help="A word, such as king.", show_default=False)] = None,
    c: Annotated[str | None, typer.Argument(metavar="C", help="A word, such as woman.", show_default=False)] = None,
    topn: TopN = 5,
    restrict_vocab: RestrictVocab = None,
    json: AsJson = False,
) -> None:
    """Complete the analogy "A is to B as C is to ...".

    Prints the words nearest to B + C - A.
    """
    given = [word for word in (a, b, c) if word is not None]
    [words] = with_standard_input(given)
    if len(words) != 3:
        source = " (with those on standard input)" if STDIN in given else ""
        raise UsageError(f"an analogy has three words, A, B and C: found {counted(len(words), 'word')}{source}")
    a, b, c = words
    print_nearest(load_vectors(model), [b, c], [a], topn, restrict_vocab, json)
