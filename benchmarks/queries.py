"""Times the same queries of the same vectors in firth and gensim, in alternation.

    python benchmarks/queries.py --vectors vectors.bin --analogies questions-words.txt

gensim answers a part of the queries (--part), one after another, and its time is scaled up to all of them; firth
answers all. The gain is the median of the ratios of neighbouring runs. firth's first call, which also compiles, is
shown separately. Exit status: 2 for wrong usage.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gensim
import numpy as np

from firth import FirthError, KeyedVectors
from firth.errors import MissingExtraError

Work = Callable[[], Any]


def main() -> int:
    """Read the vectors, time the queries, print a table."""
    arguments = parser().parse_args()
    try:
        wv = load(arguments)
    except (FirthError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    theirs = gensim.models.KeyedVectors(wv.vector_size)
    theirs.add_vectors(list(wv.index_to_key), np.array(wv.vectors))
    wv.fill_norms()
    theirs.fill_norms()
    print(f"{len(wv):,} vectors of {wv.vector_size}; gensim {gensim.__version__}; {arguments.runs} runs of each")
    print(f"{'':34}{'firth s':>10}{'gensim s':>10}{'gain':>8}{'first call s':>14}")
    batch(wv, theirs, arguments)
    single(wv, theirs, arguments)
    means(wv, theirs, arguments)
    if arguments.analogies:
        for function in ("most_similar", "most_similar_cosmul"):
            analogies(wv, theirs, arguments, function)
    if arguments.approximate:
        approximate(wv)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("--vectors", type=Path, help="word2vec file (default: random vectors, 68,000 x 100)")
    p.add_argument("--analogies", type=Path, metavar="FILE", help="analogies, as questions-words.txt")
    p.add_argument("--queries", type=int, default=10_000, help="words of one batch (default: %(default)s)")
    p.add_argument("--part", type=int, default=20, help="gensim answers one in N queries (default: %(default)s)")
    p.add_argument("--runs", type=int, default=3, help="runs of each (default: %(default)s)")
    p.add_argument("--approximate", action="store_true", help="also time an approximate index: building, speed, recall")
    return p


def load(arguments: argparse.Namespace) -> KeyedVectors:
    """Return the vectors to query."""
    if arguments.vectors:
        return KeyedVectors.load_word2vec_format(arguments.vectors)
    numbers = np.random.default_rng(0).normal(size=(68_000, 100)).astype(np.float32)
    return KeyedVectors([f"w{i}" for i in range(len(numbers))], numbers)


def batch(wv: KeyedVectors, theirs: Any, arguments: argparse.Namespace) -> None:
    """Time the neighbours of many words."""
    words = np.random.default_rng(1).permutation(wv.index_to_key)[: arguments.queries].tolist()
    part = words[:: arguments.part]
    compare(
        f"{len(words):,} x most_similar, one call",
        lambda: wv.most_similar_batch(words),
        lambda: [theirs.most_similar(word) for word in part],
        len(words) / len(part),
        arguments.runs,
    )


def single(wv: KeyedVectors, theirs: Any, arguments: argparse.Namespace) -> None:
    """Time a loop over `most_similar`."""
    words = wv.index_to_key[:: max(1, len(wv) // 300)]
    compare(
        f"{len(words):,} x most_similar, a loop",
        lambda: [wv.most_similar(word) for word in words],
        lambda: [theirs.most_similar(word) for word in words],
        1.0,
        arguments.runs,
    )


def means(wv: KeyedVectors, theirs: Any, arguments: argparse.Namespace) -> None:
    """Time the mean vectors of 1,500 texts of 50 to 300 words: in one call, in a loop, and by a loop over NumPy."""
    rng = np.random.default_rng(2)
    shares = 1 / np.arange(1, len(wv) + 1)
    rows = rng.choice(len(wv), size=(1500, 300), p=shares / shares.sum())
    texts = [[wv.index_to_key[row] for row in text[: rng.integers(50, 300)]] for text in rows]
    units, index = wv.get_normed_vectors(), wv.key_to_index

    def with_numpy() -> list[Any]:
        return [units[[index[word] for word in text if word in index]].mean(axis=0) for text in texts]

    def of_gensim() -> list[Any]:
        return [theirs.get_mean_vector(text) for text in texts]

    name = f"{len(texts):,} x mean vector"
    compare(f"{name}, one call", lambda: wv.mean_vectors(texts), of_gensim, 1.0, arguments.runs)
    compare(f"{name}, a loop", lambda: [wv.get_mean_vector(text) for text in texts], of_gensim, 1.0, arguments.runs)
    print(f"{f'{name}, a loop over NumPy':34}{statistics.median(seconds(with_numpy) for _ in range(5)):10.3f}")


def analogies(wv: KeyedVectors, theirs: Any, arguments: argparse.Namespace, function: str) -> None:
    """Time a file of analogies; gensim gets a part of them."""
    lines = arguments.analogies.read_text(encoding="utf8").splitlines()
    questions = [line for line in lines if not line.startswith(":")]
    kept = set(range(0, len(questions), arguments.part))
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.txt"
        part.write_text("\n".join([": part", *(line for i, line in enumerate(questions) if i in kept)]) + "\n")
        compare(
            f"{len(questions):,} analogies, {'3CosMul' if function.endswith('mul') else '3CosAdd'}",
            lambda: wv.evaluate_word_analogies(arguments.analogies, similarity_function=function),
            lambda: theirs.evaluate_word_analogies(str(part), similarity_function=function),
            len(questions) / len(kept),
            arguments.runs,
        )


def compare(name: str, ours: Work, gensims: Work, scale: float, runs: int) -> None:
    """Time both in alternation and print one line; gensim's time is multiplied by `scale`."""
    first = seconds(ours)
    pairs = [(seconds(ours), scale * seconds(gensims)) for _ in range(runs)]
    firth, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    gain = statistics.median(slow / fast for fast, slow in pairs)
    print(f"{name:34}{firth:10.3f}{theirs:10.3f}{gain:7.1f}x{first:14.2f}", flush=True)


def seconds(work: Work) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def approximate(wv: KeyedVectors) -> None:
    """Build an approximate index and print its time, speed and recall."""
    start = time.perf_counter()
    try:
        index = wv.approximate_index()
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return
    print(f"approximate index built in {time.perf_counter() - start:.1f} s")
    words = wv.index_to_key[:: max(1, len(wv) // 1000)]
    for effort in (16, 64, 256):
        index.effort = effort
        spent = min(seconds(lambda: [index.most_similar(wv[word]) for word in words]) for _ in range(2))
        print(f"  effort {effort:4}: {len(words) / spent:8,.0f} queries/s one by one, recall@10 {index.recall():.3f}")


if __name__ == "__main__":
    sys.exit(main())
