"""`firth phrases`: write a text with its phrases joined."""

from pathlib import Path
from typing import Annotated, Any

import typer

from firth import reports, terminal
from firth.cli.exits import UsageError
from firth.cli.files import check_folder, refuse_to_overwrite
from firth.cli.flags import (
    Column,
    CorpusFiles,
    MaxInputBytes,
    NoProgress,
    Quiet,
    TextEncoding,
    Workers,
    at_least,
    file_name,
    with_options,
)
from firth.options import ENGLISH_CONNECTOR_WORDS, PhraseOptions
from firth.text.opening import UTF8

_ENGLISH = "english"


@with_options(PhraseOptions)
def phrases(
    corpus: CorpusFiles,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The output file; .gz, .bz2, .xz and .zst compress it.",
            **file_name("text cannot be written to standard output"),
        ),
    ],
    passes: Annotated[int, typer.Option(help="Times that phrases are found and joined.", **at_least(1))] = 1,
    connector_words: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|english",
            help="Words that may stand inside a phrase: a file of them, or a list of English articles, prepositions "
            "and conjunctions.",
            show_default="none",
        ),
    ] = None,
    column: Column = None,
    encoding: TextEncoding = UTF8,
    workers: Workers = None,
    max_input_bytes: MaxInputBytes = None,
    no_progress: NoProgress = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Find phrases in text, such as new york, and write the text with each phrase as one word: new_york.

    Each further pass finds longer phrases. The output has one sentence per line and single spaces between words; lines
    without words are left out.
    """
    from firth.phrases import phrase_files  # here, because it would slow down `firth --help`

    checked = PhraseOptions.from_dict(options | {"connector_words": _connector_words(connector_words)})
    if output.is_dir():
        raise IsADirectoryError(0, "is a folder: give the name of a file to write in it", str(output))
    check_folder(output)
    refuse_to_overwrite(corpus, [output])
    summaries = phrase_files(
        corpus[0] if len(corpus) == 1 else corpus, output, checked,
        passes=passes, workers=workers, progress=False if no_progress or quiet else None,
        column=column, encoding=encoding, max_input_bytes=max_input_bytes,
    )  # fmt: skip
    if not quiet:
        terminal.write(reports.phrase_summary(summaries))
        terminal.write(f"saved       {output} ({terminal.size(output.stat().st_size)})")


def _connector_words(given: str | None) -> frozenset[str]:
    """Return the words of a file, or the English ones; a file named english is given as ./english."""
    if given is None or given == _ENGLISH:
        return frozenset() if given is None else ENGLISH_CONNECTOR_WORDS
    try:
        words = Path(given).read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise UsageError(f"{given} is not UTF-8 text: give a file of words for --connector-words ({error})") from error
    if not words:
        raise UsageError(f"{given} has no words: give a file of words for --connector-words, or {_ENGLISH}")
    return frozenset(words)
