"""Small corpora, and members of a cluster that train on them in this process."""

from contextlib import ExitStack, closing
from itertools import pairwise

import numpy as np

from firth import Options, Word2Vec
from firth.cluster.driver import ThreadHandle
from firth.cluster.exchange import LocalExchange
from firth.cluster.objectives import make_member, make_trainer
from firth.cluster.setup import Setup
from firth.cluster.text import ClusterText
from firth.cluster.transport import FlightExchange
from firth.cluster.validating import Validation
from firth.text import read_corpus
from firth.text.store import MemoryStorage, TokenStore
from firth.training.loop.progress import Reporter
from firth.training.run import Texts

SMALL = {"vector_size": 20, "epochs": 2, "min_count": 1, "seed": 5, "schedule": "blocks", "blocks": 6}


def zipf_sentences(n_words=230_000, V=2_000, seed=7):
    """Return sentences of random words, so many that an epoch has several chunks and blocks of rows."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, V + 1)
    ids = rng.choice(V, n_words, p=shares / shares.sum())
    return [sentence.tolist() for sentence in np.split(ids, np.arange(20, n_words, 20))]


def split(tokens, shares):
    """Return a store for each member, with consecutive token blocks; some may be empty."""
    stores, rest = [], tokens
    for share in shares[:-1]:
        nothing = TokenStore(MemoryStorage(), np.zeros(1, np.int64), 0)
        is_part = 0 < share < rest.n_blocks
        head, rest = rest.split(share) if is_part else (rest, nothing) if share else (nothing, rest)
        stores.append(head)
    return [*stores, rest]


def store_of(entries, starts):
    """Return a store of these entries, cut at `starts`, as a process gets its share."""
    storage = MemoryStorage()
    storage.write(0, entries)
    return TokenStore(storage, np.asarray(starts), 0)


def entries_of(store):
    """Return the entries of a store and where its blocks begin, for `store_of`."""
    blocks = [store.read_block(block) for block in range(store.n_blocks)]
    return np.concatenate([np.empty(0, np.int32), *blocks]), np.append(
        0, np.cumsum([len(b) for b in blocks], dtype=np.int64)
    )


def even_shares(n_blocks, members):
    cuts = [member * n_blocks // members for member in range(members + 1)]
    return [stop - start for start, stop in pairwise(cuts)]


def setup_of(corpus, options, shares):
    tokens = corpus.tokens
    return Setup(
        corpus.vocabulary.counts, options, tokens.n_words, corpus.raw_words, tokens.longest, tuple(shares)
    )  # fmt: skip


def flight_exchanges(members, token="secret", **arguments):
    exchanges = [FlightExchange(number, members, token, **arguments) for number in range(members)]
    for each in exchanges:
        each.connect([other.address for other in exchanges])
    return exchanges


class Cluster:
    """Members in threads of this process, with the matrices that they trained.

    `validation` is what `fit` takes; more arguments are the trainer's.
    """

    def __init__(
        self, sentences, options, members=2, *, shares=None, workers=1, make=LocalExchange.of, validation=None,
        **arguments,
    ):  # fmt: skip
        self.options = Options(**options)
        corpus = read_corpus(sentences, self.options)
        shares = shares or even_shares(corpus.tokens.n_blocks, members)
        stores = split(corpus.tokens, shares)
        self.validation = Validation(Texts(sentences, validation), self.options, Reporter())
        (self.corpus, shares), _ = self.validation.hold_out(ClusterText(corpus, tuple(shares)))
        self.setup = setup_of(self.corpus, self.options, shares)
        self.exchanges = make(members)
        self.members = [
            make_member(self.setup, store, exchange, workers)
            for store, exchange in zip(stores, self.exchanges, strict=True)
        ]  # fmt: skip
        self.handles = [ThreadHandle(member) for member in self.members]
        self.trainer = make_trainer(self.handles, self.setup, Reporter(), **arguments)

    def __enter__(self):
        self._stack = ExitStack()
        for handle in self.handles:
            self._stack.enter_context(closing(handle))
        return self

    def __exit__(self, *exc_info):
        self._stack.close()
        self.validation.close()

    def matrix(self, name):
        """Return a whole matrix, put together from the members' blocks."""
        if len(self.members) == 1 or self.options.objective == "softmax":
            return np.concatenate([member.rows()[name == "outside"][0] for member in self.members])
        matrix = np.full((self.setup.vocabulary_size, self.setup.width), np.nan, np.float32)
        for member in self.members:
            held = member._settled()
            for block, rows in held.matrices[name].items():
                matrix[held.partition.words[block]] = rows
        return matrix[:, : self.options.vector_size]


def one_process(sentences, options, **arguments):
    """Return the model of one process with one thread."""
    return Word2Vec(**options, workers=1).fit(sentences, progress=False, **arguments)


def assert_same_bytes(cluster, records, model):
    """Compare matrices and records with those of a model, to the bit."""
    np.testing.assert_array_equal(cluster.matrix("center"), model.wv.vectors)
    np.testing.assert_array_equal(cluster.matrix("outside"), model.outside)
    for record, expected in zip(records, model.history, strict=True):
        assert record.to_dict() | {"seconds": None} == expected.to_dict() | {"seconds": None}
