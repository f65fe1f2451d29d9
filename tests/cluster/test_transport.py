"""Arrow Flight: the same bytes, the token, bounded memory and lost members."""

import numpy as np
import pytest
from pyarrow import flight

from cluster._members import SMALL, Cluster, assert_same_bytes, flight_exchanges, one_process, zipf_sentences
from firth.cluster.exchange import ROWS
from firth.cluster.transport import FlightExchange
from firth.errors import MemberLostError


@pytest.fixture
def two():
    exchanges = flight_exchanges(2)
    yield exchanges
    for each in exchanges:
        each.close()


def test_members_over_flight_train_the_bytes_of_one_process():
    sentences = zipf_sentences(150_000)
    with Cluster(sentences, SMALL, 3, make=flight_exchanges) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), one_process(sentences, SMALL))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.int32).reshape(3, 4),
        np.zeros((0, 16), np.float32),
        np.random.default_rng(1).random((3_000_001,)),
    ],
)
def test_arrays_arrive_as_they_were_sent_and_on_a_strip_boundary(two, array):
    two[0].send(1, ("some", 3), array, ROWS)
    arrived = two[1].take(("some", 3))
    np.testing.assert_array_equal(arrived, array)
    assert arrived.dtype == array.dtype
    assert arrived.size == 0 or arrived.ctypes.data % 64 == 0
    assert two[0].sent_bytes == {ROWS: array.nbytes}


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_stream_without_the_token_is_refused(two, token):
    stranger = FlightExchange(0, 2, token)
    stranger.connect([each.address for each in two])
    stranger.send(1, ("key",), np.zeros(3))
    with pytest.raises(MemberLostError, match="the token is not that of this run"):
        stranger.take(("never",))
    stranger.close()
    two[0].send(1, ("key",), np.ones(2))
    np.testing.assert_array_equal(two[1].take(("key",)), np.ones(2))


@pytest.mark.parametrize("method", ["list_flights", "list_actions", "get_flight_info"])
def test_no_other_call_is_answered_without_the_token(two, method):
    arguments = [flight.FlightDescriptor.for_path("rows")] if method == "get_flight_info" else []
    with flight.FlightClient(two[0].address) as client, pytest.raises(flight.FlightUnauthenticatedError):
        list(getattr(client, method)(*arguments))


def test_rows_that_are_not_taken_hold_back_later_ones():
    exchanges = flight_exchanges(2, most_bytes=1_000)
    rows = [np.full((1, 100), number, np.float32) for number in range(20)]  # 400 bytes each
    for number, each in enumerate(rows):
        exchanges[0].send(1, ("row", number), each, ROWS)
    for number in range(20):
        np.testing.assert_array_equal(exchanges[1].take(("row", number)), rows[number])
    assert exchanges[1].mailbox.peak_bytes <= 1_000 + 400  # and the one that is waited for
    for each in exchanges:
        each.close()


def test_rows_that_are_needed_next_pass_a_full_mailbox():
    exchanges = flight_exchanges(3, most_bytes=100)
    mailbox = exchanges[2].mailbox
    mailbox.admit(("before",), 90)
    exchanges[0].send(2, ("later",), np.zeros(100), ROWS)
    exchanges[1].send(2, ("next",), np.ones(100), ROWS)
    np.testing.assert_array_equal(exchanges[2].take(("next",)), np.ones(100))
    np.testing.assert_array_equal(exchanges[2].take(("later",)), np.zeros(100))
    for each in exchanges:
        each.close()


def test_a_member_that_cannot_be_reached_is_lost():
    here, gone = flight_exchanges(2)
    gone.close()
    here.send(1, ("key",), np.zeros(3))
    with pytest.raises(MemberLostError, match="member 0 cannot send to member 1"):
        here.take(("never",))
    here.close()
