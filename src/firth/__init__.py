"""firth: word2vec in pure Python, with the mathematics in plain sight.

>>> from firth import Word2Vec
>>> model = Word2Vec(vector_size=100, epochs=5).fit("corpus.txt")  # doctest: +SKIP
>>> model.wv.most_similar("king", topn=5)  # doctest: +SKIP

The names below are imported when they are first used: `import firth` itself loads no other library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from firth.version import __version__

_HOME = {
    "Word2Vec": "model",
    "KeyedVectors": "vectors",
    "Options": "options",
    "load": "model",
    "FirthError": "errors",
    "OptionError": "errors",
    "CorpusError": "errors",
    "CheckpointError": "errors",
    "FormatError": "errors",
    "DivergenceError": "errors",
    "MissingExtraError": "errors",
    "NotEnoughMemoryError": "errors",
    "UnknownWordError": "errors",
}
"""Where each public name lives."""

__all__ = [
    "Word2Vec", "KeyedVectors", "Options", "load",
    "FirthError", "OptionError", "CorpusError", "FormatError", "CheckpointError", "DivergenceError",
    "MissingExtraError", "NotEnoughMemoryError", "UnknownWordError",
    "__version__",
]  # fmt: skip

if TYPE_CHECKING:
    from firth.errors import (
        CheckpointError as CheckpointError,
    )
    from firth.errors import (
        CorpusError as CorpusError,
    )
    from firth.errors import (
        DivergenceError as DivergenceError,
    )
    from firth.errors import (
        FirthError as FirthError,
    )
    from firth.errors import (
        FormatError as FormatError,
    )
    from firth.errors import (
        MissingExtraError as MissingExtraError,
    )
    from firth.errors import (
        NotEnoughMemoryError as NotEnoughMemoryError,
    )
    from firth.errors import (
        OptionError as OptionError,
    )
    from firth.errors import (
        UnknownWordError as UnknownWordError,
    )
    from firth.model import Word2Vec as Word2Vec
    from firth.model import load as load
    from firth.options import Options as Options
    from firth.vectors import KeyedVectors as KeyedVectors


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'firth' has no attribute {name!r}")
    return getattr(import_module(f"firth.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
