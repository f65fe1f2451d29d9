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
_ARRAYS = 32
_WORDS, _VOCABULARY = 10**7, 2**17  # of the run whose rows are moved
_ROUNDS = 3
Pair = list[FlightExchange]


def measure_exchange() -> dict[str, float]:
    """Return the speeds of an exchange, by the names that `Speeds` has for them: the fastest of several rounds."""
    with _connected() as pair, ThreadPoolExecutor(2) as pool:
        sent = [_sent(pair, number) for number in range(_ROUNDS)]
        rates, costs = zip(*sent, strict=True)
        return {"sent_bytes": max(rates), "cpu_per_byte": min(costs), "moved_bytes": max(_moved(pair, pool))}


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


def _sent(pair: Pair, round_: int) -> tuple[float, float]:
    """Return the bytes per second that one sends to the other, and the processor time of both for a byte."""
    array = aligned_zeros(_ARRAY_SHAPE)
    pair[0].send(1, ("first", round_), array, ROWS)
    pair[1].take(("first", round_))
    began, used = time.perf_counter(), time.process_time()
    for number in range(_ARRAYS):
        pair[0].send(1, ("array", round_, number), array, ROWS)
    for number in range(_ARRAYS):
        pair[1].take(("array", round_, number))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    return _ARRAYS * array.nbytes / seconds, used / (_ARRAYS * array.nbytes)


def _moved(pair: Pair, pool: ThreadPoolExecutor) -> Iterator[float]:
    """Yield the bytes of its own rows that each moves in a second when both cut the vocabulary anew."""
    corpus = sized_corpus(_WORDS, _VOCABULARY)
    half = corpus.tokens.n_blocks // 2
    setup = Setup(corpus.vocabulary.counts, Options(), _WORDS, _WORDS, corpus.tokens.longest, (half, half))
    rows = [MemberRows(setup, each, setup.partition(0, 1)) for each in pair]
    own = sum(block.nbytes for block in [*rows[0].center.values(), *rows[0].outside.values()])
    for round_ in range(_ROUNDS):
        new = setup.partition(0, 2 + round_)
        began = time.perf_counter()
        list(pool.map(lambda each, new=new, round_=round_: each.move(new, ("moved", round_)), rows))
        yield own / (time.perf_counter() - began)
