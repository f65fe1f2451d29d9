"""The state of a training between two tasks, and who keeps it.

A state may come from a file that somebody else wrote, so nothing in it is used before it was checked.
"""

import math
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CheckpointError
from firth.options import shortened

if TYPE_CHECKING:
    from firth.text import Corpus, TokenStore


class State(NamedTuple):
    """All that a training needs to go on as if it had never stopped.

    position  names and values, ready for JSON
    arrays    name -> array; those that training changes in place must be written, or copied, before it goes on
    origin    where it comes from, for messages
    """

    position: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    origin: str = "the state to go on from"

    def array(self, name: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
        """Return an array; raise `CheckpointError` unless it is of this shape and dtype, and finite."""
        array = self.arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            found = "absent" if array is None else f"{array.dtype} {array.shape}"
            raise self.wrong(f"array {name!r} is {found}, and must be {dtype} {shape}")
        if not is_finite(array):
            raise self.wrong(f"array {name!r} holds a number that is not finite")
        return array

    def whole(self, name: str, most: int) -> int:
        """Return a whole number of the position; raise `CheckpointError` unless it is from 0 to `most`."""
        value: Any = self.position.get(name)
        if not _is_whole(value, most):
            raise self.wrong(f"{name} is {shortened(value)}, and must be a whole number from 0 to {most}")
        return int(value)

    def wholes(self, name: str, most: list[int]) -> list[int]:
        """Return a list of whole numbers; raise `CheckpointError` unless each is from 0 to its own of `most`."""
        values = self.position.get(name)
        if not isinstance(values, list) or len(values) != len(most) or not all(map(_is_whole, values, most)):
            raise self.wrong(f"{name} is {shortened(values)}, and must be {len(most)} whole numbers up to {most[0]}")
        return values

    def number(self, name: str, most: float) -> float:
        """Return a number of the position; raise `CheckpointError` unless it is finite, and from 0 to `most`."""
        value: Any = self.position.get(name)
        if not isinstance(value, float) or not 0 <= value <= most or value == math.inf:
            raise self.wrong(f"{name} is {shortened(value)}, and must be a finite number from 0 to {most:g}")
        return value

    def wrong(self, reason: str) -> CheckpointError:
        """Return the error of a state that no training has kept."""
        return CheckpointError(f"{self.origin} is not a state of this training run: {reason}. Use another checkpoint")


def is_finite(array: NDArray[Any]) -> bool:
    """Tell whether all numbers are finite: only then is their sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float64)))


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


class Checkpointer(AbstractContextManager["Checkpointer"]):
    """Keeps the states of a training; this one keeps none.

    resumed  the state to go on from, or None to begin
    history  the records of the epochs done, ready for JSON; whoever trains adds to it
    """

    def __init__(self) -> None:
        self.resumed: State | None = None
        self.history: list[dict[str, Any]] = []

    def __exit__(self, *exc_info: object) -> None:
        return None

    @property
    def has_checkpoints(self) -> bool:
        """Whether a state was kept earlier."""
        return False

    def memory_needed(self, V: int) -> dict[str, int]:
        """Return what it will allocate for V words: bytes, each part with its name."""
        return {}

    def check_corpus(self, corpus: "Corpus", held_out: "TokenStore | None") -> None:
        """Raise `CheckpointError` if the training to go on with had another corpus; here there is none."""

    def due(self) -> bool:
        """Tell whether it is time for `keep`; asked several times a second."""
        return False

    def keep(self, state: State, *, last: bool) -> None:
        """Keep a state; `last`: nothing is done to its arrays any more.

        Raises `DivergenceError` if a number in it is not finite.
        """
