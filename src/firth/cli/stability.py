"""`firth stability`: train several seeds, and report how much of each neighbourhood they have in common."""

from pathlib import Path
from typing import Annotated, Any

import typer

from firth import reports, terminal
from firth.atomic import atomic_write
from firth.cli.exits import UsageError
from firth.cli.files import check_folder, refuse_to_overwrite
from firth.cli.flags import (
    AsJson,
    Column,
    CorpusFiles,
    MaxInputBytes,
    NoProgress,
    TextEncoding,
    Workers,
    at_least,
    file_name,
    with_options,
)
from firth.options import Options
from firth.text.opening import UTF8


@with_options(Options)
def stability(
    corpus: CorpusFiles,
    seeds: Annotated[int, typer.Option(help="Number of models to train [2 to 100].", **at_least(2))] = 5,
    topn: Annotated[int, typer.Option("--topn", "-n", help="Number of neighbours of each word.", **at_least(1))] = 10,
    restrict_vocab: Annotated[
        int, typer.Option(help="Compare only this many of the most frequent words.", **at_least(2))
    ] = 100_000,
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the stability of each word to this file, as JSON, for firth explore --stability.",
            **file_name("the stability of each word cannot be written to standard output"),
        ),
    ] = None,
    column: Column = None,
    encoding: TextEncoding = UTF8,
    workers: Workers = None,
    max_input_bytes: MaxInputBytes = None,
    no_progress: NoProgress = False,
    json: AsJson = False,
    **options: Any,
) -> None:
    """Train several seeds, and report how much of each neighbourhood they have in common.

    The stability of a word is the share of its nearest words that two models have in common, averaged over all pairs
    of models. Neighbourhoods with a low stability depend on chance. --seed is the first of the seeds.
    """
    from firth.seed_comparison import stability as measure  # here, because it would slow down `firth --help`

    if words is not None:
        if words.is_dir():
            raise UsageError(f"--words: {words} is a folder: give the name of a file to write in it")
        check_folder(words)
        refuse_to_overwrite(corpus, [words])
    found = measure(
        corpus[0] if len(corpus) == 1 else corpus,
        seeds=seeds,
        topn=topn,
        restrict_vocab=restrict_vocab,
        workers=workers,
        column=column,
        encoding=encoding,
        max_input_bytes=max_input_bytes,
        progress=False if no_progress or json else None,
        **options,
    )
    if words is not None:
        with atomic_write(words) as file:
            file.write(terminal.as_json(found.words_to_dict()).encode())
    terminal.write(terminal.as_json(found.to_dict()) if json else reports.stability_lines(found))
