"""Members train the bytes of one process, whatever their number, threads and shares of the text."""

from functools import cache

import numpy as np
import pytest

from cluster._members import SMALL, Cluster, assert_same_bytes, one_process, zipf_sentences
from firth.cluster import rows, touched
from firth.errors import OptionError
from firth.training.negative_sampling import partition

SENTENCES = zipf_sentences(340_000)


@cache
def model_of(**changes):
    return one_process(SENTENCES, SMALL | changes)


@pytest.fixture(autouse=True)
def few_large_chunks(monkeypatch):
    """Chunks of several token blocks, which do not lie in the order of the text."""
    monkeypatch.setattr(partition, "MIN_CHUNKS", 3)
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 8_000)


@pytest.mark.parametrize(("members", "workers"), [(1, 1), (2, 1), (3, 2), (6, 1)])
def test_any_number_of_members_trains_the_bytes_of_one_process(members, workers):
    with Cluster(SENTENCES, SMALL, members, workers=workers) as cluster:
        assert cluster.setup.row_blocks == 6
        chunks = cluster.setup.chunks(0)
        assert max(map(len, chunks)) == 3
        assert any(np.any(np.diff(chunk) < 0) for chunk in chunks)
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of())


@pytest.mark.parametrize("changes", [{"window": 2, "shrink_windows": False}, {"sample": 0, "negative": 12}])
def test_other_options_give_the_bytes_of_one_process_as_well(changes):
    with Cluster(SENTENCES, SMALL | changes, 2) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of(**changes))


def test_rows_that_travel_in_many_pieces_are_the_same(monkeypatch):
    monkeypatch.setattr(rows, "PIECE_BYTES", 6_000)
    monkeypatch.setattr(touched, "PIECE_BYTES", 6_000)
    with Cluster(SENTENCES, SMALL, 3) as cluster:
        start, stop = cluster.setup.partition(0, 0), cluster.setup.partition(1, 0)
        assert rows.Move(cluster.setup, cluster.exchanges[0], start, stop).pieces > 3
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of())


@pytest.mark.parametrize("shares", [[0, 11], [11, 0], [1, 10]])
def test_members_may_have_any_share_of_the_text(shares):
    with Cluster(SENTENCES, SMALL, 2, shares=shares) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of())


def test_a_corpus_of_one_token_block_is_trained_by_one_member_with_rows_of_all():
    sentences = SENTENCES[:500]
    with Cluster(sentences, SMALL | {"blocks": 1}, 1, shares=[1]) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), one_process(sentences, SMALL | {"blocks": 1}))


def test_more_members_than_blocks_of_rows_are_refused():
    with Cluster(SENTENCES, SMALL, 7) as cluster, pytest.raises(OptionError, match="7 nodes cannot share 6 blocks"):
        cluster.setup.check()


@pytest.mark.parametrize(
    "changes",
    [{"schedule": "hogwild"}, {"architecture": "cbow"}, {"subwords": (3, 6)}],
)
def test_options_that_a_cluster_does_not_train_are_refused(changes):
    with Cluster(SENTENCES, SMALL | {"schedule": "auto"} | changes, 2) as cluster, pytest.raises(OptionError) as error:
        cluster.setup.check()
    assert next(iter(changes)) in str(error.value)
