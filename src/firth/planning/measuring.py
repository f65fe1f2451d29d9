"""Measures how fast this machine trains, reads, writes and sends, in some seconds."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from firth.options import Options
from firth.planning.measuring_exchange import measure_exchange
from firth.planning.sized_corpus import SENTENCE_WORDS, random_corpus
from firth.planning.speeds import Speeds
from firth.resources import available_cores
from firth.text import BLOCK_WORDS, read_corpus
from firth.training.loop.progress import reporter
from firth.training.loop.state import Checkpointer
from firth.training.negative_sampling.partition import BUCKET_PAIRS, MIN_CHUNKS, pairs_of_word
from firth.training.windows import layout

EPOCHS = 5  # of a run that is measured; the fastest but the first counts
_P = 4  # blocks of rows of a run that is measured
_MATRIX_BYTES = 2**27  # of one matrix of a run that is measured
_SOFTMAX_WORDS = 2048
_READ_WORDS = 2_000_000
_WRITTEN_BYTES = 2**26


class Shape(NamedTuple):
    """The sizes that the speed of training depends on."""

    block_rows: int  # of a block of rows, or of a matrix without blocks; more than a cache holds are slower to train
    bucket_pairs: int  # of a bucket, before subsampling; small buckets are slower


USUAL = Shape(4_000, BUCKET_PAIRS)


def measure(options: Options, shape: Shape = USUAL, folder: Path | None = None) -> Speeds:
    """Measure the speeds of this machine, for training with these options; it takes some seconds.

    folder  where to measure reading and writing; None: the folder for temporary files

    Raises `OSError` if it cannot write to the folder.
    """
    from llvmlite.binding import get_host_cpu_name

    cores = available_cores()
    alone = steps_per_second(options, shape, 1)
    return Speeds(
        processor=get_host_cpu_name(),
        cores=cores,
        options=options.to_dict(),
        steps=alone if cores == 1 else steps_per_second(options, shape, cores) / cores,
        steps_alone=alone,
        read_words=_words_read(folder),
        written_bytes=_bytes_written(folder),
        **measure_exchange(),
    )


def n_steps(corpus: Any, options: Options) -> float:
    """Return the steps of an epoch: pairs, or for the exact softmax scores of two words."""
    from firth.training.expected_pairs import ExpectedPairs

    if options.objective == "softmax":
        return float(len(corpus.vocabulary)) ** 2
    return ExpectedPairs(corpus, options, shrunken=options.shrink_windows).total


def steps_per_second(options: Options, shape: Shape, workers: int) -> float:
    """Train on a random corpus, and return the steps per second of all workers together."""
    from firth.training import registry

    fewer = replace(options, epochs=EPOCHS, blocks=_P, warm_epochs=0)
    V = _vocabulary(fewer, shape.block_rows)
    corpus = random_corpus(_token_blocks(fewer, shape.bucket_pairs), V, SENTENCE_WORDS)
    with reporter(False) as silent, Checkpointer() as checkpointer, corpus.tokens:
        trainer = registry.make_trainer(corpus, fewer, workers, silent, checkpointer, "compiled")
        seconds = [record.seconds for record in trainer.epochs() if record.seconds is not None]
    return n_steps(corpus, fewer) / min(seconds[1:])


def _vocabulary(options: Options, block_rows: int) -> int:
    """Return the words of a run that is measured, so that its blocks have `block_rows` rows, if memory allows."""
    if options.objective == "softmax":
        return _SOFTMAX_WORDS
    rows = block_rows * _P if options.schedule == "blocks" else block_rows
    return max(_P * 100, min(rows, _MATRIX_BYTES // (layout.STRIP_BYTES * layout.strips(options.vector_size))))


def _token_blocks(options: Options, bucket_pairs: int) -> int:
    """Return the token blocks of a run that is measured, so that its buckets have `bucket_pairs` pairs."""
    return MIN_CHUNKS * max(1, round(bucket_pairs * _P**2 / (BLOCK_WORDS * pairs_of_word(options))))


def _words_read(folder: Path | None) -> float:
    """Return the words per second that `read_corpus` reads on all cores."""
    words = [f"{number:05x}" for number in range(2**16)]
    ids = (2**16 ** np.random.default_rng(0).random(_READ_WORDS)).astype(int) % 2**16
    lines = [" ".join(words[i] for i in row) for row in ids.reshape(-1, SENTENCE_WORDS).tolist()]
    with tempfile.NamedTemporaryFile(dir=folder, prefix="firth-", suffix=".txt") as file:
        file.write("\n".join(lines).encode())
        file.flush()
        began = time.perf_counter()
        with read_corpus(file.name, Options()).tokens:
            return _READ_WORDS / (time.perf_counter() - began)


def _bytes_written(folder: Path | None) -> float:
    """Return the bytes per second that are written and flushed to the disk."""
    content = np.random.default_rng(0).bytes(_WRITTEN_BYTES)
    with tempfile.TemporaryFile(dir=folder, prefix="firth-") as file:
        began = time.perf_counter()
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return _WRITTEN_BYTES / (time.perf_counter() - began)
