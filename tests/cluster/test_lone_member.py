"""The member of a cluster of one node; `test_member` and `test_driver` compare its bytes with those of one process."""

import threading
from contextlib import closing
from itertools import repeat

import numpy as np
import pytest

from cluster._members import SMALL, Cluster, setup_of, zipf_sentences
from firth import Options
from firth.cluster.exchange import LocalExchange
from firth.cluster.handles import call_all
from firth.cluster.lone_member import LoneMember
from firth.errors import CorpusError
from firth.text import read_corpus
from firth.training.negative_sampling import partition

SENTENCES = zipf_sentences()


def lone_member(workers=1, **changes):
    options = Options(**SMALL | changes)
    corpus = read_corpus(SENTENCES, options)
    setup = setup_of(corpus, options, [corpus.tokens.n_blocks])
    return LoneMember(setup, corpus.tokens, LocalExchange.of(1)[0], workers)


def test_after_each_chunk_the_rows_are_those_of_several_members(monkeypatch):
    monkeypatch.setattr(partition, "MIN_CHUNKS", 3)
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 8_000)
    with Cluster(SENTENCES, SMALL, 1, workers=2) as lone, Cluster(SENTENCES, SMALL, 2) as several:
        call_all(several.handles, "start")
        chunks = [(epoch, chunk) for epoch in range(2) for chunk in range(len(lone.setup.chunks(epoch)))]
        assert len(chunks) > 4
        for epoch, chunk in chunks:
            here, *there = (call_all(each.handles, "run_chunk", epoch, chunk) for each in (lone, several))
            assert here[0].pairs == sum(result.pairs for result in there[0])
            for name in ("center", "outside"):
                np.testing.assert_array_equal(lone.matrix(name), several.matrix(name))


def test_the_member_says_that_it_was_halted_in_the_call_under_way_and_in_later_ones():
    with closing(lone_member(workers=2, epochs=10_000)) as member:
        threading.Timer(0.05, member.halt).start()
        with pytest.raises(InterruptedError, match="training was interrupted"):
            list(map(member.run_chunk, range(10_000), repeat(0)))
        with pytest.raises(InterruptedError, match="training was interrupted"):
            member.run_chunk(0, 1)


def test_text_that_cannot_be_read_is_an_error_on_any_number_of_threads():
    with closing(lone_member(workers=3)) as member:
        member._engine._tokens.close()
        with pytest.raises(CorpusError, match="the token store is closed"):
            member.run_chunk(0, 0)
