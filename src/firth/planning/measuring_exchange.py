"""Measures how fast two members of a cluster exchange rows over Arrow Flight, both on this machine."""

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from firth.cluster.exchange import ROWS
from firth.cluster.rows import MemberRows
from firth.cluster.setup import Setup
from firth.cluster.transport import FlightExchange
from firth.options import Options
from firth.planning.sized_corpus import sized_corpus
from firth.training.windows.layout import aligned_zeros

_ARRAY_SHAPE = (8192, 112)  # of a block that is sent: 3.7 MB
_ARRAYS = 64
_WORDS, _VOCABULARY = 10**7, 2**17  # of the run whose rows are moved
Pair = list[FlightExchange]


def measure_exchange() -> dict[str, float]:
    """Return the speeds of an exchange, by the names that `Speeds` has for them."""
    with _connected() as pair, ThreadPoolExecutor(2) as pool:
        return {**_sent(pair, pool), "moved_bytes": _moved(pair, pool)}


@contextmanager
def _connected() -> Iterator[Pair]:
    token = secrets.token_hex(16)
    pair = [FlightExchange(number, 2, token) for number in range(2)]
    try:
        for each in pair:
            each.connect([other.address for other in pair])
        yield pair
    finally:
        for each in pair:
            each.close()


def _sent(pair: Pair, pool: ThreadPoolExecutor) -> dict[str, float]:
    """Return the bytes per second that one sends to the other, and the processor time of both for a byte."""
    array = aligned_zeros(_ARRAY_SHAPE)
    pair[0].send(1, ("first",), array, ROWS)
    pair[1].take(("first",))
    began, used = time.perf_counter(), time.process_time()
    for number in range(_ARRAYS):
        pair[0].send(1, ("array", number), array, ROWS)
    for number in range(_ARRAYS):
        pair[1].take(("array", number))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    return {"sent_bytes": _ARRAYS * array.nbytes / seconds, "cpu_per_byte": used / (_ARRAYS * array.nbytes)}


def _moved(pair: Pair, pool: ThreadPoolExecutor) -> float:
    """Return the bytes of its own rows that each moves in a second when both cut the vocabulary anew."""
    corpus = sized_corpus(_WORDS, _VOCABULARY)
    half = corpus.tokens.n_blocks // 2
    setup = Setup(corpus.vocabulary.counts, Options(), _WORDS, _WORDS, corpus.tokens.longest, (half, half))
    old, new = setup.partition(0, 1), setup.partition(0, 2)
    rows = [MemberRows(setup, each, old) for each in pair]
    own = sum(block.nbytes for block in [*rows[0].center.values(), *rows[0].outside.values()])
    began = time.perf_counter()
    list(pool.map(lambda each: each.move(new, ("measured",)), rows))
    return own / (time.perf_counter() - began)
