"""The loop around the engine: the loss, threads, stopping, errors, memory, and what a person sees."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

import firth
from firth import CorpusError, DivergenceError, OptionError, Word2Vec, resources
from firth.errors import NotEnoughMemoryError
from firth.training import draws, guards
from firth.training.loop import trainer
from firth.training.loop.progress import Bar, Lines, Reporter, reporter
from firth.training.loop.state import Checkpointer
from firth.training.negative_sampling import engine, hogwild

SMALL = {"schedule": "hogwild", "vector_size": 16, "window": 3, "negative": 5, "min_count": 1, "sample": 0, "epochs": 2}


def sentences(n=4000, seed=1):
    """Two topics of ten words each: words of one topic stand together."""
    rng = np.random.default_rng(seed)
    topics = [[f"{name}{i}" for i in range(10)] for name in ("cat", "car")]
    return [list(rng.choice(topics[i % 2], 8)) for i in range(n)]


@pytest.fixture(scope="module")
def corpus():
    return sentences()


@pytest.fixture(scope="module")
def model(corpus):
    return Word2Vec(**SMALL, workers=2).fit(corpus, progress=False)


def test_words_of_one_topic_become_alike(model):
    wv = model.wv
    assert all(word.startswith("cat") for word, _ in wv.most_similar("cat3", topn=9))
    assert wv.similarity("cat1", "cat2") > 0.5 > wv.similarity("cat1", "car2")


def test_history_counts_every_pair_and_word(model, corpus):
    assert [record.epoch for record in model.history] == [1, 2]
    for record in model.history:
        assert record.words == 8 * len(corpus)
        assert record.seconds > 0
    # A window of 1, 2 or 3 to either side, each a third of the time, in sentences of 8.
    expected = sum(min(reach, i) + min(reach, 7 - i) for reach in (1, 2, 3) for i in range(8)) / 3 * len(corpus)
    assert model.history[0].pairs == pytest.approx(expected, rel=0.01)
    assert model.history[-1].alpha == pytest.approx(model.options.min_alpha)


def test_a_fixed_window_makes_every_pair(corpus):
    model = Word2Vec(**SMALL | {"shrink_windows": False, "epochs": 1}, workers=1).fit(corpus, progress=False)
    assert model.history[0].pairs == sum(min(3, i) + min(3, 7 - i) for i in range(8)) * len(corpus)


def test_the_loss_does_not_depend_on_the_number_of_workers(corpus):
    losses = [
        [record.loss for record in Word2Vec(**SMALL, workers=workers).fit(corpus, progress=False).history]
        for workers in (1, 2, 5)
    ]
    # The order of updates differs; over 100,000 pairs of a loss near 3 that is well under 1 %.
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.01)
    np.testing.assert_allclose(losses[2], losses[0], rtol=0.01)


def test_the_loss_starts_at_that_of_a_coin(corpus):
    """With u = 0 every score is 0, so a pair costs (1 + K) log 2, less the noise words left out."""
    options = SMALL | {"alpha": 1e-12, "min_alpha": 0, "epochs": 1, "negative": 3}
    loss = Word2Vec(**options, workers=2).fit(corpus, progress=False).history[0].loss
    share_left_out = 1 / 20  # 20 words, equally frequent
    assert loss == pytest.approx((1 + 3 * (1 - share_left_out)) * np.log(2), rel=0.005)


def start_vectors(V, D, seed):
    return np.concatenate([rows for _, rows in engine.start_rows(V, D, seed)])


def test_the_starting_vectors_depend_on_the_seed_alone():
    first, second, other = (start_vectors(300, 7, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert np.abs(first).max() <= 0.5 / 7
    assert np.abs(first).mean() == pytest.approx(0.25 / 7, rel=0.05)


def test_the_starting_vectors_do_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch):
    whole = start_vectors(100, 5, 1)
    monkeypatch.setattr(engine, "_INIT_NUMBERS", 35)
    np.testing.assert_array_equal(start_vectors(100, 5, 1), whole)


TRAIN_AND_HASH = r"""
import hashlib, sys
from firth import Word2Vec
lines = ["the cat sat on the mat", "a na\u00efve caf\u00e9", "the dog sat on the cat"] * 300
model = Word2Vec(vector_size=20, min_count=1, epochs=2, seed=3, workers=1)
model.fit((line.split() for line in lines), progress=False)
print(hashlib.sha256(model.wv.vectors.tobytes() + model.outside.tobytes()).hexdigest())
"""


def test_one_worker_gives_the_same_bytes_whatever_the_hash_seed_and_locale():
    digests = set()
    for hash_seed, locale in (("0", "C"), ("12345", "C.UTF-8")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "LC_ALL": locale, "PYTHONUTF8": "0"}
        # the locale C decodes no non-ASCII path of an editable install; it does decode one in the environment
        environment["PYTHONPATH"] = str(Path(firth.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", TRAIN_AND_HASH], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == 64


def test_another_seed_gives_other_bytes(corpus):
    digests = {
        hashlib.sha256(
            Word2Vec(**SMALL | {"seed": seed}, workers=1).fit(corpus[:100], progress=False).wv.vectors.tobytes()
        ).hexdigest()
        for seed in (1, 2)
    }
    assert len(digests) == 2


@pytest.mark.parametrize(("vector_size", "negative", "window"), [(1, 1, 1), (2048, 1, 2), (5, 64, 2), (17, 5, 100)])
@pytest.mark.parametrize("schedule", ["hogwild", "blocks"])
def test_the_ends_of_every_range_train(vector_size, negative, window, schedule):
    options = {"vector_size": vector_size, "negative": negative, "window": window, "min_count": 1, "sample": 0}
    model = Word2Vec(**options, schedule=schedule, epochs=1).fit(sentences(50), progress=False)
    assert model.wv.vectors.shape == (20, vector_size)
    assert np.isfinite(model.wv.vectors).all()
    assert 0 < model.history[0].loss < (1 + negative) * np.log(2) * 1.01


def test_a_callback_reads_the_history_and_stops(corpus):
    seen = []

    def stop_after_three(model):
        seen.append((len(model.history), model.wv.similarity("cat1", "cat2")))
        return len(model.history) == 3

    model = Word2Vec(**SMALL | {"epochs": 50}).fit(corpus[:500], callbacks=[stop_after_three], progress=False)
    assert [count for count, _ in seen] == [1, 2, 3]
    assert len({similarity for _, similarity in seen}) == 3, "each epoch's own vectors are queried"
    assert len(model.history) == 3


def test_what_a_callback_raises_reaches_the_caller(corpus):
    def fail(model):
        raise LookupError("the callback's own")

    model = Word2Vec(**SMALL)
    with pytest.raises(LookupError, match="the callback's own"):
        model.fit(corpus[:100], callbacks=[fail], progress=False)
    assert len(model.history) == 1
    assert "cat1" in model.wv


@pytest.mark.parametrize("schedule", ["hogwild", "blocks"])
def test_divergence_stops_at_once_with_advice(corpus, schedule):
    with pytest.raises(DivergenceError, match=r"loss became (inf|nan) in epoch 1, .* smaller alpha"):
        Word2Vec(**SMALL | {"alpha": 1e30, "schedule": schedule}).fit(corpus, progress=False)


def test_what_a_worker_raises_reaches_the_caller(corpus, monkeypatch):
    train = hogwild.Hogwild.train

    def fail_late(self, task, rate, work):
        if task.epoch == 1:
            raise LookupError(f"block {task.block}")
        return train(self, task, rate, work)

    monkeypatch.setattr(hogwild.Hogwild, "train", fail_late)
    with pytest.raises(LookupError, match=r"block \d"):
        Word2Vec(**SMALL, workers=3).fit(corpus, progress=False)


def test_ids_outside_the_vocabulary_never_reach_a_kernel():
    good = np.array([0, 4, -1, 2], np.int32)
    assert guards.checked_ids(good, 5, 0) is good
    for bad in ([0, 5], [-2, 1]):
        with pytest.raises(CorpusError, match=r"block 7 .* ids from .* where -1 to 4 are allowed"):
            guards.checked_ids(np.array(bad, np.int32), 5, 7)


def test_block_keys_differ():
    keys = {draws.block_key(seed, epoch, block) for seed in range(3) for epoch in range(3) for block in range(50)}
    assert len(keys) == 450
    assert all(0 <= key < 2**64 for key in keys)


def test_a_corpus_without_pairs_is_refused():
    with pytest.raises(CorpusError, match=r"2 words .* no two of them in one sentence"):
        Word2Vec(**SMALL).fit([["one"], ["two"]], progress=False)


def test_too_little_memory_is_said_with_the_arithmetic(corpus, monkeypatch):
    monkeypatch.setattr(resources, "memory_rooms", lambda unused: [("a limit", 10**6)])
    message = r"needs .* \(compiled .* matrices of 20 x 2048 .* and 1 MiB is available \(a limit\): use a smaller"
    with pytest.raises(NotEnoughMemoryError, match=message):
        Word2Vec(**SMALL | {"vector_size": 2048}).fit(corpus, progress=False)


def test_available_memory_is_a_real_amount():
    assert 2**20 < min(room for _, room in resources.memory_rooms()) < 2**50


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True, 5000])
def test_workers_are_checked(workers):
    with pytest.raises(OptionError, match=r"workers=.* give a whole number from 1 to 1024"):
        Word2Vec(workers=workers)


INTERRUPTED = """
import sys, time
import numpy as np
from firth import Word2Vec
rng = np.random.default_rng(1)
options = {"vector_size": 512, "window": 50, "negative": 64, "min_count": 1, "sample": 0, "epochs": 1000}
model = Word2Vec(**options, shrink_windows=False, schedule=sys.argv[1])
try:
    model.fit(rng.integers(0, int(sys.argv[2]), (300, 1000)), progress=None)
except KeyboardInterrupt:
    print("usable", np.isfinite(model.wv.vectors).all(), len(model.wv.most_similar(5)), flush=True)
"""


@pytest.mark.parametrize(("schedule", "words"), [("hogwild", 1000), ("blocks", 1000), ("blocks", 20)])
def test_an_interrupt_stops_within_two_seconds_and_leaves_a_usable_model(schedule, words):
    command = [sys.executable, "-c", INTERRUPTED, schedule, str(words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:  # until training has begun
            if line.startswith("compiled"):
                break
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        assert process.stdout.readline() == "usable True 10\n"
        assert time.monotonic() - sent < 2.0
    assert process.returncode == 0


def test_progress_lines_come_now_and_then_and_name_speed_loss_and_rate(corpus):
    stream = io.StringIO()
    lines = Lines(stream, interval=0.0)
    model = Word2Vec(**SMALL)
    model._fit(corpus, lines, Checkpointer())
    text = stream.getvalue()
    assert "read 32,000 words in 4,000 sentences; vocabulary 20" in text
    assert "compiled in " in text
    assert "epoch 2/2  loss " in text
    assert "M words/s" in text
    assert "alpha " in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_is_for_terminals_only():
    assert isinstance(reporter(None, Terminal()), Bar)
    assert isinstance(reporter(None, io.StringIO()), Lines)
    assert type(reporter(False, Terminal())) is Reporter


def test_the_bar_shows_speed_loss_rate_and_time_left(corpus):
    terminal = Terminal()
    Word2Vec(**SMALL)._fit(corpus, Bar(terminal), Checkpointer())
    text = terminal.getvalue()
    for part in ("training", "M words/s", "loss", "alpha", "0:00:00"):
        assert part in text


def test_numba_told_not_to_compile_is_said(corpus, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(OptionError, match="NUMBA_DISABLE_JIT is set"):
        Word2Vec(**SMALL).fit(corpus[:50], progress=False)


def test_nothing_is_shown_when_silent(corpus, capfd):
    Word2Vec(**SMALL).fit(corpus[:50], progress=False)
    assert capfd.readouterr() == ("", "")


def test_an_epoch_is_summed_up_in_a_line():
    record = trainer.EpochRecord(epoch=2, loss=1.5, pairs=1000, words=500_000, seconds=0.25, alpha=0.01)
    assert (
        trainer.summary(record, 5, exact=False)
        == "epoch 2/5  loss 1.5000  2.00 M words/s  0.2 s  1,000 pairs  alpha 0.0100"
    )
