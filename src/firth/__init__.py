"""firth: word2vec in Python, with readable mathematics.

>>> from firth import Word2Vec
>>> model = Word2Vec(vector_size=100, epochs=5).fit("corpus.txt")  # doctest: +SKIP
>>> model.wv.most_similar("king", topn=5)  # doctest: +SKIP

Public names are imported on first use: `import firth` itself loads no other library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from firth.version import __version__

if TYPE_CHECKING:
    from firth.errors import (
        CheckpointError,
        ClusterError,
        CorpusError,
        DivergenceError,
        FirthError,
        FormatError,
        MissingExtraError,
        NotAvailableError,
        NotEnoughMemoryError,
        NothingToTrainError,
        OptionError,
        UnknownWordError,
    )
    from firth.graphs import RandomWalks
    from firth.model import Word2Vec, load
    from firth.options import Options
    from firth.phrases import Phrases
    from firth.seed_comparison import Stability, stability
    from firth.text.pairs import Pairs
    from firth.text.sequences import Sequences, sequences
    from firth.vectors import KeyedVectors

__all__ = [
    "Word2Vec", "KeyedVectors", "Phrases", "RandomWalks", "Sequences", "sequences", "Pairs", "Options", "load",
    "stability", "Stability",
    "FirthError", "OptionError", "CorpusError", "FormatError", "CheckpointError", "ClusterError", "DivergenceError",
    "MissingExtraError", "NotAvailableError", "NotEnoughMemoryError", "NothingToTrainError", "UnknownWordError",
    "__version__",
]  # fmt: skip

_MODULES = {
    "Word2Vec": "model", "load": "model", "KeyedVectors": "vectors", "Phrases": "phrases", "RandomWalks": "graphs",
    "Sequences": "text.sequences", "sequences": "text.sequences", "Pairs": "text.pairs",
    "Options": "options", "stability": "seed_comparison", "Stability": "seed_comparison",
}  # fmt: skip
"""The modules of the public names; all others are in `errors`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'firth' has no attribute {name!r}")
    return getattr(import_module(f"firth.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
