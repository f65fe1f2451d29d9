"""The block schedule: the same bytes for any number of workers, and the same steps as the reference's."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.loop._runs import ids, saved
from training.negative_sampling._rows import random_rows

from firth import Options, Word2Vec
from firth.objectives import huffman_tree
from firth.text import END, read_corpus
from firth.training.hierarchical_softmax import block_kernels, blocks, counting, reference
from firth.training.negative_sampling import partition
from firth.training.negative_sampling import reference as text_reference
from firth.training.windows import layout

SEED = 20261122
SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 2, "blocks": 5,
         "objective": "hierarchical_softmax", "schedule": "blocks"}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def buckets_of_any_size():
    """Lets a small corpus have as many blocks as asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MIN_BUCKET_PAIRS", 1)
        yield


def fit(workers, n=60_000, kernels="compiled", **options):
    return Word2Vec(**SMALL | options, workers=workers).fit(ids(n, seed=SEED), progress=False, kernels=kernels)


@pytest.fixture(scope="module")
def one_worker():
    return fit(1)


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_any_number_of_workers_gives_the_same_bytes(workers, one_worker):
    model = fit(workers)
    assert saved(model) == saved(one_worker)
    assert [record.loss for record in model.history] == [record.loss for record in one_worker.history]


def test_many_chunks_give_the_same_bytes_for_any_workers(monkeypatch):
    monkeypatch.setattr(partition, "BUCKET_PAIRS", 1)
    assert saved(fit(1)) == saved(fit(4))


def test_another_number_of_blocks_gives_other_bytes(one_worker):
    assert not np.array_equal(fit(2, blocks=4).wv.vectors, one_worker.wv.vectors)


@pytest.mark.parametrize("P", [1, 2, 3, 7])
def test_training_by_the_reference_equals_training_by_the_kernels(P):
    compiled, plain = (fit(1, 4_000, kernels, blocks=P) for kernels in ("compiled", "reference"))
    # Each row changes a few hundred times and is of size 1, so rounding to float32 (6e-8) adds up to 5e-5 at most.
    np.testing.assert_allclose(plain.wv.vectors, compiled.wv.vectors, atol=5e-5)
    np.testing.assert_allclose(plain.nodes, compiled.nodes, atol=5e-5)
    assert not np.array_equal(plain.nodes, compiled.nodes), "rounding differs: `kernels` has an effect"
    for ours, theirs in zip(plain.history, compiled.history, strict=True):
        assert ours.pairs == theirs.pairs
        assert (ours.loss, ours.end_loss) == pytest.approx((theirs.loss, theirs.end_loss), rel=1e-6)


def test_pairs_and_loss_are_those_of_hogwild(one_worker):
    other = fit(1, schedule="hogwild")
    for ours, theirs in zip(one_worker.history, other.history, strict=True):
        assert ours.pairs == theirs.pairs
        # The same pairs in another order, and in steps of other sizes.
        assert (ours.loss, ours.end_loss) == pytest.approx((theirs.loss, theirs.end_loss), rel=0.02)


def test_at_a_rate_of_zero_every_node_of_a_path_costs_a_bit():
    model = fit(1, alpha=1e-12, min_alpha=0, sample=0)
    counts = model.wv.counts
    expected = np.log(2) * counts @ huffman_tree(counts).lengths / counts.sum()
    for record in model.history:
        assert record.loss == pytest.approx(expected, rel=0.02)  # words at the ends of sentences have fewer pairs
        assert record.end_loss == pytest.approx(expected, rel=0.05)


def prepared(text, P, window, shrink):
    """Return an engine and a chunk of it, of one row of tokens, in P blocks, with all pairs made."""
    options = Options(min_count=1, objective="hierarchical_softmax", schedule="blocks", blocks=P, sample=0,
                      window=window, shrink_windows=shrink, vector_size=4)  # fmt: skip
    corpus = read_corpus(text, options)
    engine = blocks.PathBlocks(corpus, options)
    drawn = partition.draw_partition(engine._words, P, SEED, 1, 0)
    chunk = engine._chunk_of(drawn, engine._cut_paths, 1, SEED)
    tokens, work = corpus.tokens.read_block(0), engine.workspace()
    engine._prepare(tokens, SEED, chunk, 0, work)
    for block in range(P):
        engine._make_pairs_of(chunk, block, work)
    return engine, chunk, tokens


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 6]), st.integers(1, 5), st.booleans())
def test_the_buckets_hold_every_node_of_every_pair_once(seed, P, window, shrink):
    rng = np.random.default_rng(seed)
    text = [rng.choice(200, 30, p=np.arange(200, 0, -1) / 20100) for _ in range(12)]
    engine, chunk, tokens = prepared([*text, np.arange(200)], P, window, shrink)
    keep = np.full(200, 2**32 - 1, np.uint32)
    windows = blocks.Windows(tokens, keep, np.uint64(SEED), window, shrink, chunk.partition.block_of)
    expected, found = Counter(), Counter()
    for o, around in text_reference.windows(windows):
        for node in engine._tree.path(o)[0].tolist():
            expected.update((c, node) for c in around.tolist())
    for i in range(P):
        for o in range(P):
            pairs, weights = engine._pairs_of(chunk, (i, o))
            assert all(chunk.partition.block_of[pairs[:, 0]] == i)
            numbers = weights if len(weights) else np.ones(len(pairs), int)
            for (c, segment), number in zip(pairs.tolist(), numbers.tolist(), strict=True):
                for node in chunk.segments.paths.path(segment)[0].tolist():
                    found[c, node] += number
    assert found == expected
    assert END in tokens


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6))
def test_counts_are_sorted_into_rounds_as_by_the_reference(seed, S, C):
    rng = np.random.default_rng(seed)
    rows = np.unique(rng.integers(0, (9, C), (int(rng.integers(0, 40)), 2)), axis=0)
    found = np.column_stack([rows, rng.integers(1, 12, len(rows))]).astype(np.int32)
    rank_of, starts = rng.integers(-1, S, C).astype(np.int32), np.array([0, S // 2, S], np.int64)
    made = counting.weigh_pairs(found, rank_of, starts)
    for ours, expected in zip(made, reference.weigh_pairs(found, rank_of, starts), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert made.weights.sum() == found[rank_of[found[:, 1]] >= 0, 2].sum()


@st.composite
def segment_buckets(draw):
    """Few rows, so that centers repeat; paths of up to 24 nodes, and runs of one segment longer than a group."""
    V, D = draw(st.integers(2, 30)), draw(st.sampled_from([1, 20]))
    tree = huffman_tree(np.sort((draw(st.sampled_from([1.0, 1.3, 1.9])) ** np.arange(V)).astype(np.int64))[::-1])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = rng.integers(0, (V, min(V, 4)), (int(rng.integers(0, 90)), 2), np.int32)
    pairs = pairs[np.lexsort(pairs.T)]
    weights = rng.integers(1, 5, len(pairs) if rng.random() < 0.5 else 0).astype(np.int8)
    center, nodes = random_rows(rng, V, D), random_rows(rng, V - 1, D)
    key, frozen = np.uint64(rng.integers(2**63)), rng.random(V if rng.random() < 0.5 else 0) < 0.3
    return block_kernels.SegmentBucket(center, nodes, pairs, weights, tree, key, np.float32(0.02), frozen), D


@settings(max_examples=100, deadline=None, derandomize=True)
@given(segment_buckets())
def test_the_kernel_does_the_steps_of_the_reference(drawn):
    bucket, D = drawn
    longest = int(bucket.paths.lengths.max())
    work = block_kernels.make_workspace(D, longest, np.zeros(1, np.bool_), len(bucket.pairs))
    expected = bucket._replace(center=bucket.center.copy(), nodes=bucket.nodes.copy())
    reference.train_bucket(expected, work)
    expected_loss = work.loss.sum()
    block_kernels.compile_train_bucket(layout.strips(D))(bucket, work)
    # A few dozen groups change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(bucket.center, expected.center, atol=5e-5)
    np.testing.assert_allclose(bucket.nodes, expected.nodes, atol=5e-5)
    np.testing.assert_allclose(work.loss.sum(), expected_loss, rtol=1e-5, atol=1e-5)
    assert not bucket.center[:, D:].any(), "the padding of a row must stay zero"
    assert not bucket.nodes[:, D:].any(), "the padding of a row must stay zero"


def test_a_halted_bucket_changes_nothing():
    rng, tree = np.random.default_rng(SEED), huffman_tree(np.ones(9, int))
    center, nodes, pairs = random_rows(rng, 9, 4), random_rows(rng, 8, 4), np.zeros((5, 2), np.int32)
    weights, rate = np.empty(0, np.int8), np.float32(0.1)
    bucket = block_kernels.SegmentBucket(center, nodes, pairs, weights, tree, np.uint64(1), rate)
    before, work = center.copy(), block_kernels.make_workspace(4, 4, np.ones(1, np.bool_), 5)
    block_kernels.compile_train_bucket(layout.strips(4))(bucket, work)
    np.testing.assert_array_equal(bucket.center, before)
    assert work.loss.sum() == 0
