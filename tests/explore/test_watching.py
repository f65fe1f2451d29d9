"""The page of a training run: what it shows, and that the run is the same with it."""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from firth import OptionError, Word2Vec
from firth.explore.feed import MOST_PINS, TRACKED, TrainingFeed
from firth.explore.watching import watched

rng = np.random.default_rng(1)
SENTENCES = [[f"w{word}" for word in rng.zipf(1.3, 12) if word < 400] for _ in range(1500)]
OPTIONS = {"vector_size": 16, "min_count": 1, "workers": 1, "epochs": 3}
SCRIPT = "<script>alert(1)</script>"


def trained(**arguments) -> Word2Vec:
    return Word2Vec(**OPTIONS).fit(SENTENCES, progress=False, **arguments)


def content(feed):
    """Return all that the page shows, as it reads it."""
    return json.loads(feed.state().text)


@pytest.fixture(scope="module")
def feed():
    feed = TrainingFeed("test")
    feed.pin("w3", pinned=True)
    feed.pin(SCRIPT, pinned=True)
    trained(callbacks=feed)
    return feed


def test_a_watched_run_has_the_same_vectors():
    feed = TrainingFeed("test")
    with_feed, without = trained(callbacks=feed), trained()
    assert with_feed.wv.vectors.tobytes() == without.wv.vectors.tobytes()
    assert with_feed.outside.tobytes() == without.outside.tobytes()


def test_every_epoch_has_its_record_and_the_last_one_its_words(feed):
    state = content(feed)
    json.dumps(state, allow_nan=False)
    assert [record["epoch"] for record in state["records"]] == [1, 2, 3]
    assert state["epochs"] == 3
    assert state["frames"][-1]["epoch"] == 3
    assert len(state["tracked"]) == min(TRACKED, len({word for sentence in SENTENCES for word in sentence}))
    assert all(len(frame["points"]) == 2 * len(state["tracked"]) for frame in state["frames"])
    assert max(abs(value) for frame in state["frames"] for value in frame["points"]) == 1000


def test_neighbours_of_pinned_words_are_those_of_most_similar():
    feed, found = TrainingFeed("test"), []
    feed.pin("w3", pinned=True)
    trained(callbacks=[feed, lambda model: found.append(model.wv.most_similar("w3", topn=8))])
    last = content(feed)["frames"][-1]["neighbours"]["w3"]
    assert [word for word, _ in last] == [word for word, _ in found[-1]]
    np.testing.assert_allclose([score for _, score in last], [score for _, score in found[-1]], atol=1e-4)


def test_a_word_can_be_pinned_at_any_time(feed):
    assert content(feed)["frames"][-1]["neighbours"][SCRIPT] is None  # not in the vocabulary
    feed.pin("w5", pinned=True)
    assert len(content(feed)["frames"][-1]["neighbours"]["w5"]) == 8
    feed.pin("w5", pinned=False)
    assert "w5" not in content(feed)["pins"]
    other = TrainingFeed("test")
    for number in range(MOST_PINS):
        other.pin(str(number), pinned=True)
    with pytest.raises(OptionError, match="at most 12 words can be pinned"):
        other.pin("one more", pinned=True)


def test_training_never_waits_for_the_page():
    feed = TrainingFeed("test")
    with feed._lock:  # as held by a tab whose state takes long
        trained(callbacks=feed)
    assert len(content(feed)["records"]) == 3


def test_neighbours_are_searched_while_a_tab_reads_and_after_the_last_epoch():
    for reads, searched in ((False, [3]), (True, [1, 2, 3])):
        feed = TrainingFeed("test")
        feed._spent = -np.inf  # the epochs of this text are shorter than a copy takes
        feed.pin("w3", pinned=True)

        def read(model, feed=feed, reads=reads):
            feed._next_state = 0.0
            _ = feed.state() if reads else None

        read(None)
        trained(callbacks=[feed, read])
        frames = content(feed)["frames"]
        assert [frame["epoch"] for frame in frames] == [1, 2, 3]
        assert [frame["epoch"] for frame in frames if "w3" in frame["neighbours"]] == searched


def test_states_take_a_small_share_of_the_time_and_the_end_is_shown_at_once():
    feed = TrainingFeed("test")
    began = time.perf_counter()
    trained(callbacks=[feed, lambda model: feed.state()])
    first = feed.state()
    assert feed._next_state > began
    feed._next_state = np.inf
    feed.note("a line")
    assert feed.state() is first
    feed.end("done")
    state = content(feed)
    assert (state["ended"], state["line"]) == ("done", "a line")
    assert feed.state() is feed.state()


def test_a_long_run_keeps_its_first_and_its_latest_epochs():
    feed = TrainingFeed("test")
    feed._spent = -np.inf
    model = Word2Vec(**OPTIONS | {"epochs": 250}, sample=0)
    model.fit(SENTENCES[:2], progress=False, callbacks=[feed, lambda model: feed.state()])
    feed.end("done")
    state = content(feed)
    epochs = [frame["epoch"] for frame in state["frames"]]
    assert len(epochs) <= 100
    assert (epochs[0], epochs[-1]) == (1, 250)
    assert epochs == sorted(epochs)
    assert len(state["records"]) == 250


def test_neighbours_stay_when_their_epoch_is_dropped():
    feed, model = TrainingFeed("test"), trained()
    feed.pin("w3", pinned=True)
    feed._spent = -np.inf
    record = model.history[0]
    for epoch in range(1, 131):
        model.history = [dataclasses.replace(record, epoch=number) for number in range(1, epoch + 1)]
        feed(model)
        if epoch % 2:  # every second epoch is searched
            feed._next_state = 0.0
            feed.state()
    found = [frame["epoch"] for frame in content(feed)["frames"] if "w3" in frame["neighbours"]]
    assert len(found) > 50


def test_a_vocabulary_of_fewer_words_than_neighbours_is_shown():
    feed = TrainingFeed("test")
    feed.pin("a", pinned=True)
    Word2Vec(**OPTIONS, sample=0).fit([["a", "b", "c"] * 7], progress=False, callbacks=feed)
    assert len(content(feed)["frames"][-1]["neighbours"]["a"]) == 2


def test_one_word_and_vectors_that_are_not_finite_can_be_shown():
    feed = TrainingFeed("test")
    model = Word2Vec(**OPTIONS, sample=0).fit([["a", "b"] * 20], progress=False, callbacks=feed)
    model.wv.vectors = np.full((2, 16), np.nan, np.float32)
    feed(model)
    json.dumps(content(feed), allow_nan=False)


# --- a whole run, in a process of its own


class Run:
    """`firth train --watch` of a text, until the first line that it prints."""

    def __init__(self, corpus, output, *arguments):
        command = [sys.executable, "-m", "firth", "train", str(corpus), "-o", str(output), "--watch", "--no-browser",
                   "--min-count", "1", "--workers", "1", *map(str, arguments)]  # fmt: skip
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        self.line = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)(/enter\?token=[\w-]{43})", self.line)
        assert found, (self.line, self.process.communicate())
        self.port, self.entrance = int(found[1]), found[2]

    def ask(self, target: str, cookie: str = "") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {cookie}\r\n\r\n".encode())
        return connection

    def tab(self) -> socket.socket:
        """Return a connection with the stream of events."""
        with self.ask(self.entrance) as connection:
            cookie = re.search(rb"set-cookie: ([^;]+)", connection.recv(1 << 16))[1].decode()
        return self.ask("/api/events", cookie)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("watch") / "corpus.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in SENTENCES))
    return path


def test_a_run_streams_its_epochs_until_the_end(corpus, tmp_path):
    run = Run(corpus, tmp_path / "m.firth", "--epochs", 3)
    received = b""
    with run.tab() as connection:
        while part := connection.recv(1 << 16):
            received += part
    assert run.process.wait(30) == 0
    run.process.communicate()
    states = [json.loads(line) for line in re.findall(rb"^data: (.*)$", received, re.MULTILINE)]
    assert states[0]["ended"] == ""
    assert states[-1]["ended"] == "done"
    assert [record["epoch"] for record in states[-1]["records"]] == [1, 2, 3]
    assert (tmp_path / "m.firth").exists()


def test_an_interrupt_ends_a_watched_run_as_any_other(corpus, tmp_path):
    run = Run(corpus, tmp_path / "m.firth", "--epochs", 10_000, "--checkpoint", tmp_path / "checkpoints")
    with run.tab() as first, run.tab(), run.tab():
        while b'"records":[{' not in first.recv(1 << 16):
            pass
        start = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(20) == 130
        assert time.monotonic() - start < 4  # 2 seconds on a machine that is not shared
    _, errors = run.process.communicate()
    assert "--resume continues from" in errors
    assert "Traceback" not in errors


def test_an_error_of_the_block_passes_and_the_page_ends():
    with pytest.raises(ZeroDivisionError), watched("test", 0, lambda access: None) as feed:
        raise ZeroDivisionError
    assert feed.ended == "stopped"
