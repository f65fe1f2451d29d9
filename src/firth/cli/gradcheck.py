"""`firth gradcheck`: compare every gradient with central differences."""

import dataclasses
from typing import Annotated

import typer

from firth import reports, terminal
from firth.cli.exits import FAILURE
from firth.cli.flags import AsJson, at_least


def gradcheck(
    seed: Annotated[int, typer.Option(help="Seed of the random vectors and words.", **at_least(0))] = 1,
    json: AsJson = False,
) -> None:
    """Check every gradient by central differences.

    The exit code is 1 if a gradient is wrong.
    """
    from firth.gradcheck import check_gradients  # here, because it would slow down `firth --help`

    checks = check_gradients(seed=seed)
    if json:
        rows = [{**dataclasses.asdict(check), "passed": check.passed} for check in checks]
        terminal.write(terminal.as_json(rows))
    else:
        terminal.write(reports.check_lines(checks))
    if not all(check.passed for check in checks):
        raise typer.Exit(FAILURE)
