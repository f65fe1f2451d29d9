"""What members send is what is expected of them."""

import numpy as np
import pytest

from cluster._members import SMALL, Cluster, zipf_sentences
from firth import Options
from firth.cluster import expected
from firth.cluster.objectives import memory_needed
from firth.cluster.setup import Setup, share_of_rows
from firth.training.negative_sampling import partition


@pytest.mark.parametrize("members", [2, 3])
def test_members_send_the_bytes_that_are_expected(members, monkeypatch):
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 4_000)
    with Cluster(zipf_sentences(), SMALL, members) as cluster:
        records = list(cluster.trainer.epochs())
        sent = [expected.sent_bytes(cluster.setup, record.pairs, record.epoch - 1) for record in records]
        assert cluster.setup.row_blocks > members
        rows = members * sum(each.ring + each.moves for each in sent)
        pairs = members * sum(each.pairs for each in sent)
        # The first chunk and the loss of a sample move rows as well, which counts in a corpus as small as this.
        assert cluster.trainer.sent_bytes["rows"] == pytest.approx(rows, rel=0.06)
        assert cluster.trainer.sent_bytes["pairs"] == pytest.approx(pairs, rel=0.05)


def test_one_member_sends_nothing():
    with Cluster(zipf_sentences(), SMALL, 1) as cluster:
        assert expected.sent_bytes(cluster.setup, 10**6, 1).total == 0
        assert expected.moved_bytes(cluster.setup, 1) == 0


@pytest.mark.parametrize(("objective", "share"), [("softmax", 3 / 5), ("negative_sampling", 1 / 2)])
def test_the_largest_share_is_of_tiles_for_the_softmax_and_else_of_blocks(objective, share):
    options = Options(**SMALL | {"objective": objective})
    setup = Setup(np.ones(4_500, np.int64), options, 10**7, 10**7, 10**4, (200, 200))  # 5 tiles, 6 blocks
    assert share_of_rows(setup) == share
    parts = expected.validation_memory(setup)
    assert sum(parts.values()) == share * 4 * 4_500 * (20 + 512)  # rows, and the scores of 512 centers


@pytest.mark.parametrize(("members", "warm_epochs", "wholes"), [(2, 0, 3), (1, 0, 0), (2, 1, 0)])
def test_a_cold_start_needs_whole_matrices(members, warm_epochs, wholes):
    options = {"objective": "softmax", "vector_size": 600, "epochs": 1, "warm_epochs": warm_epochs, "min_count": 1}
    with Cluster(zipf_sentences(n_words=20_000), options, members) as cluster:
        parts = memory_needed(cluster.corpus, cluster.setup, 1)
        V = cluster.setup.vocabulary_size
        assert V > 1024
        assert parts.get("whole matrices at the start and the end", 0) == wholes * 4 * V * 600


def test_the_loads_of_blocks_are_even_except_for_that_of_the_most_frequent_word():
    with Cluster(zipf_sentences(), SMALL, 2) as cluster:
        loads = expected.block_loads(cluster.setup)
        assert loads.sum() == pytest.approx(1)
        assert loads.shape == (cluster.setup.row_blocks,)
        assert 0.5 <= expected.largest_share(cluster.setup, loads) < 0.65
