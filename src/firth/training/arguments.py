"""Checks of the arguments of `fit` and `partial_fit`: unknown names, and callbacks."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Generic, TypeVar

import numpy as np

from firth.errors import OptionError
from firth.messages import option
from firth.options import Options, shortened, unknown_option

ModelT = TypeVar("ModelT")


def refuse_unknown(names: Iterable[str], arguments: list[str], method: str) -> None:
    """Raise `OptionError` for the first of the names, none of which is one of the `arguments` of `method`."""
    for name in names:
        if name == "workers" or name in (field.name for field in fields(Options)):
            raise OptionError(
                f"{name} is an option of Word2Vec and not an argument of {method}: Word2Vec({name}=...).fit(corpus)"
            )
        raise unknown_option(name, arguments)


def refuse_pairs(options: Options) -> None:
    """Raise `OptionError` for options that cannot train on pairs given directly."""
    reasons = {
        option("architecture", "cbow"): (options.architecture == "cbow", "its context is a window of several words"),
        option("subwords"): (options.subwords is not None, "they train windows, whose words are center and outside"),
        option("schedule", "hogwild"): (
            options.schedule == "hogwild",
            "it trains windows, in which every word is both a center and an outside word",
        ),
    }
    for name, (is_given, reason) in reasons.items():
        if is_given:
            raise OptionError(
                f"{name} is not available with pairs: {reason}. Use skip-gram without subwords and with "
                f"{option('schedule', 'blocks')}, which every {option('objective')} has except for the sum of two"
            )


class Callbacks(Generic[ModelT]):
    """One function, or several, that take the model; raises `OptionError` for anything that is not callable."""

    def __init__(self, given: Any):
        if callable(given):
            given = [given]
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise OptionError(
                f"callbacks={shortened(given)} is not allowed: give a function that takes the model, or a "
                "list of such functions"
            )
        self._functions: list[Callable[[ModelT], object]] = list(given)
        for number, function in enumerate(self._functions):
            if not callable(function):
                raise OptionError(
                    f"callbacks[{number}] is {shortened(function)}, of type {type(function).__name__}, which cannot be "
                    "called: give functions that take the model, such as lambda model: print(model.history[-1])"
                )

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._functions)

    def __call__(self, model: ModelT) -> bool:
        """Call every function; return whether any of them returned True (other true values do not count)."""
        answers = [function(model) for function in self._functions]
        return any(isinstance(answer, (bool, np.bool_)) and bool(answer) for answer in answers)
