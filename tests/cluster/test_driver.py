"""The driver: checkpoints that any number of members resume from, interrupts, and errors of members."""

import threading
import time

import numpy as np
import pytest

from cluster._members import SMALL, Cluster, assert_same_bytes, flight_exchanges, one_process, zipf_sentences
from firth.errors import CheckpointError, DivergenceError, FormatError
from firth.starting import start_of_vectors
from firth.training.loop.state import Checkpointer
from firth.training.run import apply_start

SENTENCES = zipf_sentences()


class Folders(Checkpointer):
    """Saves after every chunk, up to a number of times; the state is kept here, and the rows in a folder each."""

    def __init__(self, path, most=99):
        super().__init__()
        self.path, self.most, self.saved = path, most, []

    def rows_folder(self, state):
        return str(self.path / str(len(self.saved) - 1))

    def new_folder(self):
        folder = self.path / str(len(self.saved))
        folder.mkdir()
        return str(folder)

    def due(self):
        return True

    def save(self, state, *, last):
        if len(self.saved) == self.most:
            raise InterruptedError("enough")
        self.saved.append((state, list(self.history)))

    def resume(self):
        """Return a checkpointer that resumes from the last state."""
        again = Folders(self.path)
        again.saved = list(self.saved)
        again.resumed, again.history = self.saved[-1]
        return again


OPTIONS = SMALL | {"epochs": 4}


def cluster_of(members, folders, **changes):
    return Cluster(SENTENCES, OPTIONS | changes, members, checkpointer=folders)


@pytest.fixture(scope="module")
def model():
    return one_process(SENTENCES, OPTIONS)


@pytest.mark.parametrize(("saves", "before", "after"), [(1, 2, 3), (2, 3, 1), (3, 1, 2)])
def test_another_number_of_members_resumes_to_the_same_bytes(tmp_path, model, saves, before, after):
    first = Folders(tmp_path, saves)
    with cluster_of(before, first) as cluster, pytest.raises(InterruptedError, match="enough"):
        first.history.extend(cluster.trainer.epochs())
    (tmp_path / str(saves)).rename(tmp_path / "unused")
    second = first.resume()
    with cluster_of(after, second) as cluster:
        records = second.history + list(cluster.trainer.epochs())
        assert_same_bytes(cluster, records, model)


@pytest.mark.parametrize(("epoch", "before", "after"), [(1, 2, 3), (1, 3, 1), (0, 2, 1)])
def test_a_run_that_was_interrupted_before_the_first_chunk_of_an_epoch_is_resumed(
    tmp_path, monkeypatch, model, epoch, before, after
):
    first = Folders(tmp_path)
    monkeypatch.setattr(first, "due", lambda: False)
    with cluster_of(before, first) as cluster:
        if epoch:
            first.history.append(next(cluster.trainer.epochs()))
        else:
            cluster.trainer.engine.compile()
        state = cluster.trainer.engine.state()
    position = {"epoch": epoch, "done": [0], "pairs": 0, "seconds": 0.0, "progress": 0.0}
    first.save(state._replace(position=position, arrays={"losses": np.zeros(0)}), last=True)
    second = first.resume()
    monkeypatch.setattr(second, "rows_folder", lambda state: str(tmp_path / str(epoch)))
    with cluster_of(after, second) as cluster:
        assert_same_bytes(cluster, second.history + list(cluster.trainer.epochs()), model)


@pytest.mark.parametrize("members", [1, 2])
def test_an_interrupt_saves_the_chunks_that_are_done(tmp_path, monkeypatch, model, members):
    first = Folders(tmp_path)

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(first, "due", interrupt)
    with cluster_of(members, first) as cluster, pytest.raises(KeyboardInterrupt):
        list(cluster.trainer.epochs())
    assert first.saved
    second = first.resume()
    with cluster_of(2, second) as cluster:
        assert_same_bytes(cluster, second.history + list(cluster.trainer.epochs()), model)


@pytest.fixture(scope="module")
def earlier():
    """A model of other sentences, which lacks some words of these and has some that they lack."""
    return one_process([[word + 200 for word in sentence] for sentence in SENTENCES[:2000]], SMALL | {"epochs": 1})


def start_at(cluster, earlier, freeze, *, is_resumed=False):
    start = start_of_vectors(earlier.wv, cluster.options, earlier.outside, freeze)
    apply_start(start.rows_of(cluster.corpus.vocabulary), cluster.trainer, is_resumed=is_resumed)


def test_vectors_to_start_from_and_frozen_rows_are_those_of_one_process(tmp_path, earlier):
    freeze = earlier.wv.index_to_key[::3]
    model = one_process(SENTENCES, OPTIONS, init=earlier, freeze=freeze)
    assert 0 < model.corpus["frozen"] < model.corpus["started"] < len(model.wv)
    first = Folders(tmp_path, 2)
    with cluster_of(3, first) as cluster:
        start_at(cluster, earlier, freeze)
        with pytest.raises(InterruptedError, match="enough"):
            first.history.extend(cluster.trainer.epochs())
    (tmp_path / "2").rename(tmp_path / "unused")
    second = first.resume()
    with cluster_of(2, second) as cluster:
        start_at(cluster, earlier, freeze, is_resumed=True)
        assert_same_bytes(cluster, second.history + list(cluster.trainer.epochs()), model)


def test_the_outside_vectors_of_a_file_without_any_start_at_zero(earlier):
    model = one_process(SENTENCES, SMALL, init=earlier.wv, freeze=True)
    assert model.corpus["frozen"] == model.corpus["started"]
    with Cluster(SENTENCES, SMALL, 2) as cluster:
        start = start_of_vectors(earlier.wv, cluster.options, freeze=True)
        apply_start(start.rows_of(cluster.corpus.vocabulary), cluster.trainer, is_resumed=False)
        assert_same_bytes(cluster, list(cluster.trainer.epochs()), model)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folders = Folders(tmp_path_factory.mktemp("saved"), 2)
    with cluster_of(2, folders) as cluster, pytest.raises(InterruptedError, match="enough"):
        list(cluster.trainer.epochs())
    return folders


def test_a_damaged_file_of_rows_is_refused(saved):
    file = saved.path / "1" / "member-1.firth"
    sound = file.read_bytes()
    file.write_bytes(sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    with pytest.raises(FormatError, match="checksum"):
        cluster_of(1, saved.resume())
    file.write_bytes(sound)


def test_rows_that_are_missing_are_named(saved):
    file = saved.path / "1" / "member-0.firth"
    file.rename(saved.path / "away")
    with pytest.raises(CheckpointError, match="has no rows of center-0, center-1, outside-0 and 1 more block:"):
        cluster_of(2, saved.resume())
    (saved.path / "away").rename(file)


def test_rows_of_another_vector_size_are_refused(saved):
    with pytest.raises(CheckpointError, match=r"is float32 \(\d+, 32\), and must be float32 \(\d+, 48\)"):
        cluster_of(1, saved.resume(), vector_size=40)


def test_rows_that_are_not_finite_are_not_saved(tmp_path):
    with cluster_of(1, None) as cluster:
        cluster.members[0].start()
        cluster.members[0].rows()[0][0][3, 2] = np.nan
        with pytest.raises(DivergenceError, match="center-0"):
            cluster.members[0].save(str(tmp_path))


def test_collected_rows_are_those_of_consecutive_words_and_training_goes_on(model):
    with cluster_of(3, None) as cluster:
        for number, record in enumerate(cluster.trainer.epochs()):
            ends = [future.result() for future in [handle.submit("collect") for handle in cluster.handles]]
            matrices = [member.rows() for member in cluster.members]
            last = number, record
        assert last[0] == 3
        assert [first for first, _ in ends] == [0, *(stop for _, stop in ends[:-1])]
        assert ends[-1][1] == cluster.setup.vocabulary_size
        for n, expected in enumerate((model.wv.vectors, model.outside)):
            np.testing.assert_array_equal(np.concatenate([block for each in matrices for block in each[n]]), expected)


def test_a_stop_in_the_middle_of_a_chunk_ends_all_members_soon():
    slow = OPTIONS | {"epochs": 1000}
    with Cluster(SENTENCES, slow, 2, make=flight_exchanges) as cluster:
        threading.Timer(0.7, cluster.trainer.stop).start()
        began = time.monotonic()
        assert len(list(cluster.trainer.epochs())) < 1000
        assert time.monotonic() - began < 10


def test_an_error_of_a_member_is_raised():
    with cluster_of(2, None) as cluster:
        cluster.members[1]._tokens.close()
        for each in cluster.exchanges:
            threading.Timer(0.5, each.fail, [InterruptedError("ended")]).start()
        with pytest.raises(Exception, match="the token store has 0 of"):
            list(cluster.trainer.epochs())
