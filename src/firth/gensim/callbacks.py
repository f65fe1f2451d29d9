"""CallbackAny2Vec: the base class of callback objects, and the calls that training makes."""

from collections.abc import Iterable
from typing import Any


class CallbackAny2Vec:
    """Base class of callbacks: override the methods for the moments at which something is to be done.

    Any object with these methods will do. Each gets the model, whose `wv` and output matrix are up to date.
    """

    def on_train_begin(self, model: Any) -> None:
        """Act at the start of `train`."""

    def on_train_end(self, model: Any) -> None:
        """Act at the end of `train`."""

    def on_epoch_begin(self, model: Any) -> None:
        """Act before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """Act after each epoch."""


def call_all(callbacks: Iterable[Any], moment: str, model: Any) -> None:
    """Call the method `moment`, such as "on_epoch_end", of each callback."""
    for callback in callbacks:
        getattr(callback, moment)(model)
