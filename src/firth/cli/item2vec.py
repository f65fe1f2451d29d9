"""`firth item2vec`: train vectors of the items of a table of events and write them."""

from typing import Annotated, Any

import typer

from firth.cli.files import output_format, parts_of, refuse_to_overwrite
from firth.cli.flags import (
    FileFormat,
    OutputVectors,
    RunFlags,
    number,
    with_options,
    with_run_flags,
)
from firth.cli.train import fit_and_write
from firth.options import Options


def _column(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="COLUMN", help=text)


@with_options(Options, window=1000, shrink_windows=False, sample=0.0, min_count=1)
@with_run_flags
def item2vec(
    events: Annotated[
        str,
        typer.Argument(
            metavar="EVENTS",
            help="A table with a row for each event: a Parquet, Arrow, CSV or JSON Lines file, or a folder of Parquet.",
        ),
    ],
    output: OutputVectors,
    by: Annotated[
        list[str], _column("--by", "Column of sessions; given several times, a session for each combination.")
    ],
    item: Annotated[str, _column("--item", "Column of items.")],
    order: Annotated[
        str | None, _column("--order", "Column to sort the events of a session by, such as a time.")
    ] = None,
    weight: Annotated[str | None, _column("--weight", "Column of the weights of sessions.")] = None,
    file_format: FileFormat = None,
    validation: Annotated[
        float | None, typer.Option(help="Fraction of the sessions to hold out for validation.", **number(float))
    ] = None,
    *,
    run: RunFlags,
    **options: Any,
) -> None:
    """Train vectors of the items of a table of events: each session is a sequence of items (item2vec).

    By default every two items of a session of up to 1,001 items are a pair, and no item is left out. Interrupts and
    checkpoints are as in firth train.
    """
    from firth.model import Word2Vec  # here, because they would slow down `firth --help`
    from firth.text.sequences import sequences

    model = Word2Vec(**options, workers=run.workers)
    written_as = output_format(output, file_format)
    refuse_to_overwrite([events], parts_of(output, written_as))
    corpus = sequences(events, by=by[0] if len(by) == 1 else by, item=item, order=order, weight=weight)
    fit_and_write(model, corpus, output, written_as, run, validation=validation)
