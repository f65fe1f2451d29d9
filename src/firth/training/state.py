"""The state of a training between two pieces of work, and who keeps it."""

from typing import Any, NamedTuple

from numpy.typing import NDArray


class State(NamedTuple):
    """All that a training needs to go on as if it had never stopped.

    place   names and values, ready for JSON
    arrays  name -> array; those that training changes in place must be written, or copied, before it goes on
    """

    place: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Keeper:
    """Keeps the states of a training; this one keeps none.

    resumed  the state to go on from, or None to begin
    """

    resumed: State | None = None

    def due(self) -> bool:
        """Tell whether it is time for `keep`; asked several times a second."""
        return False

    def keep(self, state: State) -> None:
        """Keep a state."""


FORGET = Keeper()
