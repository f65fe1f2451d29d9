"""What firth raises: every error is a `FirthError`, and also the built-in kind a caller would expect.

A message names the thing, the value found, what is allowed, and what to do.
"""

import difflib
from collections.abc import Iterable


class FirthError(Exception):
    """The base of every error that firth raises on purpose."""


class OptionError(FirthError, ValueError):
    """An option has an unknown name, a wrong type or a value out of range."""


class CorpusError(FirthError, ValueError):
    """The corpus cannot be read, or holds nothing that can be trained on."""


class FormatError(FirthError, ValueError):
    """A file is not what its format promises."""


class DivergenceError(FirthError, ArithmeticError):
    """The loss became infinite or not a number, so training stopped."""


class NotEnoughMemoryError(FirthError, MemoryError):
    """The arrays that were asked for would not fit, so none was allocated."""


class MissingExtraError(FirthError, ImportError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs {library}: install it with  pip install 'firth[{extra}]'")


class UnknownWordError(FirthError, KeyError):
    """A word is not in the vocabulary; the message offers near spellings."""

    def __init__(self, word: object, vocabulary: Iterable[object]):
        super().__init__(f"{word!r} is not in the vocabulary{_did_you_mean(word, vocabulary)}")

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the repr


def near(name: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """Return up to `n` of `candidates` spelt like `name`, the nearest first."""
    return difflib.get_close_matches(name, candidates, n=n)


def _did_you_mean(word: object, vocabulary: Iterable[object]) -> str:
    if not isinstance(word, str):
        return ""
    similar = (key for key in vocabulary if isinstance(key, str) and abs(len(key) - len(word)) <= 2)
    spellings = near(word, similar)
    return f"; near spellings: {', '.join(spellings)}" if spellings else ""
