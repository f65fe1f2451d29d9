"""The exceptions of firth: each is a `FirthError` and also the built-in exception that a caller would expect.

A message gives the name, the value found, what is allowed, and what to do.
"""

import difflib
from collections.abc import Iterable
from itertools import islice


class FirthError(Exception):
    """Base class of all exceptions that firth raises on purpose."""


class OptionError(FirthError, ValueError):
    """An option has an unknown name, a wrong type or a value out of range."""


class CorpusError(FirthError, ValueError):
    """The corpus cannot be read, or contains nothing to train on."""


class NothingToTrainError(CorpusError):
    """No two words of an epoch that are in the vocabulary stand in one sentence."""


class NotAvailableError(FirthError, NotImplementedError):
    """A feature of gensim that `firth.gensim` does not have; the message gives what to use instead."""


class FormatError(FirthError, ValueError):
    """A file does not follow its format."""


class CheckpointError(FirthError, RuntimeError):
    """Training cannot resume from the checkpoints in a folder, or cannot write there."""


class DivergenceError(FirthError, ArithmeticError):
    """The loss became infinite or NaN, so training stopped."""


class NotEnoughMemoryError(FirthError, MemoryError):
    """The requested arrays do not fit in memory; none was allocated."""


class ClusterError(FirthError, RuntimeError):
    """A cluster cannot be started, joined or used for training; the message gives the reason."""


class MemberLostError(ClusterError):
    """A process or a machine of the cluster stopped, or its connection broke, during training."""


class MissingExtraError(FirthError, ImportError):
    """An optional library is needed but not installed."""

    def __init__(self, library: str, extra: str, purpose: str):
        super().__init__(library, extra, purpose)

    def __str__(self) -> str:
        library, extra, purpose = self.args
        return f"{purpose} needs {library}: install it with  pip install 'firth[{extra}]'"


class UnknownWordError(FirthError, KeyError):
    """A word is not in the vocabulary; the message suggests similar words.

    They are searched for among the first 200,000 words, and only when the message is read: catching the error is fast.
    """

    def __init__(self, word: object, vocabulary: Iterable[object]):
        super().__init__(word)
        self._vocabulary = vocabulary

    def __str__(self) -> str:
        self._vocabulary = _near_words(self.args[0], self._vocabulary)
        hint = f"; near spellings: {', '.join(self._vocabulary)}" if self._vocabulary else ""
        return f"{self.args[0]!r} is not in the vocabulary{hint}"

    def __reduce__(self) -> tuple[type, tuple[object, list[str]]]:
        return type(self), (self.args[0], _near_words(self.args[0], self._vocabulary))


def _near_words(word: object, vocabulary: Iterable[object]) -> list[str]:
    if not isinstance(word, str):
        return []
    words = (key for key in islice(vocabulary, 200_000) if isinstance(key, str))
    return difflib.get_close_matches(word, (key for key in words if abs(len(key) - len(word)) <= 2))
