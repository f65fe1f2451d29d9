"""Chunks and partitions of the block schedule, and that vectors do not show which block their words were in."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import Options
from firth.text import read_corpus
from firth.training.negative_sampling import partition
from firth.training.sampling import alias_table, noise_distribution

fingerprint = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/fingerprint.py"))


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 3))
def test_every_token_block_is_in_one_chunk_which_is_no_longer_than_all_before_it(n_blocks, size, epoch):
    chunks = partition.cut_chunks(n_blocks, size, epoch)
    np.testing.assert_array_equal(np.sort(np.concatenate([np.zeros(0, int), *chunks])), np.arange(n_blocks))
    trained = epoch * n_blocks
    for chunk in chunks if n_blocks else ():
        assert 1 <= len(chunk) <= min(size, max(1, trained))
        trained += len(chunk)


def test_a_chunk_takes_its_text_from_all_over_the_corpus():
    for chunk in partition.cut_chunks(800, 40, epoch=1):
        np.testing.assert_array_equal(np.diff(chunk), 20)


def test_a_corpus_has_at_least_eight_chunks_an_epoch_and_they_grow_with_the_number_of_buckets():
    block = 32_768 * 6  # a window of 5 that shrinks holds 6 words on average
    sizes = [partition.chunk_size(partition.Extent(n, block), 16) for n in (1, 7, 8, 80, 100_000)]
    assert sizes == [1, 1, 1, 10, 57]
    large = partition.Extent(100_000, block)
    assert [partition.chunk_size(large, P) for P in (16, 32, 64, 128)] == [57, 229, 916, 3666]
    pairs = 57 * block
    assert partition.BUCKET_PAIRS * 16**2 * 0.97 < pairs <= partition.BUCKET_PAIRS * 16**2


def test_a_small_corpus_gets_fewer_blocks_than_asked_for():
    asked = Options(blocks=64)
    extents = [partition.Extent(n, 32_768 * 6) for n in (1, 8, 80, 800, 10**5)]
    assert [partition.count_row_blocks(10**6, extent, asked) for extent in extents] == [4, 4, 12, 40, 64]
    assert partition.count_row_blocks(100, extents[-1], asked) == 4, "a block has at least 25 words"
    assert partition.count_row_blocks(3, extents[0], asked) == 1


def test_a_corpus_of_short_sentences_has_no_more_pairs_than_they_have():
    tokens = read_corpus([["a", "b", "c"], ["a", "b"]], Options(min_count=1)).tokens
    extents = [partition.extent_of(tokens, Options(window=m)) for m in (1, 5, 10_000)]
    assert extents == [partition.Extent(1, 2 * 32_768)] * 3, "each word of a sentence of three has two others"
    paths = partition.extent_of(tokens, Options(objective="hierarchical_softmax"))
    assert paths.min_chunks == partition.MIN_PATH_CHUNKS, "hierarchical softmax needs more chunks"
    long = read_corpus(np.zeros((1, 40_000), np.int64), Options(min_count=1)).tokens
    assert partition.extent_of(long, Options(window=32_767)).pairs == 32_767 * 32_768
    assert partition.extent_of(long, Options(window=5, shrink_windows=False)).pairs == 10 * 32_768


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=300), st.integers(1, 20), st.integers(0, 2**63 - 1))
def test_a_partition_puts_every_word_into_one_block_with_that_blocks_noise(counts, P, seed):
    counts = np.array(counts)
    vocabulary = partition.words_of(counts, Options())
    drawn = partition.draw_partition(vocabulary, P, seed, epoch=1, chunk=0)
    assert len(drawn.words) == P
    for block, words in enumerate(drawn.words):
        assert words.dtype == np.int32
        np.testing.assert_array_equal(words, np.flatnonzero(drawn.block_of == block))
        np.testing.assert_array_equal(drawn.slot_of[words], np.arange(len(words)))
        np.testing.assert_array_equal(partition.noise_table(vocabulary, drawn, block), alias_table(counts[words], 0.75))


@pytest.mark.parametrize(("P", "most"), [(2, 1.1), (16, 1.4), (64, 2.5)])
def test_blocks_have_about_the_same_load_and_number_of_words(P, most):
    """With 64 blocks, the most frequent word alone has more load than a block has on average."""
    words = partition.words_of((10**7 / np.arange(1, 20_001)).astype(np.int64), Options())
    share = words.loads / words.loads.sum()
    weights = np.minimum(share, 1 / (4 * P)) + 1 / len(share)
    for seed in range(5):
        block_of = partition.draw_partition(words, P, seed, epoch=1, chunk=0).block_of
        np.testing.assert_allclose(np.bincount(block_of, weights), weights.sum() / P, atol=weights.max())
        assert np.bincount(block_of, share).max() < most / P
        assert np.bincount(block_of).min() > 0.5 * len(share) / P


def test_any_two_words_are_in_one_block_as_often_as_chance_has_it():
    """Also the most frequent words, which would otherwise never be noise for each other."""
    P, draws = 8, 2000
    words = partition.words_of((10**6 / np.arange(1, 401)).astype(np.int64), Options())
    blocks = np.stack([partition.draw_partition(words, P, 1, 1, chunk).block_of for chunk in range(draws)])
    for a, b in [(0, 1), (0, 399), (5, 6), (200, 201), (398, 399)]:
        together = np.mean(blocks[:, a] == blocks[:, b])
        assert abs(together - 1 / P) < 0.035, "four standard errors, and the load of a frequent word"


def test_the_first_chunk_of_a_run_is_one_block_and_every_other_has_its_own_partition():
    vocabulary = partition.words_of(np.arange(500, 0, -1), Options())
    first = partition.draw_partition(vocabulary, 4, seed=1, epoch=0, chunk=0)
    assert [len(words) for words in first.words] == [500, 0, 0, 0]
    places = [(0, 1), (1, 0), (1, 1), (2, 1)]
    drawn = [partition.draw_partition(vocabulary, 4, 1, *place).block_of.tolist() for place in places]
    assert all(a != b for i, a in enumerate(drawn) for b in drawn[:i])
    assert drawn[0] == partition.draw_partition(vocabulary, 4, 1, *places[0]).block_of.tolist()


# --- vectors do not show the blocks

SMALL = {"vector_size": 16, "min_count": 1, "sample": 0.0, "epochs": 4, "alpha": 0.05, "blocks": 8}
SEEDS = 6


def zipf_text(n=80_000, V=1_000):
    """Rows of 20 ids that follow no other, with frequencies as in text: no word is like another but by frequency."""
    weights = 1 / np.arange(10, V + 10)
    return np.random.default_rng(3).choice(V, (n // 20, 20), p=weights / weights.sum())


def report_of(runs):
    """Return the result for all words, for each way to label them with blocks."""
    return {name: row["all words"] for name, row in fingerprint["report"](runs, permutations=60).items()}


def mod_partition(words, P, seed, epoch, chunk):
    """The same blocks throughout: word w in block w mod P."""
    numbers = np.arange(len(words.counts))
    of_block = [numbers[b::P].astype(np.int32) for b in range(P)]
    return partition.Partition((numbers % P).astype(np.uint16), (numbers // P).astype(np.int32), of_block)


@pytest.fixture
def buckets_of_any_size(monkeypatch):
    """Lets a small corpus have as many blocks as asked for."""
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 1)


@pytest.fixture(scope="module")
def found():
    """The results for random blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MIN_BUCKET_PAIRS", 1)
        return report_of(fingerprint["train"](zipf_text(), SEEDS, **SMALL))


def test_words_that_were_in_one_block_are_no_more_alike_than_others(found):
    assert set(found) > {"row mod P", "first partition", "last of epoch 1", "last of epoch 4", "all partitions"}
    single = {name: result.z for name, result in found.items() if name != "all partitions"}
    assert {name: z for name, z in single.items() if abs(z) >= 3} == {}


@pytest.mark.xfail(reason="the mean over all partitions shows a small effect, see benchmarks/blocks.md", strict=False)
def test_the_mean_over_all_partitions_shows_no_block(found):
    assert abs(found["all partitions"].z) < 3


@pytest.mark.usefixtures("buckets_of_any_size")
def test_fixed_blocks_are_seen_and_random_blocks_have_less_than_a_fiftieth_of_their_effect(found, monkeypatch):
    monkeypatch.setattr("firth.training.negative_sampling.rotation.draw_partition", mod_partition)
    fixed = report_of(fingerprint["train"](zipf_text(), SEEDS, **SMALL))["row mod P"]
    assert fixed.z > 20
    assert abs(found["all partitions"].difference) < fixed.difference / 50


@pytest.mark.usefixtures("buckets_of_any_size")
def test_the_test_sees_a_first_chunk_that_is_a_whole_epoch(monkeypatch):
    def blocks_from_the_start(words, P, seed, epoch, chunk):
        return partition.draw_partition(words, P, seed, epoch + 1, chunk)

    monkeypatch.setattr("firth.training.negative_sampling.rotation.draw_partition", blocks_from_the_start)
    monkeypatch.setattr("firth.training.negative_sampling.rotation.cut_chunks", lambda n, *_: [np.arange(n)])
    runs = fingerprint["train"](zipf_text(), SEEDS, **SMALL)
    labels = runs.partitions(1, 0)  # those of the first epoch
    classes = fingerprint["class_of"](runs.counts)
    null = fingerprint["permuted"](runs.units, labels, classes, permutations=60, joint=False)
    assert null.test(runs.units, labels, classes).z > 5


def test_frequent_words_are_drawn_less_often_as_noise():
    """The mean noise count over partitions is that of equation (40a) of docs/derivation.md.

    Blocks have equal loads rather than equal sizes, which moves the ratio by up to a twentieth for words with a share
    of more than a thousandth. The standard error of the mean over 400 partitions is below 0.01.
    """
    one_ratio = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/block_noise.py"))["one_ratio"]
    V, P = 5_000, 8
    counts = 1_000_000 // np.arange(1, V + 1)
    words = partition.words_of(counts, Options())
    P_n = noise_distribution(counts, 0.75)
    drawn = (partition.draw_partition(words, P, seed, epoch=1, chunk=1).block_of for seed in range(400))
    ratio = np.mean([one_ratio(block_of, P, words.loads, P_n) for block_of in drawn], axis=0)
    expected = 1 / (1 + (P - 1) * P_n)
    assert expected[0] < 0.85
    assert expected[500] > 0.98
    np.testing.assert_allclose(ratio[:20], expected[:20], rtol=0.05)
    np.testing.assert_allclose(ratio[500:].mean(), expected[500:].mean(), rtol=0.02)
