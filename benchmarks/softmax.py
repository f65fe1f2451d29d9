"""Measures the pairs per second of the exact softmax and of a textbook version in PyTorch, and the vectors' quality.

    python benchmarks/softmax.py text.txt
    python benchmarks/softmax.py text.txt --epochs 5 --analogies questions-words.txt --pairs simlex999.txt

Both train the same model on the same corpus with the same number of threads: the softmax over the whole vocabulary, for
every pair of a word and a word of its window. The textbook version scores a batch of pairs against the vocabulary and
makes a step; firth processes all pairs of a center word at once. firth's figure is the pairs of the corpus divided by
the seconds of a pass, including the exact loss after it (median over passes); PyTorch's is that of its best batch size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from quality import evaluate, read_pairs

from firth.options import Options
from firth.text import Corpus, read_corpus
from firth.training.loop.progress import Reporter
from firth.training.softmax.cooccurrence import Cooccurrence, count_pairs
from firth.training.softmax.passes import SoftmaxTrainer
from firth.vectors import KeyedVectors

TEXTBOOK = Path(__file__).with_name("softmax_textbook.py")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("corpus", type=Path, help="text file, one sentence or paragraph a line")
    p.add_argument("--epochs", type=int, default=1, help="passes of firth (default: %(default)s)")
    p.add_argument(
        "--warm-epochs", type=int, default=3, help="epochs of negative sampling before (default: %(default)s)"
    )
    p.add_argument("--max-vocab", type=int, help="keep the most frequent words only (default: all)")
    p.add_argument("--vector-size", type=int, default=100, help="default: %(default)s")
    p.add_argument("--workers", type=int, default=2, help="threads of each (default: %(default)s)")
    p.add_argument("--batch", type=int, nargs="+", default=[256, 1024], help="batch sizes of PyTorch, in pairs")
    p.add_argument("--seconds", type=float, default=20.0, help="seconds of training for each batch size of PyTorch")
    p.add_argument("--analogies", type=Path, metavar="FILE", help="analogies, as questions-words.txt")
    p.add_argument("--pairs", type=Path, nargs="+", default=[], metavar="FILE", help="word pairs with scores")
    return p


def main() -> None:
    """Train both and print the comparison."""
    arguments = parser().parse_args()
    started = time.perf_counter()
    options = Options(
        objective="softmax", vector_size=arguments.vector_size, epochs=arguments.epochs, max_vocab=arguments.max_vocab,
        warm_epochs=arguments.warm_epochs,
    )  # fmt: skip
    corpus = read_corpus(str(arguments.corpus), options, workers=arguments.workers)
    trainer = SoftmaxTrainer(corpus, options, arguments.workers, Reporter())
    records = list(trainer.epochs())
    total = time.perf_counter() - started
    for record in records:
        print(f"pass {record.epoch}: {record.loss:.4f} nats per pair, {record.seconds:.1f} s")
    ours = float(np.median([record.pairs / record.seconds for record in records]))
    print(f"firth, exact softmax, V = {len(corpus.vocabulary):,}: {ours:,.0f} pairs/s; {total:.1f} s in total")
    with tempfile.TemporaryDirectory(prefix="firth-bench-") as folder:
        print_quality(arguments, corpus, trainer, Path(folder))
        counts = count_pairs(corpus.tokens, corpus.vocabulary, options, workers=arguments.workers)
        jobs = [textbook(arguments, counts, batch, Path(folder)) for batch in arguments.batch]
    for batch, job in zip(arguments.batch, jobs, strict=True):
        print(f"PyTorch {job['version']}, batches of {batch}: {job['pairs_per_second']:,.0f} pairs/s")
    print(f"ratio: {ours / max(job['pairs_per_second'] for job in jobs):,.0f}")


def print_quality(arguments: argparse.Namespace, corpus: Corpus, trainer: SoftmaxTrainer, folder: Path) -> None:
    """Save the center vectors and evaluate them with gensim."""
    if not (arguments.analogies or arguments.pairs):
        return
    words = corpus.vocabulary
    KeyedVectors(words.index_to_key, trainer.center, words.counts).save_word2vec_format(
        folder / "vectors.bin", binary=True
    )
    pairs = [read_pairs(path) for path in arguments.pairs]
    for name, score in evaluate(folder / "vectors.bin", arguments.analogies, pairs, folder).items():
        print(f"{name}: {score.value:.1f} on {score.covered:,} of {score.total:,}")


def textbook(arguments: argparse.Namespace, counts: Cooccurrence, batch: int, folder: Path) -> dict[str, Any]:
    """Train PyTorch on pairs drawn from the corpus, in a process of its own."""
    drawn = np.random.default_rng(1).choice(len(counts.columns), 2**18, p=counts.values[:] / counts.values[:].sum())
    centers = np.searchsorted(counts.indptr, drawn, side="right") - 1
    np.save(folder / "pairs.npy", np.column_stack([centers, counts.columns[:][drawn]]))
    job = {
        "V": len(counts.totals), "D": arguments.vector_size, "batch": batch, "workers": arguments.workers,
        "seconds": arguments.seconds, "pairs": str(folder / "pairs.npy"),
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, str(TEXTBOOK), str(folder / "job.json")]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        sys.exit(f"PyTorch's run failed (to install it: pip install 'firth[bench-softmax]'):\n{child.stderr}")
    record: dict[str, Any] = json.loads(child.stdout)
    return record


if __name__ == "__main__":
    main()
