"""A corpus that the driver reads: its token blocks reach the members as they are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cluster._members import zipf_sentences
from firth import Options
from firth.cluster.sent_text import ReceivedText, send_text
from firth.text import read_corpus
from firth.text.store import MEMORY_LIMIT

OPTIONS = Options(min_count=1)


class Process:
    """The handle of a process, and of the text that it opened."""

    def __init__(self, memory_limit):
        self.limit, self.pool = memory_limit, ThreadPoolExecutor(1)

    def submit(self, method, *arguments):
        return self.pool.submit(getattr(self, method), *arguments)

    def open_received(self, block_starts, longest):
        self.text = ReceivedText(block_starts, longest, self.limit)

    def add(self, entries):
        self.text.add(entries)


@pytest.mark.parametrize(("n", "limit"), [(1, MEMORY_LIMIT), (3, MEMORY_LIMIT), (3, 100), (20, MEMORY_LIMIT)])
def test_each_member_gets_its_token_blocks(monkeypatch, n, limit):
    monkeypatch.setattr("firth.cluster.sent_text._BLOCKS_SENT", 2)
    with read_corpus(zipf_sentences(300_000), OPTIONS).tokens as tokens:
        processes = [Process(limit) for _ in range(n)]
        corpus = read_corpus(zipf_sentences(300_000), OPTIONS)
        found, token_blocks = send_text(processes, processes, corpus)
        assert found is corpus
        stores = [process.text.tokens for process in processes]
        assert token_blocks == tuple(store.n_blocks for store in stores)
        assert max(token_blocks) - min(token_blocks) <= 1
        blocks = [store.read_block(b) for store in stores for b in range(store.n_blocks)]
        for b, block in enumerate(blocks):
            np.testing.assert_array_equal(block, tokens.read_block(b))
        assert len(blocks) == tokens.n_blocks
        assert sum(store.n_words for store in stores) == tokens.n_words
        assert {store.longest for store in stores} == {tokens.longest}
        assert any(store.on_disk for store in stores) == (limit == 100)
    corpus.tokens.close()


def test_the_text_is_not_used_before_it_is_complete():
    received = ReceivedText(np.array([0, 5]), 5)
    received.add(np.zeros(4, np.int32))
    with pytest.raises(AssertionError):
        received.tokens  # noqa: B018
