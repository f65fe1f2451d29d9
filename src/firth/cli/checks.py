"""What shows that the program works: every gradient checked, and a demonstration."""

import dataclasses
from typing import Annotated

import typer

from firth import reports, terminal
from firth.cli.flags import at_least
from firth.cli.parameters import AsJson, Workers
from firth.cli.program import FAILURE


def gradcheck(
    seed: Annotated[int, typer.Option(help="Seed of the random vectors and words.", **at_least(0))] = 1,
    json: AsJson = False,
) -> None:
    """Check every gradient by central differences.

    Exits with 1 if one is wrong.
    """
    from firth.gradcheck import check_gradients

    checks = check_gradients(seed=seed)
    if json:
        rows = [{**dataclasses.asdict(check), "passed": check.passed} for check in checks]
        terminal.say(terminal.as_json(rows))
    else:
        terminal.say(reports.check_lines(checks))
    if not all(check.passed for check in checks):
        raise typer.Exit(FAILURE)


def demo(
    workers: Workers = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.", **at_least(0))] = 1,
) -> None:
    """Train on Python's own library and show the result.

    The text is the source of the running Python's standard library: nothing is downloaded.
    """
    from firth.demo import run

    run(workers=workers, seed=seed, say=terminal.say)
