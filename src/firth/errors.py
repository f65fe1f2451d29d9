"""What firth raises: every error is a `FirthError`, and also the built-in kind a caller would expect.

A message names the thing, the value found, what is allowed, and what to do.
"""

import difflib
from collections.abc import Iterable
from itertools import islice


class FirthError(Exception):
    """The base of every error that firth raises on purpose."""


class OptionError(FirthError, ValueError):
    """An option has an unknown name, a wrong type or a value out of range."""


class CorpusError(FirthError, ValueError):
    """The corpus cannot be read, or holds nothing that can be trained on."""


class FormatError(FirthError, ValueError):
    """A file is not what its format promises."""


class CheckpointError(FirthError, RuntimeError):
    """A training cannot go on from the checkpoints in a folder, or may not write there."""


class DivergenceError(FirthError, ArithmeticError):
    """The loss became infinite or not a number, so training stopped."""


class NotEnoughMemoryError(FirthError, MemoryError):
    """The arrays that were asked for would not fit, so none was allocated."""


class MissingExtraError(FirthError, ImportError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str, purpose: str):
        super().__init__(library, extra, purpose)

    def __str__(self) -> str:
        library, extra, purpose = self.args
        return f"{purpose} needs {library}: install it with  pip install 'firth[{extra}]'"


class UnknownWordError(FirthError, KeyError):
    """A word is not in the vocabulary; the message offers near spellings.

    They are looked for when the message is read, among the first 200,000 words: code that only catches the error
    does not wait for them.
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


def near(name: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """Return up to `n` of `candidates` spelt like `name`, the nearest first."""
    return difflib.get_close_matches(name, candidates, n=n)


def _near_words(word: object, vocabulary: Iterable[object]) -> list[str]:
    if not isinstance(word, str):
        return []
    words = (key for key in islice(vocabulary, 200_000) if isinstance(key, str))
    return near(word, (key for key in words if abs(len(key) - len(word)) <= 2))
