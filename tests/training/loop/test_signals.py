"""Interrupts and errors: at any instant they stop training soon, with no thread left, and the run can be resumed."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from stress import signals as campaign
from training.loop._runs import ENGINES, KINDS, Interrupts, ids, model_of, saved, uninterrupted

from firth.cli import app
from firth.text.encoding import TextEncoder
from firth.training.loop import checkpoint
from firth.training.loop.signals import Compiling, Deferred, terminate
from firth.training.negative_sampling import blocks
from firth.training.softmax import cooccurrence


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + campaign.allowed()
    while (more := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not more


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


# --- deferring


def test_the_first_interrupt_is_deferred_and_the_second_is_not():
    before = handlers()
    with Deferred() as signals:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signals.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signals.check()
    assert handlers() == before


def test_a_second_interrupt_before_the_check_is_raised_at_once_after_abandon():
    reached, abandoned = [], threading.Event()
    with pytest.raises(SystemExit, match="143"), Deferred(abandoned.set):  # noqa: PT012 - the first is not to raise
        signal.raise_signal(signal.SIGINT)
        assert not abandoned.is_set()
        reached.append(1)
        signal.raise_signal(signal.SIGTERM)
        reached.append(2)
    assert reached == [1]
    assert abandoned.is_set()


def test_an_interrupt_without_a_check_is_raised_at_the_end():
    reached = []
    with pytest.raises(KeyboardInterrupt), Deferred():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        reached.append(1)
    assert reached == [1]


def test_an_ignored_signal_stays_ignored_and_a_handler_is_called():
    received, abandoned = [], threading.Event()
    before = [
        signal.signal(signal.SIGINT, lambda number, frame: received.append(number)),
        signal.signal(signal.SIGTERM, signal.SIG_IGN),
    ]
    try:
        with Deferred(abandoned.set) as signals:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            assert received == []
            signals.check()
            assert received == [signal.SIGINT]
            signal.raise_signal(signal.SIGINT)  # at once; the handler raises nothing, so nothing is abandoned
            assert received == 2 * [signal.SIGINT]
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    assert not abandoned.is_set()


def in_llvm(source, **names):
    exec(source, {"__name__": "llvmlite.binding", "signal": signal, "time": time} | names)


def test_an_interrupt_inside_llvm_is_raised_soon_after():
    reached = []
    with pytest.raises(KeyboardInterrupt), Compiling():  # noqa: PT012
        in_llvm("signal.raise_signal(2); time.sleep(0.1); reached.append(1)", reached=reached)
        time.sleep(campaign.SECONDS)
        reached.append(2)
    assert reached == [1]


@pytest.mark.parametrize("interrupts", [1, 2])
def test_interrupts_at_the_end_of_llvm_are_raised_once(interrupts):
    for _ in range(10):
        with pytest.raises(KeyboardInterrupt), Compiling():
            in_llvm("; ".join(interrupts * ["signal.raise_signal(2)"]))
        time.sleep(0.05)  # a second one would come now


def test_an_interrupt_while_python_compiles_is_raised_at_once():
    reached = []
    with pytest.raises(SystemExit, match="143"), Compiling():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        reached.append(1)
    assert reached == []
    assert handlers()[1] in (signal.SIG_DFL, terminate)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_an_interrupted_program_ends_in_good_order(seed, tmp_path):
    counts = campaign.run(seed, tmp_path)
    assert counts["signals"] + counts["ended_before"] >= 1


# --- training in this process


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_stop_training_and_leave_a_usable_model(kind, number, many_tasks, monkeypatch):
    interrupts, before = Interrupts(monkeypatch, number), handlers()
    interrupts.after(2)
    model = model_of(kind)
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit):
        model.fit(ids(), progress=False)
    assert handlers() == before
    assert len(model.wv.most_similar(5)) == 10
    assert np.isfinite(model.wv.vectors).all()


def test_a_second_interrupt_cancels_the_checkpoint_and_the_earlier_one_stays(tmp_path, many_tasks, monkeypatch):
    whole = uninterrupted("blocks")
    run, interrupts, write = tmp_path / "run", Interrupts(monkeypatch), checkpoint.write_sealed
    written = []

    def interrupted_while_it_writes(file, *given):
        write(file, *given)
        written.append(1)
        if len(written) == 2:
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second interrupt was not raised at once")

    monkeypatch.setattr(checkpoint, "write_sealed", interrupted_while_it_writes)
    interrupts.after(300)  # in the second epoch
    with pytest.raises(KeyboardInterrupt):
        model_of("blocks", workers=1).fit(ids(), progress=False, checkpoint=run)
    assert sorted(path.name for path in run.iterdir()) == ["checkpoint-00000001.firth", "lock"]
    interrupts.after(None)
    model = model_of("blocks").fit(ids(), progress=False, checkpoint=run, resume=True)
    assert saved(model) == whole


def test_a_second_interrupt_halts_a_long_task_and_its_state_is_not_saved(tmp_path, many_tasks, monkeypatch):
    train = blocks.Blocks.train

    def interrupted_twice(engine, task, rate, work):
        if task.round >= 0 and not engine.halt[0]:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)
            while not engine.halt[0]:
                time.sleep(0.001)
        return train(engine, task, rate, work)

    monkeypatch.setattr(blocks.Blocks, "train", interrupted_twice)
    monkeypatch.setattr("firth.training.loop.trainer.GRACE_SECONDS", 60.0)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model_of("blocks", workers=1).fit(ids(), progress=False, checkpoint=tmp_path / "run")
    assert time.monotonic() - started < 20
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]


TRAINING_IN_A_THREAD = """
import sys, threading, time
import numpy as np
from firth import Word2Vec
ids = np.random.default_rng(1).integers(0, 300, (20_000, 20))
options = {"objective": "softmax"} if sys.argv[2] == "softmax" else {"schedule": sys.argv[2]}
model = Word2Vec(vector_size=100, min_count=1, epochs=10_000, workers=2, **options)
begun = threading.Event()
training = threading.Thread(
    target=model.fit, args=(ids,),
    kwargs={"progress": False, "checkpoint": sys.argv[1], "callbacks": [lambda model: begun.set()]},
)
training.start()
begun.wait()
print("begun", flush=True)
while True:
    time.sleep(0.05)  # Python handles a signal that arrives just before a sleep only after it
"""


@pytest.mark.parametrize("kind", ["hogwild", "blocks", "softmax"])
def test_an_interrupt_of_the_main_thread_stops_training_in_another(kind, tmp_path):
    command = [sys.executable, "-c", TRAINING_IN_A_THREAD, str(tmp_path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10 * campaign.allowed())
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert errors.count("Traceback") == 1
    assert "Thread" not in errors
    assert process.returncode in (-signal.SIGINT, 130)
    assert list(tmp_path.glob("checkpoint-*.firth"))


def failing_at(k, function, times, raised=LookupError):
    """Return the function, with an exception at its k-th call; `times` gets the time of that."""
    calls = itertools.count(1)

    def wrapped(*given):
        if next(calls) == k:
            times.append(time.monotonic())
            raise raised("its own")
        return function(*given)

    return wrapped


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raised", [LookupError, SystemExit])
@pytest.mark.parametrize("k", [1, 4])
def test_an_exception_of_a_worker_reaches_the_caller_soon(kind, raised, k, many_tasks, monkeypatch):
    times = []
    for engine in ENGINES:
        monkeypatch.setattr(engine, "train", failing_at(k, engine.train, times, raised))
    with pytest.raises(raised, match="its own"):
        model_of(kind, workers=3).fit(ids(), progress=False)
    assert time.monotonic() - times[0] < campaign.allowed()


@pytest.mark.parametrize(
    ("kind", "owner", "name", "k"),
    [("blocks", TextEncoder, "encode", 1), ("cold", cooccurrence.PairCounter, "count", 2)],
    ids=["reading", "counting"],
)
def test_an_exception_of_a_reading_thread_reaches_the_caller_soon(kind, owner, name, k, tmp_path, monkeypatch):
    text, times = tmp_path / "text.txt", []
    text.write_text("some words of text\n" * 200_000)
    monkeypatch.setattr(cooccurrence, "TASK_PAIRS", 1)
    monkeypatch.setattr(owner, name, failing_at(k, getattr(owner, name), times))
    with pytest.raises(LookupError, match="its own"):
        model_of(kind).fit(text, progress=False)
    assert time.monotonic() - times[0] < campaign.allowed()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_before_a_command_starts_prints_one_line(number, code, monkeypatch, capsys):
    before = handlers()
    monkeypatch.setattr(app, "get_command", lambda _: signal.raise_signal(number))
    assert app.run(["--help"]) == code
    assert capsys.readouterr().err == "firth: interrupted\n"
    assert handlers() == before
