"""The flags of `firth train`: one for each field of `Options`, with its meaning, range and default."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from firth.options import Options, checked, limits


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace `**options` of a command by a flag for each field of `Options`."""
    signature = inspect.signature(command)
    flags = [_parameter(option) for option in dataclasses.fields(Options)]
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*keywords[:3], *flags, *keywords[3:]]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(option: "dataclasses.Field[Any]") -> inspect.Parameter:
    optional = option.metadata["optional"]
    kind: Any = int | None if optional else type(option.default)
    allowed = _limits(option)
    meaning = option.metadata["meaning"]
    information = typer.Option(
        help=f"{meaning[0].upper()}{meaning[1:]}{allowed and f' [{allowed}]'}.",
        show_default="no limit" if optional else True,
        **_reading(option, kind),
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[kind, information],
    )


def _reading(option: "dataclasses.Field[Any]", kind: Any) -> dict[str, Any]:
    """Return how typer is to read an option: `Options` refuses what is not allowed."""
    if option.metadata["choices"]:
        return {"metavar": "|".join(option.metadata["choices"])}
    return number_parser(float if kind is float else int) if _limits(option) else {}


def number_parser(kind: type) -> dict[str, Any]:
    """Return how typer is to read a number; what is none stays text, for `Options` to refuse with all that it knows."""

    def number_or_text(text: Any) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text

    return {"parser": number_or_text, "metavar": "INTEGER" if kind is int else "FLOAT"}


def at_least(low: int) -> dict[str, Any]:
    """Return how typer is to read a whole number of at least `low`, and refuse another as `Options` does."""
    return number_parser(int) | _refusing(int, low)


def one_of(*choices: str) -> dict[str, Any]:
    """Return how typer is to read one of `choices`, and refuse another as `Options` does."""
    return {"metavar": "|".join(choices)} | _refusing(str, choices=choices)


def _refusing(kind: type, low: int | None = None, choices: tuple[str, ...] = ()) -> dict[str, Any]:
    def check(flag: typer.CallbackParam, value: Any) -> Any:
        allowed = limits(flag.help.rstrip("."), low, choices=choices)  # type: ignore[attr-defined]
        return None if value is None else checked(str(flag.name), value, kind, allowed)

    return {"callback": check}


def _limits(option: "dataclasses.Field[Any]") -> str:
    low, high = option.metadata["low"], option.metadata["high"]
    if low is None:
        return ""
    if high is None or high >= 2**31:
        return f"above {low:g}" if option.metadata["open_low"] else f"at least {low:g}"
    return f"{low:g} to {high:g}"
