"""`firth demo`: train on the source of Python's standard library."""

from typing import Annotated

import typer

from firth import terminal
from firth.cli.flags import Workers, at_least


def demo(
    workers: Workers = None, seed: Annotated[int, typer.Option(help="Seed of all random draws.", **at_least(0))] = 1
) -> None:
    """Train on Python's standard library and show the result.

    The text is the source code of the library, so nothing is downloaded.
    """
    from firth.demo import run  # here, because it would slow down `firth --help`

    run(workers=workers, seed=seed, write=terminal.write)
