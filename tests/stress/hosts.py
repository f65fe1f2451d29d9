"""Trains in every kind of host: threads, forks, process pools, an event loop, and a program that ends meanwhile.

    python -m stress.hosts HOST SEED KIND    the child, which must end without an error, and in time

In each host the vectors are, bit for bit, those of a training run that is alone in its process.
"""

import asyncio
import hashlib
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from firth import Word2Vec
from firth.training.loop.trainer import Trainer
from stress._child import run_python

SEEDS = 5
SECONDS = 60
KINDS = {
    "blocks": {"schedule": "blocks", "workers": 2},
    "hogwild": {"schedule": "hogwild", "workers": 1},
    "softmax": {"objective": "softmax", "warm_epochs": 1, "workers": 2},
}

Found = list[tuple[str, str]]
"""The kinds of training that a host ran, each with its digest."""


def train(kind: str, seed: int, epochs: int = 2, words: int = 150) -> str:
    """Train on a small corpus, and return the digest of both matrices."""
    ids = np.random.default_rng(seed).integers(0, words, (4 * words, 15))
    model = Word2Vec(**KINDS[kind], vector_size=16, window=3, min_count=1, epochs=epochs, seed=seed)
    model.fit(ids, progress=False)
    return hashlib.sha256(model.wv.vectors.tobytes() + np.ascontiguousarray(model.outside).tobytes()).hexdigest()


def train_in(pool: Executor, kinds: list[str], seed: int) -> Found:
    with pool:
        return list(zip(kinds, pool.map(train, kinds, [seed] * len(kinds)), strict=True))


def processes(n: int, method: str) -> Executor:
    return ProcessPoolExecutor(n, multiprocessing.get_context(method))


def a_small_stack(kind: str, seed: int) -> Found:
    threading.stack_size(2**19)
    return train_in(ThreadPoolExecutor(1), [kind], seed)


def little_recursion(kind: str, seed: int) -> Found:
    sys.setrecursionlimit(300)  # the lowest with which Numba compiles
    return [(kind, train(kind, seed))]


def after_a_fork(kind: str, seed: int) -> Found:
    return [in_fork(kind, seed)]


def after_a_fork_of_a_process_that_has_trained(kind: str, seed: int) -> Found:
    import pyarrow
    import pyarrow.compute

    pyarrow.compute.sum(pyarrow.array(range(10**6)))  # starts its threads
    big = np.ones((500, 500))
    big @ big  # starts those of BLAS
    before = [(each, train(each, seed)) for each in KINDS]
    return [*before, *(in_fork(each, seed) for each in KINDS)]


def after_a_fork_while_another_thread_compiles(kind: str, seed: int) -> Found:
    begun, compile_all = threading.Event(), Trainer._compile
    Trainer._compile = lambda trainer: (begun.set(), compile_all(trainer))
    other = threading.Thread(target=train, args=(kind, seed))
    other.start()
    begun.wait()
    time.sleep(random.Random(seed).uniform(0.1, 0.8))
    found = in_fork(kind, seed)
    other.join()
    return [found]


def in_fork(kind: str, seed: int) -> tuple[str, str]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(writer, train(kind, seed).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        digest = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, status
    return kind, digest


def an_event_loop(kind: str, seed: int) -> Found:
    async def main() -> str:
        ticks = 0
        training = asyncio.create_task(asyncio.to_thread(train, kind, seed))
        while not training.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 1, "the event loop was blocked"
        return training.result()

    return [(kind, asyncio.run(main()))]


def a_daemon_at_the_end(kind: str, seed: int, daemon: bool = True) -> Found:
    """End the program during a training run of minutes in a daemon thread, which Python does not wait for."""
    thread = threading.Thread(target=train, args=(kind, seed, 10_000, 4_000), daemon=daemon)
    thread.start()
    time.sleep(random.Random(f"{kind} {seed}").uniform(0, 8))
    assert thread.is_alive(), "training ended before the program"
    return []


def a_thread_at_the_end(kind: str, seed: int) -> Found:
    """End the program during a training run of minutes in another thread, which Python waits for."""
    return a_daemon_at_the_end(kind, seed, daemon=False)


HOSTS = {
    "in_a_thread": lambda kind, seed: train_in(ThreadPoolExecutor(1), [kind], seed),
    "four_threads_at_once": lambda kind, seed: train_in(ThreadPoolExecutor(4), [*KINDS, kind], seed),
    "spawned": lambda kind, seed: train_in(processes(1, "spawn"), [kind], seed),
    "forkserver": lambda kind, seed: train_in(processes(1, "forkserver"), [kind], seed),
    "four_processes_at_once": lambda kind, seed: train_in(processes(4, "spawn"), [kind, *KINDS], seed),
} | {
    host.__name__: host
    for host in (
        a_small_stack, little_recursion, after_a_fork, after_a_fork_of_a_process_that_has_trained,
        after_a_fork_while_another_thread_compiles, an_event_loop, a_daemon_at_the_end, a_thread_at_the_end,
    )
}  # fmt: skip


def run(seed: int, folder: Path) -> dict[str, int]:
    """Train in every host, and every kind of training where the program ends."""
    hosts = 0
    for name in HOSTS:
        drawn = random.Random(f"{name} {seed}").choice(list(KINDS))
        for kind in KINDS if name.endswith("at_the_end") else [drawn]:
            run_host(name, kind, seed, folder)
            hosts += 1
    return {"hosts": hosts}


def run_host(name: str, kind: str, seed: int, folder: Path) -> None:
    """Train in a host; raise AssertionError unless it ends without an error and with the right vectors."""
    words = ("-W", "error::RuntimeWarning", "-m", "stress.hosts", name, seed, kind)
    try:
        done = run_python(*words, seconds=SECONDS, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{name}, {kind}: not done within {SECONDS} s; {error.stderr!r}") from None
    assert done.returncode == 0, f"{name}, {kind}: {done}"
    assert "Traceback" not in done.stderr, f"{name}, {kind}: {done.stderr}"
    lines = done.stdout.splitlines()
    assert lines or name.endswith("at_the_end"), f"{name}: nothing was trained"
    for line in lines:
        trained, digest = line.split()
        assert digest == alone(seed)[trained], f"{name}: other vectors of {trained}"


_ALONE: dict[int, dict[str, str]] = {}


def alone(seed: int) -> dict[str, str]:
    if seed not in _ALONE:
        _ALONE[seed] = {kind: train(kind, seed) for kind in KINDS}
    return _ALONE[seed]


if __name__ == "__main__":
    for trained, digest in HOSTS[sys.argv[1]](sys.argv[3], int(sys.argv[2])):
        print(trained, digest)
