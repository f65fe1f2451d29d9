"""Stability: how much of each word's neighbourhood depends on the seed alone.

Several models are trained that differ only in their seeds. The stability of a word is the mean, over all pairs of
models, of the share of its k nearest words that both have in common (Wendlandt, Kummerfeld and Mihalcea 2018,
arXiv:1804.09692): 1 if every model has the same neighbours, near 0 if they are noise.
"""

import dataclasses
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, MissingExtraError, OptionError
from firth.messages import advice, option
from firth.model import Word2Vec
from firth.options import Options, checked, limits
from firth.text.opening import STDIN
from firth.vectors.neighbourhoods import neighbourhoods, overlaps

_EDGES = (1, 3)
"""The last rank of each band is one of these times a power of ten, from 100."""

_CONFIDENCE = 0.95
_OF_ONE_RUN = ("checkpoint", "checkpoint_minutes", "resume", "overwrite", "callbacks")


class FrequencyBand(NamedTuple):
    """The stability of the words of neighbouring ranks.

    first, last   ranks by frequency, from 1
    least, most   how often the rarest and the most frequent of them occur
    overlap       the mean of their stability
    low, high     its 95 % confidence interval, over seeds; None with two seeds
    tenth, ninetieth  percentiles of the stability of single words
    """

    first: int
    last: int
    least: int
    most: int
    overlap: float
    low: float | None
    high: float | None
    tenth: float
    ninetieth: float


@dataclasses.dataclass(frozen=True)
class Stability:
    """The result of `stability`.

    words    n words, the most frequent first
    counts   (n,) int64: how often each occurs
    overlap  (n,) float64: the stability of each, from 0 to 1
    bands    the same by frequency
    seeds    the seeds of the training runs
    topn     k, the number of neighbours
    """

    words: list[str]
    counts: NDArray[np.int64]
    overlap: NDArray[np.float64]
    bands: list[FrequencyBand]
    seeds: list[int]
    topn: int

    def to_dict(self) -> dict[str, Any]:
        """Return seeds, k and bands, for JSON."""
        return {"seeds": self.seeds, "topn": self.topn, "bands": [band._asdict() for band in self.bands]}

    def words_to_dict(self) -> dict[str, Any]:
        """Return words, counts and the stability of each as lists, for JSON and `pandas.DataFrame`."""
        overlap = np.round(self.overlap, 4).tolist()
        return {"word": [*map(str, self.words)], "count": self.counts.tolist(), "stability": overlap}


def stability(
    corpus: Any,
    *,
    seeds: int = 5,
    topn: int = 10,
    restrict_vocab: int | None = 100_000,
    workers: int | None = None,
    **arguments: Any,
) -> Stability:
    """Train models that differ only in their seeds, and return how much their neighbourhoods have in common.

      corpus          as for `Word2Vec.fit`; it is read once for each seed, so not a generator or standard input
      seeds           the number of models, from 2 to 100. Their seeds are `seed`, `seed` + 1, ...
      topn            k, the number of neighbours of each word
      restrict_vocab  compare this many of the most frequent words, and search their neighbours among them; None for all
      workers         threads
      arguments       options of `Word2Vec`, and arguments of `fit` such as `column` and `tokenizer`

    Confidence intervals are over seeds: the jackknife of the mean over all pairs of models (Arvesen 1969, Jackknifing
    U-statistics), with Student's t. They need SciPy. The models are trained one after another, and
    only one is held in memory at a time.

    Raises `OptionError` for an argument that is not allowed, `MissingExtraError` without SciPy, and all errors of
    `fit`.
    """
    seeds = checked("seeds", seeds, int, limits("number of training runs to compare", 2, 100))
    topn = checked("topn", topn, int, limits("number of neighbours of each word", 1, 1000))
    restricted = limits("number of words to compare", 2, optional=True)
    restrict_vocab = checked("restrict_vocab", restrict_vocab, int, restricted)
    quantile = _student_quantile(seeds - 1)
    options, fit_arguments = _parted(arguments)
    _check_read_again(corpus)
    first_seed = Options.from_dict(options).seed
    models = _Models(topn, restrict_vocab)
    for seed in range(first_seed, first_seed + seeds):
        models.add(Word2Vec(**{**options, "seed": seed}, workers=workers).fit(corpus, **fit_arguments))
    return models.compared([*range(first_seed, first_seed + seeds)], quantile)


def _student_quantile(degrees: int) -> float:
    """Return the quantile of Student's t for a two-sided interval."""
    try:
        from scipy.special import stdtrit  # optional
    except ImportError as error:
        raise MissingExtraError("SciPy", "eval", "the confidence interval of stability") from error
    return float(stdtrit(degrees, (1 + _CONFIDENCE) / 2))


def _parted(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the model and the arguments of `fit`."""
    for name in _OF_ONE_RUN:
        if name in arguments:
            raise OptionError(f"{option(name)} belongs to a single training run: leave it out of stability")
    names = {field.name for field in dataclasses.fields(Options)}
    options = {name: value for name, value in arguments.items() if name in names}
    return options, {name: value for name, value in arguments.items() if name not in names}


def _check_read_again(corpus: Any) -> None:
    has_standard_input = STDIN in (corpus if isinstance(corpus, list) else [corpus])
    if has_standard_input or hasattr(corpus, "__next__"):
        raise OptionError(
            "the corpus is read once for each seed, but standard input, open files and generators can be read only "
            "once: give " + advice("a path, a table or a list", "a file")
        )


class _Models:
    """The neighbourhoods of the models that were trained so far, which have the same words."""

    def __init__(self, topn: int, restrict_vocab: int | None):
        self._topn, self._restrict_vocab = topn, restrict_vocab
        self._words: list[Any] = []
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._lists: list[NDArray[np.intp]] = []

    def add(self, model: Word2Vec) -> None:
        """Search the neighbours of a model; raise `CorpusError` if its words are not those of the others."""
        wv = model.wv
        n = len(wv) if self._restrict_vocab is None else min(len(wv), self._restrict_vocab)
        if self._lists and self._words != wv.index_to_key[:n]:
            raise CorpusError("the corpus changed between two training runs: the models have different words")
        self._words = wv.index_to_key[:n]
        self._counts = np.zeros(n, np.int64) if wv.counts is None else wv.counts[:n].astype(np.int64)
        self._lists.append(neighbourhoods(wv, n, self._topn).rows)

    def compared(self, seeds: list[int], quantile: float) -> Stability:
        """Return the stability of each word and band."""
        pairs = [*combinations(range(len(seeds)), 2)]
        shares = np.array([overlaps(self._lists[one], self._lists[other]) for one, other in pairs])
        of_words = shares.mean(axis=0)
        bands = []
        for start, stop in band_edges(len(self._words)):
            mean, low, high = jackknifed(shares[:, start:stop].mean(axis=1), len(seeds), quantile)
            tenth, ninetieth = np.percentile(of_words[start:stop], [10, 90]).tolist()
            counts = self._counts[start:stop]
            band = FrequencyBand(
                start + 1, stop, int(counts.min()), int(counts.max()), mean, low, high, tenth, ninetieth
            )
            bands.append(band)
        return Stability(self._words, self._counts, of_words, bands, seeds, self._topn)


def band_edges(n: int) -> list[tuple[int, int]]:
    """Return the first and past-the-last rows of bands of n words: 100, 300, 1,000, 3,000 ... words from the top."""
    ends = [edge * 10**power for power in range(2, len(str(n)) + 1) for edge in _EDGES]
    inner = [end for end in ends if end < n]
    return [*zip([0, *inner], [*inner, n], strict=True)] if n else []


def jackknifed(
    of_pairs: Sequence[float] | NDArray[np.float64], n: int, quantile: float
) -> tuple[float, float | None, float | None]:
    """Return the mean over all pairs of n models, and its confidence interval, by leaving out one model at a time.

    of_pairs  one value for each of the n (n - 1) / 2 pairs, in the order of `itertools.combinations`

    With the mean U of all pairs and U_i of those without model i, the pseudo-values n U - (n - 1) U_i have mean U,
    and the interval is U plus or minus `quantile` times their standard error. It ends at 0 and 1.
    """
    values = np.asarray(of_pairs, np.float64)
    mean = float(values.mean())
    if n < 3:
        return mean, None, None
    members = np.array([*combinations(range(n), 2)])
    without = [values[(members != model).all(axis=1)].mean() for model in range(n)]
    pseudo = n * mean - (n - 1) * np.array(without)
    half = quantile * float(pseudo.std(ddof=1)) / np.sqrt(n)
    return mean, max(0.0, mean - half), min(1.0, mean + half)
