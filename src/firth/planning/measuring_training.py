"""Measures how fast this machine trains, with any options, on a random corpus.

Processor time is measured, not wall time: other programs then change the result less.
"""

import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from firth.options import Options
from firth.planning.sized_corpus import SENTENCE_WORDS, random_corpus
from firth.text import BLOCK_WORDS, Corpus
from firth.training import registry
from firth.training.expected_pairs import ExpectedPairs
from firth.training.loop.progress import reporter
from firth.training.loop.state import Checkpointer
from firth.training.negative_sampling.blocks import Blocks
from firth.training.negative_sampling.partition import (
    BUCKET_PAIRS,
    MIN_BUCKET_PAIRS,
    MIN_CHUNKS,
    pairs_of_word,
)
from firth.training.windows import layout

_EPOCHS = 5  # of a run that is measured; the fastest but the first counts
_MOST_CORES = 16  # that train together in a run that is measured: more need a larger one
_BLOCKS_PER_CORE, _LEAST_BLOCKS = 2, 8  # blocks of rows; with fewer, threads wait for each other
_MOST_BUCKET_PAIRS = 20_000  # larger buckets are hardly faster
_MATRIX_BYTES = 2**27  # of one matrix of a run that is measured
_LEAST_WORDS = 400
_SOFTMAX_WORDS = 2048
_RATE = 0.01  # learning rate


class Shape(NamedTuple):
    """The sizes that the speed of training depends on."""

    block_rows: int  # of a block of rows, or of a matrix without blocks; more than a cache holds are slower to train
    bucket_pairs: int  # of a bucket, before subsampling; small buckets are slower


USUAL = Shape(4_000, BUCKET_PAIRS)


def n_steps(corpus: Corpus, options: Options) -> float:
    """Return the steps of an epoch: pairs, or for the exact softmax scores of two words."""
    if options.objective == "softmax":
        return float(len(corpus.vocabulary)) ** 2
    return ExpectedPairs(corpus, options, shrunken=options.shrink_windows).total


def measured_cores(cores: int) -> int:
    """Return how many of a machine's cores are measured together."""
    return min(cores, _MOST_CORES)


def steps_per_second(options: Options, shape: Shape, workers: int) -> float:
    """Train on several cores at the same time, and return the steps per second of each."""
    fewer, corpus = _small_run(options, shape, workers)
    with reporter(False) as silent, Checkpointer() as checkpointer, corpus.tokens:
        trainer = registry.make_trainer(corpus, fewer, workers, silent, checkpointer, "compiled")
        ends = [time.process_time() for _ in trainer.epochs()]
    return n_steps(corpus, fewer) / min(stop - start for start, stop in pairwise(ends))


def share_of_making(options: Options, shape: Shape) -> float:
    """Return the share of a core's time that making pairs takes; 0 where a cluster does not train with the options."""
    if options.schedule != "blocks" or options.objective != "negative_sampling":
        return 0.0
    fewer, corpus = _small_run(options, shape, 1)
    engine = Blocks(corpus, fewer)
    engine.compile()
    work, making, total = engine.workspace(), 0.0, 0.0
    tasks = engine.tasks(_EPOCHS, None, threading.Event())
    while (task := tasks.take()) is not None:
        began = time.thread_time()
        engine.train(task, _RATE, work)
        seconds = time.thread_time() - began
        making, total = making + (seconds if task.round < 0 else 0.0), total + seconds
    return making / total


def _small_run(options: Options, shape: Shape, workers: int) -> tuple[Options, Corpus]:
    """Return the options and the corpus of a run that is measured, with blocks and buckets of this shape."""
    P = max(_LEAST_BLOCKS, _BLOCKS_PER_CORE * workers)
    fewer = replace(options, epochs=_EPOCHS, blocks=P, warm_epochs=0)
    bucket = min(max(shape.bucket_pairs, MIN_BUCKET_PAIRS), _MOST_BUCKET_PAIRS)
    token_blocks = MIN_CHUNKS * max(1, -(-bucket * P**2 // (BLOCK_WORDS * pairs_of_word(fewer))))
    rows = shape.block_rows * (P if options.schedule == "blocks" else 1)
    V = max(_LEAST_WORDS, min(rows, _MATRIX_BYTES // (layout.STRIP_BYTES * layout.strips(options.vector_size))))
    return fewer, random_corpus(token_blocks, _SOFTMAX_WORDS if options.objective == "softmax" else V, SENTENCE_WORDS)
