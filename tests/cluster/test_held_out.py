"""The loss of held-out pairs on members: the bytes of one process, for any number of members and tiles."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from cluster._members import SMALL, Cluster, assert_same_bytes, flight_exchanges, one_process, zipf_sentences
from firth.cluster.held_out import CollectedRows, part_of, tile_words
from firth.training.run import outside_intercept
from firth.training.softmax import exact
from firth.training.softmax.given_pairs import counts_of

SENTENCES = zipf_sentences(100_000)
OTHERS = zipf_sentences(20_000, seed=8)


@pytest.fixture(autouse=True)
def one_blas_thread():
    """Members limit BLAS in their process; here, several of them share one."""
    with threadpool_limits(1, "blas"):
        yield


def validated_records(cluster):
    validate = cluster.validation.prepare(cluster.handles, cluster.setup, cluster.corpus)
    return list(map(validate, cluster.trainer.epochs()))


@pytest.mark.parametrize(
    ("members", "options", "arguments"),
    [
        (1, {}, {}), (2, {}, {"make": flight_exchanges}), (3, {}, {}), (4, {"unigram_intercept": False}, {}),
    ],
)  # fmt: skip
def test_members_compute_the_loss_of_one_process(members, options, arguments):
    model = one_process(SENTENCES, SMALL | options, validation=OTHERS)
    assert model.history[0].validation_loss != model.history[1].validation_loss
    with Cluster(SENTENCES, SMALL | options, members, workers=2, validation=OTHERS, **arguments) as cluster:
        assert_same_bytes(cluster, validated_records(cluster), model)


@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_fraction_that_is_held_out_is_not_trained(members):
    model = one_process(SENTENCES, SMALL, validation=0.3)
    with Cluster(SENTENCES, SMALL, members, validation=0.3) as cluster:
        assert sum(cluster.setup.token_blocks) == 3
        assert_same_bytes(cluster, validated_records(cluster), model)


def test_small_parts_of_batches_and_tiles_give_the_loss_of_one_process(monkeypatch):
    monkeypatch.setattr(exact, "PART_CENTERS", 70)
    monkeypatch.setattr("firth.cluster.held_out.PART_CENTERS", 70)
    for module in ("firth.training.softmax.exact", "firth.cluster.held_out"):
        monkeypatch.setattr(f"{module}.TILE_WORDS", 64)
    model = one_process(SENTENCES, SMALL, validation=OTHERS)
    with Cluster(SENTENCES, SMALL, 3, validation=OTHERS) as cluster:
        assert_same_bytes(cluster, validated_records(cluster), model)


def test_each_tile_belongs_to_the_member_with_its_first_word():
    with Cluster(SENTENCES, SMALL, 3) as cluster:
        assert cluster.setup.vocabulary_size == 2000
        assert cluster.setup.word_bounds == [0, 500, 1000, 2000]
        assert tile_words(cluster.setup) == [range(1024), range(1024, 1024), range(1024, 2000)]


def test_the_parts_of_all_members_are_the_counts():
    with Cluster(SENTENCES, SMALL, 3) as cluster:
        counts = counts_of(cluster.corpus.tokens, cluster.corpus.vocabulary, cluster.options)
        intercept = outside_intercept(cluster.corpus, cluster.options)
        parts = [part_of(counts, intercept, words) for words in tile_words(cluster.setup)]
    assert np.array_equal(np.concatenate([part.intercept for part in parts]), intercept)
    centers = np.array([0, 7, len(intercept) - 1])
    whole = counts.rows(centers)
    for i in range(3):
        rows = [part.counts.rows(centers) for part in parts]
        for name in ("columns", "values"):
            found = np.concatenate([getattr(each, name)[each.start[i] : each.stop[i]] for each in rows])
            assert np.array_equal(found, getattr(whole, name)[whole.start[i] : whole.stop[i]])


def test_rows_of_words_elsewhere_are_left_out():
    rows = CollectedRows(10, [np.arange(6.0).reshape(3, 2), np.arange(6.0, 10.0).reshape(2, 2)])
    assert rows.take(np.array([3, 10, 12, 13, 14, 15])).tolist() == [[0, 1], [4, 5], [6, 7], [8, 9]]
    assert rows.take(np.array([1, 2])).shape == (0, 2)


def test_consecutive_rows_are_copied_from_the_blocks_that_have_them():
    rows = CollectedRows(10, [np.arange(6.0).reshape(3, 2), np.arange(6.0, 10.0).reshape(2, 2)])
    copied = np.full((4, 2), -1.0)
    rows.copy_into(copied, range(12, 16))
    assert copied.tolist() == [[4, 5], [6, 7], [8, 9], [-1, -1]]
    rows.copy_into(copied, range(8, 12))
    assert copied.tolist() == [[4, 5], [6, 7], [0, 1], [2, 3]]


def test_the_loss_is_not_computed_before_the_pairs_are_known():
    with Cluster(SENTENCES, SMALL, 1) as cluster, pytest.raises(AssertionError, match="hold_out first"):
        cluster.members[0].held_out_loss()
