"""Compares the two schedules of negative sampling on a synthetic corpus that follows Zipf's law.

    python benchmarks/schedules.py --vocabulary 1000000 --vector-size 300 --words 5000000 --blocks 16 64 256

Prints raw words per second of training, without compiling, for hogwild and for each number of blocks, in turn, and the
ratio to hogwild. With a vocabulary this large the matrices are far larger than any cache; with many blocks, the two
blocks of a bucket fit into it.
"""

import argparse
import statistics

import numpy as np

from firth import Word2Vec


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("--vocabulary", type=int, default=1_000_000, metavar="V", help="default: %(default)s")
    p.add_argument("--vector-size", type=int, default=300, metavar="D", help="default: %(default)s")
    p.add_argument("--words", type=int, default=5_000_000, help="words of the corpus (default: %(default)s)")
    p.add_argument("--blocks", type=int, nargs="+", default=[16, 64, 256], help="default: %(default)s")
    p.add_argument("--workers", type=int, default=2, help="default: %(default)s")
    p.add_argument("--runs", type=int, default=3, help="runs of each (default: %(default)s)")
    return p


def zipf_corpus(V: int, n: int) -> np.ndarray:
    """Return n words, rows of 1,000, word w with probability ~ 1 / (w + 1): every word of V at least once."""
    rng = np.random.default_rng(1)
    cumulative = np.cumsum(1 / np.arange(1, V + 1))
    drawn = np.searchsorted(cumulative, rng.random(max(0, n - V)) * cumulative[-1]).astype(np.int64)
    words = np.concatenate([np.arange(V), drawn])
    rng.shuffle(words)
    return words[: len(words) // 1000 * 1000].reshape(-1, 1000)


def words_per_second(arguments: argparse.Namespace, corpus: np.ndarray, **options: object) -> float:
    model = Word2Vec(
        vector_size=arguments.vector_size, min_count=1, epochs=1, workers=arguments.workers, **options
    ).fit(corpus, progress=False)
    return model.history[0].words / model.history[0].seconds


def main() -> None:
    arguments = parser().parse_args()
    corpus = zipf_corpus(arguments.vocabulary, arguments.words)
    schedules = {"hogwild": {"schedule": "hogwild"}}
    schedules |= {f"{P} blocks": {"schedule": "blocks", "blocks": P} for P in arguments.blocks}
    speeds: dict[str, list[float]] = {name: [] for name in schedules}
    for _ in range(arguments.runs):
        for name, options in schedules.items():
            speeds[name].append(words_per_second(arguments, corpus, **options))
    about = f"D = {arguments.vector_size}, {arguments.workers} workers; median of {arguments.runs}"
    print(f"{corpus.size:,} words of {arguments.vocabulary:,}, {about}")
    for name, each in speeds.items():
        ratios = [speed / base for speed, base in zip(each, speeds["hogwild"], strict=True)]
        print(f"{name:12} {statistics.median(each):12,.0f} words/s  {statistics.median(ratios):6.2f} of hogwild")


if __name__ == "__main__":
    main()
