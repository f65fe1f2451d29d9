"""Members in processes of their own: the same bytes, and what happens when one is killed."""

import threading
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import pytest

from cluster._members import SMALL, entries_of, even_shares, one_process, setup_of, split, zipf_sentences
from cluster._processes import ProcessHandle
from firth import Options
from firth.cluster.driver import ClusterTrainer
from firth.cluster.handles import call_all
from firth.errors import MemberLostError
from firth.text import read_corpus
from firth.training.loop.progress import Reporter

pytestmark = pytest.mark.slow


@contextmanager
def processes(sentences, options, members):
    """Start a process for each member, with its share of the text; yield their handles and the setup."""
    chosen = Options(**options)
    corpus = read_corpus(sentences, chosen)
    shares = even_shares(corpus.tokens.n_blocks, members)
    setup = setup_of(corpus, chosen, shares)
    with ExitStack() as stack:
        handles = [stack.enter_context(closing(ProcessHandle(number, members))) for number in range(members)]
        addresses = call_all(handles, "address")
        for handle, store in zip(handles, split(corpus.tokens, shares), strict=True):
            handle.submit("open", addresses, setup, *entries_of(store), 1).result()
        yield handles, setup


def test_members_in_processes_train_the_bytes_of_one_process():
    sentences = zipf_sentences()
    model = one_process(sentences, SMALL)
    with processes(sentences, SMALL, 2) as (handles, setup):
        records = list(ClusterTrainer(handles, setup, Reporter()).epochs())
        call_all(handles, "collect")
        rows = call_all(handles, "rows")
    for number, expected in enumerate((model.wv.vectors, model.outside)):
        np.testing.assert_array_equal(np.concatenate([block for each in rows for block in each[number]]), expected)
    assert [record.loss for record in records] == [record.loss for record in model.history]


def test_a_killed_process_ends_the_run_with_an_error_on_every_member():
    with processes(zipf_sentences(), SMALL | {"epochs": 10_000}, 3) as (handles, setup):
        trainer = ClusterTrainer(handles, setup, Reporter())
        threading.Timer(2, handles[1].kill).start()
        with pytest.raises(MemberLostError):
            list(trainer.epochs())
        for number in (0, 2):
            with pytest.raises(MemberLostError, match=f"member {number} (lost|cannot send to) member 1"):
                handles[number].submit("run_chunk", 0, 1).result(20)
