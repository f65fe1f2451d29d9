"""The block schedule: the order of its tasks, and the same bytes for any number of workers."""

import hashlib
import multiprocessing
import pickle
import random
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from training.loop._runs import ids
from training.negative_sampling._rows import random_rows

from firth import Options, Word2Vec
from firth.text import read_corpus
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling import blocks, partition, rotation
from firth.training.sampling import alias_table

SEED = 20261120


def sample_bucket(seed=SEED, n_pairs=500, D=20, K=5):
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 30, (n_pairs, 2), dtype=np.int32)
    pairs = pairs[np.argsort(pairs[:, 1])]
    alias = alias_table(rng.integers(1, 50, 30), 0.75)
    words = np.arange(30, dtype=np.int32)
    center, outside = random_rows(rng, 30, D), random_rows(rng, 30, D)
    return blocks.Bucket(center, outside, pairs, words, alias, np.uint64(77), np.float32(0.05), K, D)


def test_running_a_bucket_is_a_pure_function_of_it():
    bucket = sample_bucket()
    away = [pickle.loads(pickle.dumps(bucket)) for _ in range(2)]  # such rows may lie anywhere
    first, second = blocks.run_bucket(away[0]), blocks.run_bucket(away[1])
    here = blocks.run_bucket(bucket)
    for other in (first, second):
        np.testing.assert_array_equal(other.center, here.center)
        np.testing.assert_array_equal(other.outside, here.outside)
        assert other.loss == here.loss
    assert here.center is bucket.center, "rows on strip boundaries change in place"
    assert not np.array_equal(here.center, sample_bucket().center)


def rotation_of(P, sizes):
    return rotation.Rotation(0, P, sizes, [0] * P, threading.Event(), np.zeros(1, np.bool_))


@pytest.mark.parametrize(("P", "lengths"), [(1, [3]), (2, [2, 1]), (5, [4, 2, 7]), (16, [3, 3])])
def test_the_rotation_never_shares_a_block_and_keeps_one_order(P, lengths):
    """Workers that take and finish tasks at random: rows are never shared, and every block sees one order."""
    for seed in range(10):
        order = {}
        rng, queue = random.Random(seed), rotation_of(P, lengths)
        under_way, done_before, trained = [], Counter(), 0
        while trained < len(lengths) * P * P:
            task = None if len(under_way) == 7 else queue._next_bucket() or queue._next_pairs()
            if task is not None:
                if task.round == rotation.PAIR:
                    assert done_before[task.chunk, rotation.PREPARE] == lengths[task.chunk], "pairs need the whole text"
                elif task.round >= 0:
                    assert done_before[task.chunk, rotation.PAIR] == P, "a bucket needs all pairs of its chunk"
                    assert trained >= task.chunk * P * P, "another chunk has other blocks"
                    outside = (task.number + task.round) % P
                    for other in under_way:
                        if other.round >= 0:
                            assert other.number != task.number
                            assert (other.number + other.round) % P != outside
                    order.setdefault(("center", task.number), []).append((task.chunk, task.round))
                    order.setdefault(("outside", outside), []).append((task.chunk, task.round))
                under_way.append(task)
            if task is None or rng.random() < 0.3:
                done = under_way.pop(rng.randrange(len(under_way)))
                queue.finish(done)
                done_before[done.chunk, done.round] += 1
                trained += done.round >= 0
        every_round = [(chunk, round_) for chunk in range(len(lengths)) for round_ in range(P)]
        assert all(seen == every_round for seen in order.values())
        assert len(order) == 2 * P


SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 2, "schedule": "blocks", "blocks": 5}


def digest(center, outside):
    return hashlib.sha256(np.ascontiguousarray(center).tobytes() + np.ascontiguousarray(outside).tobytes()).hexdigest()


@pytest.fixture(autouse=True, scope="module")
def buckets_of_any_size():
    """Lets a small corpus have as many blocks as asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MIN_BUCKET_PAIRS", 1)
        yield


def fit(workers, **options):
    model = Word2Vec(**SMALL | options, workers=workers).fit(ids(60_000, seed=SEED), progress=False)
    return digest(model.wv.vectors, model.outside), [record.loss for record in model.history]


@pytest.fixture(scope="module")
def one_worker():
    return fit(1)


@pytest.mark.parametrize("workers", [2, 3, 5, 8])
def test_any_number_of_workers_gives_the_same_bytes_and_the_same_loss(workers, one_worker):
    assert fit(workers) == one_worker


def test_another_number_of_blocks_gives_other_bytes(one_worker):
    assert fit(2, blocks=4)[0] != one_worker[0]


def test_many_chunks_give_the_same_bytes_for_any_workers(monkeypatch):
    monkeypatch.setattr(partition, "BUCKET_PAIRS", 1)
    assert fit(1) == fit(4)


def run_elsewhere(pool):
    """Return a runner that trains buckets in a pool of processes: it sends the rows they need."""

    def run(bucket, work):
        centers, center_rows = np.unique(bucket.pairs[:, 0], return_inverse=True)
        outsides = bucket.noise_words  # ascending, and every outside word of the bucket is among them
        rows = np.stack([center_rows, np.searchsorted(outsides, bucket.pairs[:, 1])], axis=1).astype(np.int32)
        sent = bucket._replace(
            center=bucket.center[centers],
            outside=bucket.outside[outsides],
            pairs=rows,
            noise_words=np.arange(len(outsides), dtype=np.int32),
        )
        trained = pool.submit(blocks.run_bucket, sent).result()
        bucket.center[centers], bucket.outside[outsides] = trained.center, trained.outside
        return trained.loss

    return run


@pytest.mark.parametrize("memory_limit", [2**30, 0], ids=["memory", "disk"])
def test_processes_and_stores_change_no_byte(memory_limit, one_worker):
    options = Options(**SMALL)
    corpus = read_corpus(ids(60_000, seed=SEED), options, memory_limit=memory_limit)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool, corpus.tokens:
        engine = blocks.Blocks(corpus, options, run=run_elsewhere(pool))
        losses = [record.loss for record in Trainer(engine, options, 2, Reporter()).epochs()]
        assert (digest(engine.center, engine.outside), losses) == one_worker


def test_the_loss_is_that_of_hogwild():
    """With one block both draw noise from the whole vocabulary; with more, so few words would often meet themselves."""
    by_blocks, by_hogwild = (
        [record.end_loss for record in Word2Vec(**SMALL | changes, workers=1).fit(text, progress=False).history]
        for text in [ids(60_000, seed=SEED)]
        for changes in ({"blocks": 1}, {"schedule": "hogwild"})
    )
    # The same pairs, with other noise and in another order: the loss of a sample of them agrees to a per cent. The
    # running loss of the first epoch also depends on the size of the steps.
    np.testing.assert_allclose(by_hogwild, by_blocks, rtol=0.01)


@pytest.mark.parametrize("ask", [lambda r: r.halt.fill(True), lambda r: r.paused.set()])
def test_waiting_workers_stop_when_asked(ask):
    queue = rotation_of(2, [1])
    assert queue.take().round == rotation.PREPARE  # the only task that may run
    waiting = threading.Thread(target=queue.take)
    waiting.start()
    ask(queue)
    waiting.join(2.0)
    assert not waiting.is_alive()
