"""`firth gradcheck`: compare every gradient with central differences."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from firth import reports, terminal
from firth.cli.exits import FAILURE
from firth.cli.flags import AsJson, at_least

if TYPE_CHECKING:
    from firth.worked_example import Quantity


def gradcheck(
    seed: Annotated[int, typer.Option(help="Seed of the random vectors and words.", **at_least(0))] = 1,
    example: Annotated[bool, typer.Option("--example", help="Show one pair of words by hand instead.")] = False,
    json: AsJson = False,
) -> None:
    """Check every gradient by central differences.

    The exit code is 1 if a gradient is wrong. With --example, show every number of one pair of words: scores, loss,
    gradients and a step, as in the derivation.
    """
    if example:
        _show_example(json)
        return
    from firth.gradcheck import check_gradients  # here, because it would slow down `firth --help`

    checks = check_gradients(seed=seed)
    if json:
        rows = [{**dataclasses.asdict(check), "passed": check.passed} for check in checks]
        terminal.write(terminal.as_json(rows))
    else:
        terminal.write(reports.check_lines(checks))
    if not all(check.passed for check in checks):
        raise typer.Exit(FAILURE)


def _show_example(json: bool) -> None:
    from firth.worked_example import sampling_example, softmax_example  # imports NumPy

    softmax, sampling = softmax_example(), sampling_example()
    if json:
        rows = {"naive_softmax": _as_rows(softmax), "negative_sampling": _as_rows(sampling)}
        terminal.write(terminal.as_json(rows))
    else:
        terminal.write(reports.example_lines(softmax, sampling))


def _as_rows(quantities: "list[Quantity]") -> list[dict[str, object]]:
    return [each._asdict() | {"value": each.value.tolist()} for each in quantities]
