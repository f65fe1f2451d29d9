"""Tests whether vectors reveal the rows of their words, or the blocks of the block schedule that they were in.

    python benchmarks/fingerprint.py corpus.txt --words 3000000 --seeds 10 --blocks 16 64

Two words of one block should be no more similar than two words of different blocks. For vectors of several seeds this
prints the mean cosine of two words of the same block minus that of two words of different blocks, in 1e-4, and its z in
a permutation test, in which the labels are permuted among words of about the same count. The labels are the row mod P,
and the partitions that training drew: the first, the last of each epoch, and the mean over all of them (there z is the
mean over its standard error). By chance |z| exceeds 3 in one of 370 figures.

With `--schedule hogwild`, which has no blocks, only row mod P is tested, as a control.
"""

import argparse
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firth import Options
from firth.text import read_corpus
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling import blocks, hogwild, partition

STRATA = {
    "all words": (1, None),
    "5-20": (5, 20),
    "21-100": (21, 100),
    "101-1,000": (101, 1_000),
    "above 1,000": (1_001, None),
}
"""The words whose counts are in a range, both ends included."""


class Result(NamedTuple):
    """Mean cosine within blocks minus mean cosine between blocks, and its z."""

    difference: float
    z: float


def class_of(counts: np.ndarray) -> np.ndarray:
    """Return the class of each word: words of about the same count are in one class."""
    return np.unique(np.round(4 * np.log2(counts)), return_inverse=True)[1]


def difference(unit: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean cosine of two words with the same label minus that of two words with different labels.

    The mean of this over all permutations of the labels within classes is subtracted. It is not zero, because blocks
    are balanced by load, so frequent words share a block less often than others.

    unit: (n, D) rows of length 1; labels, classes: (n,) integers.
    """
    n = len(unit)
    of_label, of_class = (np.eye(numbers.max() + 1, dtype=unit.dtype)[numbers] for numbers in (labels, classes))
    sums, class_sums = (
        (each.T @ unit).astype(float) for each in (of_label, of_class)
    )  # |sum of rows|^2 is the sum of their cosines
    same, every = (sums**2).sum() - n, (sums.sum(axis=0) ** 2).sum() - n
    sizes, in_block = np.diag(of_class.sum(axis=0).astype(float)), (of_label.T @ of_class).astype(float)
    same_pairs, pairs = in_block.T @ in_block - sizes, np.outer(np.diag(sizes), np.diag(sizes)) - sizes
    cosines = (class_sums @ class_sums.T - sizes) / np.maximum(1, pairs)
    same -= (same_pairs * cosines).sum()
    every -= (pairs * cosines).sum()
    return float(same / same_pairs.sum() - (every - same) / (pairs - same_pairs).sum())


class Null(NamedTuple):
    """Mean and standard deviation of the mean difference over seeds, if the labels have no effect."""

    mean: float
    deviation: float

    def test(self, units: list[np.ndarray], labels: list[np.ndarray], classes: np.ndarray) -> Result:
        """Return the mean difference over seeds for these labels, and its z."""
        found = np.mean([difference(unit, each, classes) for unit, each in zip(units, labels, strict=True)])
        return Result(float(found), float((found - self.mean) / self.deviation))


def permuted(
    units: list[np.ndarray], labels: list[np.ndarray], classes: np.ndarray, *, permutations: int, joint: bool
) -> Null:
    """Permute labels among words of about the same count, and return the distribution of the mean difference.

    joint: the labels of all seeds are the same, and are permuted alike.
    """
    rng = np.random.default_rng(0)
    in_order = np.argsort(classes, kind="stable")

    def draw() -> np.ndarray:
        order = np.empty(len(classes), int)
        order[in_order] = np.lexsort((rng.random(len(classes)), classes))
        return order

    means = []
    for _ in range(permutations):
        order = draw()
        orders = (order if joint else draw() for _ in units)
        shuffled = zip(units, labels, orders, strict=True)
        means.append(np.mean([difference(unit, each[order], classes) for unit, each, order in shuffled]))
    return Null(float(np.mean(means)), float(np.std(means)))


def mean_test(differences: list[float]) -> Result:
    """Return the mean of differences that are independent if there is no fingerprint, over its standard error."""
    return Result(
        float(np.mean(differences)),
        float(np.mean(differences) / np.std(differences, ddof=1) * np.sqrt(len(differences))),
    )


class Runs(NamedTuple):
    """Vectors of several seeds: rows of length 1, (V, D) each, and the counts of the words, (V,)."""

    units: list[np.ndarray]
    counts: np.ndarray
    options: list[Options]
    chunks: list[int]  # of each epoch
    P: int

    def partitions(self, epoch: int, chunk: int) -> list[np.ndarray]:
        """Return the block of each word in that chunk, for each seed."""
        words = partition.words_of(self.counts, self.options[0])
        return [partition.draw_partition(words, self.P, o.seed, epoch, chunk).block_of for o in self.options]


def train(corpus: np.ndarray | str, seeds: int, words: int | None = None, **options: object) -> Runs:
    """Train on a corpus once with each seed."""
    units, used, chunks = [], [], []
    for seed in range(1, seeds + 1):
        used.append(Options.from_dict({"seed": seed, **options}))
        source = itertools.islice(_lines(corpus, words), None) if isinstance(corpus, str) else corpus
        read = read_corpus(source, used[-1])
        schedules = {"blocks": blocks.Blocks, "hogwild": hogwild.Hogwild}
        engine = schedules[used[-1].schedule](read, used[-1])
        list(Trainer(engine, used[-1], 2, Reporter()).epochs())
        units.append(engine.center / np.linalg.norm(engine.center, axis=1, keepdims=True))
        extent, epochs = partition.extent_of(read.tokens, used[-1]), range(used[-1].epochs)
        P = partition.count_row_blocks(len(read.vocabulary), extent, used[-1])
        size = partition.chunk_size(extent, P)
        chunks = [len(partition.cut_chunks(extent.n_blocks, size, epoch)) for epoch in epochs]
    return Runs(units, read.vocabulary.counts, used, chunks, P)


def _lines(path: str, words: int | None) -> Iterator[list[str]]:
    """Return the lines of a text as lists of words, up to the line in which the number of words is reached."""
    read = 0
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path from the shell
        for line in file:
            yield line.split()
            read += len(line.split())
            if words is not None and read >= words:
                return


def strata(runs: Runs) -> Iterator[tuple[str, np.ndarray]]:
    """Return the name and the rows of each stratum that has at least ten words a block."""
    for name, (low, high) in STRATA.items():
        rows = np.flatnonzero((runs.counts >= low) & (runs.counts <= (high or runs.counts.max())))
        if len(rows) >= 10 * runs.P:
            yield name, rows


def partitions(runs: Runs) -> dict[str, list[np.ndarray]]:
    """Return the partitions to test, with their names: for each seed, the block of each word."""
    if runs.options[0].schedule != "blocks":
        return {}
    drawn = {"first partition": runs.partitions(0, 1) if runs.chunks[0] > 1 else runs.partitions(1, 0)}
    return drawn | {f"last of epoch {epoch + 1}": runs.partitions(epoch, n - 1) for epoch, n in enumerate(runs.chunks)}


def report(runs: Runs, permutations: int) -> dict[str, dict[str, Result]]:
    """Return, for each way to label words with blocks, the result in each stratum."""
    rows_mod = np.arange(len(runs.counts)) % runs.P
    drawn = partitions(runs)
    results: dict[str, dict[str, Result]] = {
        name: {} for name in ["row mod P", *drawn, *(["all partitions"] * bool(drawn))]
    }
    for stratum, rows in strata(runs):
        units, mod = [unit[rows] for unit in runs.units], [rows_mod[rows]] * len(runs.units)
        classes = class_of(runs.counts[rows])
        null = permuted(units, mod, classes, permutations=permutations, joint=True)
        results["row mod P"][stratum] = null.test(units, mod, classes)
        if drawn:
            first = [labels[rows] for labels in drawn["first partition"]]
            null = permuted(units, first, classes, permutations=permutations, joint=False)
            results["all partitions"][stratum] = _of_all(runs, units, rows, classes)
        for name, labels in drawn.items():  # all come from the same distribution, so one null is enough
            results[name][stratum] = null.test(units, [each[rows] for each in labels], classes)
    return results


def _of_all(runs: Runs, units: list[np.ndarray], rows: np.ndarray, classes: np.ndarray) -> Result:
    used = [(epoch, chunk) for epoch, n in enumerate(runs.chunks) for chunk in range(n) if (epoch, chunk) != (0, 0)]
    differences = [
        difference(unit, labels[rows], classes)
        for place in used
        for unit, labels in zip(units, runs.partitions(*place), strict=True)
    ]
    return mean_test(differences)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("corpus", help="a text file, one sentence or paragraph a line")
    p.add_argument("--words", type=int, help="read only this many words of it")
    p.add_argument("--seeds", type=int, default=10, help="train with seeds 1 to N (default: %(default)s)")
    p.add_argument("--blocks", type=int, nargs="+", default=[16, 64], help="default: %(default)s")
    p.add_argument("--epochs", type=int, default=5, help="default: %(default)s")
    p.add_argument("--schedule", choices=["blocks", "hogwild"], default="blocks", help="default: %(default)s")
    p.add_argument("--permutations", type=int, default=200, help="default: %(default)s")
    return p


def main() -> None:
    a = parser().parse_args()
    for P in a.blocks:
        runs = train(a.corpus, a.seeds, a.words, blocks=P, epochs=a.epochs, schedule=a.schedule)
        results = report(runs, a.permutations)
        names = list(results["row mod P"])
        about = f"{len(runs.counts):,} words, {a.seeds} seeds, chunks an epoch {runs.chunks}"
        print(f"\n{a.schedule}, P = {runs.P} (at most {P}), {about}")
        print(f"{'same - other, 1e-4 (z)':24}" + "".join(f"{name:>18}" for name in names))
        for label, row in results.items():
            cells = (f"{1e4 * row[name].difference:+.2f} ({row[name].z:+.1f})" for name in names)
            print(f"{label:24}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
