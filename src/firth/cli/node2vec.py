"""`firth node2vec`: train vectors of the nodes of a graph on random walks and write them."""

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
from firth.options import Options, WalkOptions

_WALK_NAMES = tuple(WalkOptions.__dataclass_fields__)


@with_options(WalkOptions)
@with_options(Options, window=10, sample=0.0, min_count=1, epochs=1)
@with_run_flags
def node2vec(
    graph: Annotated[
        str,
        typer.Argument(
            metavar="EDGES",
            help="An edge list (also .gz, .bz2, .xz and .zst); - is standard input. Each line is an edge: two nodes "
            "and maybe a weight, separated by tabs, commas, semicolons or spaces. A first line with source and target "
            "names the columns.",
        ),
    ],
    output: OutputVectors,
    file_format: FileFormat = None,
    directed: Annotated[
        bool, typer.Option("--directed", help="Edges lead only from the first node to the second.")
    ] = False,
    weight: Annotated[str, typer.Option(metavar="COLUMN", help="Name of the column of weights.")] = "weight",
    no_weights: Annotated[bool, typer.Option("--no-weights", help="Ignore weights.")] = False,
    validation: Annotated[
        float | None, typer.Option(help="Fraction of the walks to hold out for validation.", **number(float))
    ] = None,
    *,
    run: RunFlags,
    **options: Any,
) -> None:
    """Train vectors of the nodes of a graph on random walks (node2vec, or DeepWalk if p = q = 1).

    Walks are made while they are trained on, and not stored. Interrupts and checkpoints are as in firth train.
    """
    from firth.graphs import RandomWalks  # here, because they would slow down `firth --help`
    from firth.model import Word2Vec

    of_walks = {name: options.pop(name) for name in _WALK_NAMES}
    model = Word2Vec(**options, workers=run.workers)
    written_as = output_format(output, file_format)
    refuse_to_overwrite([graph], parts_of(output, written_as))
    walks = RandomWalks(
        graph, **of_walks, directed=directed, weight=None if no_weights else weight, seed=options["seed"]
    )
    fit_and_write(model, walks, output, written_as, run, validation=validation)
