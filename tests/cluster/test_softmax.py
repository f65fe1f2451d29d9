"""The exact softmax on members: the bytes of one process, whatever their number, threads and shares of the text."""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from cluster._members import Cluster, assert_same_bytes, flight_exchanges, one_process, zipf_sentences
from cluster.test_driver import Folders
from firth import Options
from firth.cluster import held_out, row_files, warm_share
from firth.cluster.exchange import LocalExchange
from firth.cluster.handles import call_all
from firth.cluster.setup import Setup
from firth.cluster.tile_exchange import TileExchange
from firth.cluster.tiles import TileShares, tile_slices
from firth.errors import CheckpointError, CorpusError, DivergenceError, OptionError
from firth.formats import sealed
from firth.starting import start_of_vectors
from firth.training.loop import trainer
from firth.training.loop.start import StartRows
from firth.training.loop.state import State
from firth.training.run import apply_start
from firth.training.softmax import batches, cooccurrence, exact

SENTENCES = zipf_sentences(120_000, V=700)
OPTIONS = {
    "objective": "softmax", "vector_size": 12, "epochs": 2, "warm_epochs": 1, "window": 3, "min_count": 1, "seed": 5,
}  # fmt: skip
COLD = {"warm_epochs": 0}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Several tiles, batches, and tasks of counting for each member."""
    monkeypatch.setattr(exact, "TILE_WORDS", 128)
    monkeypatch.setattr(exact, "PART_CENTERS", 60)
    monkeypatch.setattr(batches, "BATCH", 100)
    monkeypatch.setattr(cooccurrence, "TASK_PAIRS", 2**17)
    monkeypatch.setattr(warm_share, "BLOCKS_AT_ONCE", 2)
    monkeypatch.setattr(held_out, "TILE_WORDS", 128)
    monkeypatch.setattr(held_out, "PART_CENTERS", 60)
    with threadpool_limits(1, "blas"):  # members set it for their process; here several of them share one
        yield


@cache
def model_of(**changes):
    return one_process(SENTENCES, OPTIONS | changes)


@pytest.mark.parametrize(
    ("members", "changes"),
    [(1, {}), (3, {}), (2, COLD), (2, {"unigram_intercept": False, "center_power": 1.0, "sample": 0.0})],
)
def test_any_number_of_members_trains_the_bytes_of_one_process(members, changes):
    with Cluster(SENTENCES, OPTIONS | changes, members, workers=members % 2 + 1) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of(**changes))


@pytest.mark.parametrize("shares", [[0, 4], [3, 1]])
def test_members_may_have_any_share_of_the_text(shares):
    with Cluster(SENTENCES, OPTIONS, 2, shares=shares, make=flight_exchanges) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of())
        assert sum(cluster.trainer.sent_bytes.values()) > 0


@pytest.mark.parametrize(("validation", "shares"), [(zipf_sentences(9_000, V=700, seed=8), [2, 2]), (0.3, [2, 1])])
def test_held_out_pairs_have_the_loss_of_one_process(validation, shares):
    model = one_process(SENTENCES, OPTIONS, validation=validation)
    with Cluster(SENTENCES, OPTIONS, len(shares), validation=validation) as cluster:
        assert list(cluster.setup.token_blocks) == shares
        validate = cluster.validation.prepare(cluster.handles, cluster.setup, cluster.corpus)
        assert_same_bytes(cluster, list(map(validate, cluster.trainer.epochs())), model)


@pytest.mark.parametrize(("members", "has_outside", "changes"), [(2, True, {}), (3, False, {}), (2, True, COLD)])
def test_vectors_to_start_from_and_frozen_rows_are_those_of_one_process(members, has_outside, changes):
    earlier = one_process([[word + 60 for word in sentence] for sentence in SENTENCES[:900]], OPTIONS | {"epochs": 1})
    freeze = earlier.wv.index_to_key[::3] if members == 3 or changes else []
    init = earlier if has_outside else earlier.wv
    model = one_process(SENTENCES, OPTIONS | changes, init=init, freeze=freeze)
    with Cluster(SENTENCES, OPTIONS | changes, members) as cluster:
        start = start_of_vectors(earlier.wv, cluster.options, earlier.outside if has_outside else None, freeze)
        apply_start(start.rows_of(cluster.corpus.vocabulary), cluster.trainer, is_resumed=False)
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model)


class Until(Folders):
    """Saves the first states up to one of a stage and an epoch with as many chunks done, and then stops."""

    def __init__(self, path, stage, epoch, chunks):
        super().__init__(path)
        self.stage, self.place = stage, (epoch, [chunks])

    def save(self, state, *, last):
        super().save(state, last=last)
        position = state.position.get(self.stage)
        if position is not None and (position["epoch"], position["done"]) >= self.place:
            raise InterruptedError("enough")


@pytest.mark.parametrize(
    ("place", "before", "after", "changes"),
    [
        (("warm", 0, 1), 2, 3, {}),
        (("warm", 0, 2), 1, 2, {}),
        (("passes", 1, 3), 3, 2, {}),
        (("passes", 1, 2), 2, 3, COLD),
    ],
)
def test_another_number_of_members_resumes_to_the_same_bytes(tmp_path, monkeypatch, place, before, after, changes):
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    first = Until(tmp_path, *place)
    cluster = Cluster(SENTENCES, OPTIONS | changes, before, checkpointer=first)
    with cluster, pytest.raises(InterruptedError, match="enough"):
        first.history.extend(cluster.trainer.epochs())
    second = first.resume()
    assert list(second.resumed.position) == [place[0]]
    with Cluster(SENTENCES, OPTIONS | changes, after, checkpointer=second) as cluster:
        assert_same_bytes(cluster, second.history + list(cluster.trainer.epochs()), model_of(**changes))


def test_a_run_that_was_interrupted_before_the_first_batch_of_a_pass_is_resumed(tmp_path, monkeypatch):
    first = Folders(tmp_path)
    monkeypatch.setattr(first, "due", lambda: False)
    with Cluster(SENTENCES, OPTIONS, 2, checkpointer=first) as cluster:
        first.history.append(next(cluster.trainer.epochs()))
    place = {"epoch": 1, "done": [0], "pairs": 0, "seconds": 0.0, "progress": 0.0}
    first.saved.append((State({"passes": place}, {"losses": np.zeros(0)}), list(first.history)))
    second = first.resume()
    monkeypatch.setattr(second, "rows_folder", lambda state: str(tmp_path / str(len(first.saved) - 2)))
    with Cluster(SENTENCES, OPTIONS, 3, checkpointer=second) as cluster:
        assert_same_bytes(cluster, second.history + list(cluster.trainer.epochs()), model_of())


@pytest.mark.parametrize(("stage", "changes"), [("warm", {}), ("passes", COLD)])
def test_an_interrupt_between_two_checkpoints_saves_what_is_done(tmp_path, monkeypatch, stage, changes):
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.001)
    first = Folders(tmp_path)
    monkeypatch.setattr(first, "due", lambda: False)
    with Cluster(SENTENCES, OPTIONS | changes, 2, checkpointer=first) as cluster:
        run_chunk = cluster.members[0].run_chunk

        def interrupt(epoch, chunk):
            if chunk == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return run_chunk(epoch, chunk)

        monkeypatch.setattr(cluster.members[0], "run_chunk", interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(cluster.trainer.epochs())
    second = first.resume()
    assert second.resumed.position[stage]["done"] > [0]
    with Cluster(SENTENCES, OPTIONS | changes, 2, checkpointer=second) as cluster:
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model_of(**changes))


def test_a_state_of_no_known_stage_is_refused(tmp_path):
    folders = Folders(tmp_path)
    folders.resumed = State({"cold": {}}, {})
    with (
        Cluster(SENTENCES, OPTIONS, 1, checkpointer=folders) as cluster,
        pytest.raises(CheckpointError, match="the position is"),
    ):
        next(cluster.trainer.epochs())


@pytest.mark.parametrize("changes", [{"warm_epochs": 10_000}, {"epochs": 10_000}])
def test_a_stop_ends_all_members_soon(changes):
    with Cluster(SENTENCES, OPTIONS | changes, 2, make=flight_exchanges) as cluster:
        threading.Timer(0.4, cluster.trainer.stop).start()
        began = time.monotonic()
        with suppress(InterruptedError):  # raised if the stop comes between two tasks
            assert len(list(cluster.trainer.epochs())) < 10_000
        assert time.monotonic() - began < 10


def test_divergence_is_an_error(monkeypatch):
    monkeypatch.setattr(batches, "CENTER_RATE", 1e30)
    with (
        Cluster(SENTENCES, OPTIONS | COLD, 2) as cluster,
        pytest.raises(DivergenceError, match=r"the loss became (inf|nan) .* has diverged.*warm_epochs"),
    ):
        list(cluster.trainer.epochs())


@pytest.mark.parametrize("number", [0, 5, 6])  # the curvature is renewed in batches 0 and 5; 6 is the last
def test_divergence_in_any_batch_ends_all_members(number):
    with Cluster(SENTENCES, OPTIONS | COLD | {"epochs": 1}, 2) as cluster:
        for exchange in cluster.exchanges:  # instead of waiting for ever
            timer = threading.Timer(20, exchange.fail, [InterruptedError("the members wait for each other")])
            timer.daemon = True
            timer.start()
        words = np.arange(cluster.setup.vocabulary_size)
        center, outside = np.random.default_rng(1).normal(size=(2, len(words), 12)).astype(np.float32)
        order = batches.draw_order(np.ones(len(words)), cluster.options.seed, 0)
        center[order[number * batches.BATCH : (number + 1) * batches.BATCH]] = 3e38
        cluster.trainer.start_from(StartRows(words, words, center, outside, None, None, None))
        with pytest.raises(DivergenceError, match=r"the loss became (inf|nan)"):
            list(cluster.trainer.epochs())
        for member in cluster.members:  # both have trained the batch
            assert member._passes._steps.done == number + 1


def test_rows_that_are_not_finite_are_not_saved(tmp_path):
    with Cluster(SENTENCES, OPTIONS | COLD, 1) as cluster:
        next(cluster.trainer.epochs())
        cluster.members[0].rows()[0][0][3, 2] = np.nan
        with pytest.raises(DivergenceError, match=r"center-0 .* start again with a warm start, warm_epochs=3"):
            cluster.members[0].save(str(tmp_path))


def test_a_checkpoint_without_its_rows_is_refused_before_pairs_are_counted(tmp_path, monkeypatch):
    first = Until(tmp_path, "passes", 0, 1)
    with Cluster(SENTENCES, OPTIONS | COLD, 2, checkpointer=first) as cluster, pytest.raises(InterruptedError):
        list(cluster.trainer.epochs())
    second = first.resume()
    (tmp_path / str(len(first.saved) - 1) / "member-0.firth").unlink()
    with Cluster(SENTENCES, OPTIONS | COLD, 1, checkpointer=second) as cluster:
        monkeypatch.setattr(cluster.members[0], "count", lambda: pytest.fail("pairs were counted"))
        with pytest.raises(CheckpointError, match="has no rows of center-0, center-1, center-2 and 9 more blocks"):
            list(cluster.trainer.epochs())


def test_each_file_of_rows_is_opened_once_by_a_member(tmp_path, monkeypatch):
    with Cluster(SENTENCES, OPTIONS | COLD, 2) as cluster:
        next(cluster.trainer.epochs())
        call_all(cluster.handles, "save", str(tmp_path))
        opened = []

        def open_sealed(path, kind):
            opened.append(path.name)
            return sealed.open_sealed(path, kind)

        monkeypatch.setattr(row_files, "open_sealed", open_sealed)
        cluster.members[1].load(str(tmp_path), 0, 0)
        assert opened == ["member-0.firth", "member-1.firth"]


def test_a_sum_over_tiles_is_at_the_root_alone():
    setup = Setup(np.ones(700, np.int64), Options(**OPTIONS), 1, 1, 1, (1, 1))
    first, root = (TileExchange(TileShares(setup), exchange) for exchange in LocalExchange.of(2))
    before = first.total(lambda _: np.ones(3))
    np.testing.assert_array_equal(root.total(lambda total: np.add(total, 2, out=total)), np.full(3, 3.0))
    np.testing.assert_array_equal(before, np.full(3, np.nan))


@pytest.mark.parametrize("method", ["count", "enter"])
def test_a_stop_before_training_trains_nothing(monkeypatch, method):
    with Cluster(SENTENCES, OPTIONS, 2) as cluster:
        call, trained = getattr(cluster.members[0], method), []

        def stop_and_call(*arguments):
            cluster.trainer.stop()
            return call(*arguments)

        monkeypatch.setattr(cluster.members[0], method, stop_and_call)
        monkeypatch.setattr(cluster.members[0], "run_chunk", lambda *place: trained.append(place))
        with suppress(InterruptedError):
            list(cluster.trainer.epochs())
        assert trained == []


def test_a_stop_while_pairs_are_counted_ends_all_members(monkeypatch):
    with Cluster(SENTENCES, OPTIONS, 2) as cluster:
        halted = threading.Event()
        monkeypatch.setattr(cluster.members[0], "count", lambda: halted.wait(20))  # for ever, if nobody halts it
        monkeypatch.setattr(cluster.members[0], "halt", halted.set)
        threading.Timer(0.1, cluster.trainer.stop).start()
        with pytest.raises(InterruptedError, match="training was stopped"):
            list(cluster.trainer.epochs())
        assert halted.wait(5)


def test_a_member_that_was_halted_enters_no_further_stage():
    with Cluster(SENTENCES, OPTIONS, 1) as cluster:
        cluster.members[0].count()
        cluster.members[0].halt()
        for stage in ("warm", "passes"):
            with pytest.raises(InterruptedError, match="training was interrupted"):
                cluster.members[0].enter(stage)


@pytest.mark.parametrize("validation", [None, 0.4])
def test_counting_ends_with_all_words_counted(validation):
    with Cluster(SENTENCES, OPTIONS, 2, validation=validation) as cluster:
        call_all(cluster.handles, "count")
        words = sum(member.counted_words() for member in cluster.members)
        assert words == pytest.approx(cluster.setup.n_words, rel=1e-3)


def test_a_corpus_without_pairs_is_an_error():
    sentences = [[word] for word in range(700)]
    with (
        Cluster(sentences, OPTIONS, 2, shares=[1, 0]) as cluster,
        pytest.raises(CorpusError, match="there are no pairs to train on"),
    ):
        list(cluster.trainer.epochs())


def test_more_members_than_tiles_are_refused():
    with (
        Cluster(SENTENCES, OPTIONS, 7) as cluster,
        pytest.raises(
            OptionError,
            match=r"7 nodes cannot share 700 words: for the exact softmax each needs 128\. Give at most 6 nodes",
        ),
    ):
        cluster.setup.check()


@pytest.mark.parametrize(("V", "members"), [(700, 1), (700, 6), (512, 3), (129, 2)])
def test_members_own_whole_tiles_and_every_word_has_one_owner(V, members):
    setup = Setup(np.ones(V, np.int64), Options(**OPTIONS), 1, 1, 1, (1,) * members)
    shares = TileShares(setup)
    words = [shares.words(member) for member in range(members)]
    np.testing.assert_array_equal(np.concatenate(words), np.arange(V))
    np.testing.assert_array_equal(shares.owners(np.arange(V)), np.repeat(np.arange(members), list(map(len, words))))
    assert [tile for each in words for tile in tile_slices(each)] == list(range(-(-V // 128)))
    for each in words:
        assert each.start % 128 == 0
        covered = [range(V)[each.start : each.stop][rows] for rows in tile_slices(each).values()]
        np.testing.assert_array_equal(np.concatenate(covered), each)
