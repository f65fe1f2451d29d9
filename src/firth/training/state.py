"""The state of a training between two pieces of work, and who keeps it."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

if TYPE_CHECKING:
    from firth.text import Corpus, TokenStore


class State(NamedTuple):
    """All that a training needs to go on as if it had never stopped.

    place   names and values, ready for JSON
    arrays  name -> array; those that training changes in place must be written, or copied, before it goes on
    """

    place: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Keeper(AbstractContextManager["Keeper"]):
    """Keeps the states of a training; this one keeps none.

    resumed  the state to go on from, or None to begin
    history  the records of the epochs done, ready for JSON; whoever trains adds to it
    """

    def __init__(self) -> None:
        self.resumed: State | None = None
        self.history: list[dict[str, Any]] = []

    def __exit__(self, *exc_info: object) -> None:
        return None

    def check_corpus(self, corpus: "Corpus", held_out: "TokenStore | None") -> None:
        """Refuse to go on with another corpus."""

    def due(self) -> bool:
        """Tell whether it is time for `keep`; asked several times a second."""
        return False

    def keep(self, state: State) -> None:
        """Keep a state."""
