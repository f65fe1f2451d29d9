"""What members send is what is expected of them."""

import pytest

from cluster._members import SMALL, Cluster, zipf_sentences
from firth.cluster import expected
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


def test_the_loads_of_blocks_are_even_except_for_that_of_the_most_frequent_word():
    with Cluster(zipf_sentences(), SMALL, 2) as cluster:
        loads = expected.block_loads(cluster.setup)
        assert loads.sum() == pytest.approx(1)
        assert loads.shape == (cluster.setup.row_blocks,)
        assert 0.5 <= expected.largest_share(cluster.setup, loads) < 0.65
