"""State and Checkpointer: the state of a training run between two tasks, and the interface for saving it.

A state may come from a file of unknown origin, so each of its values is checked before it is used.
"""

import math
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CheckpointError
from firth.options import shortened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from firth.text import Corpus, TokenStore
    from firth.training.loop.start import Start


class State(NamedTuple):
    """Everything that a training run needs to continue as if it had never stopped."""

    position: dict[str, Any]  # names and values, ready for JSON
    arrays: dict[str, NDArray[Any]]  # training changes them in place, so write or copy them before it continues
    origin: str = "the state to resume from"  # for messages

    def array(self, name: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
        """Return an array; raise `CheckpointError` unless it has this shape and dtype, and is finite."""
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
        """Return a list of whole numbers; raise `CheckpointError` unless each is from 0 to its entry of `most`."""
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
        """Return the error for a state that this training run cannot have saved."""
        return CheckpointError(f"{self.origin} is not a state of this training run: {reason}. Use another checkpoint")


def is_finite(array: NDArray[Any]) -> bool:
    """Return whether all numbers are finite. If one is not, neither is their sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float64)))


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


class Checkpointer(AbstractContextManager["Checkpointer"]):
    """Saves the states of a training run; this base class saves none."""

    def __init__(self) -> None:
        self.resumed: State | None = None  # the state to resume from
        self.history: list[dict[str, Any]] = []  # records of the epochs done, ready for JSON; `run` appends to it

    def __exit__(self, *exc_info: object) -> None:
        return None

    @property
    def has_checkpoints(self) -> bool:
        """Whether a state was saved earlier."""
        return False

    def memory_needed(self, V: int) -> dict[str, int]:
        """Return the name and the bytes of each part that saving will allocate, for V words."""
        return {}

    def check_corpus(self, corpus: "Corpus", held_out: "TokenStore | None", start: "Start | None" = None) -> None:
        """Raise `CheckpointError` if the run to resume had another corpus, or started from other vectors."""

    def keep_start(self, save: "Callable[[Path], None]") -> None:
        """Save the model that the run trains further, unless the run is resumed; `save` writes it to a path."""

    def due(self) -> bool:
        """Return whether it is time to save; called several times a second."""
        return False

    def save(self, state: State, *, last: bool) -> None:
        """Save a state; `last` means that its arrays do not change any more.

        Raises `DivergenceError` if a number in it is not finite.
        """
