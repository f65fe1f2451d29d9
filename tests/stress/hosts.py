"""Trainings in every kind of host: threads, forks, pools, an event loop, a program that ends meanwhile.

    python -m stress.hosts HOST SEED KIND    in a process of its own, which must end in good order, and in time

In each the vectors are, to the last bit, those of a training that is alone in its process.
"""

import asyncio
import concurrent.futures
import hashlib
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from firth import Word2Vec
from firth.training.loop.trainer import Trainer
from stress._child import environment

SEEDS = 5
SECONDS = 60
KINDS = {
    "blocks": {"schedule": "blocks", "workers": 2},
    "hogwild": {"schedule": "hogwild", "workers": 1},
    "softmax": {"objective": "softmax", "warm_epochs": 1, "workers": 2},
}


def train(kind: str, seed: int, epochs: int = 2, words: int = 150) -> str:
    """Train on little, and return the digest of both matrices."""
    ids = np.random.default_rng(seed).integers(0, words, (4 * words, 15))
    model = Word2Vec(**KINDS[kind], vector_size=16, window=3, min_count=1, epochs=epochs, seed=seed)
    model.fit(ids, progress=False)
    return hashlib.sha256(model.wv.vectors.tobytes() + np.ascontiguousarray(model.outside).tobytes()).hexdigest()


# --- hosts: each returns the digests it got, and the kinds of training they are of


def in_a_thread(kind: str, seed: int) -> list[tuple[str, str]]:
    return [(kind, run_in_threads([kind], seed)[0])]


def four_threads_at_once(kind: str, seed: int) -> list[tuple[str, str]]:
    kinds = [*KINDS, kind]
    return list(zip(kinds, run_in_threads(kinds, seed), strict=True))


def run_in_threads(kinds: list[str], seed: int, stack: int = 0) -> list[str]:
    threading.stack_size(stack)
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = train(kinds[number], seed)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(kinds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    threading.stack_size(0)
    return [found[number] for number in range(len(kinds))]


def a_small_stack(kind: str, seed: int) -> list[tuple[str, str]]:
    return [(kind, run_in_threads([kind], seed, stack=2**19)[0])]


def little_recursion(kind: str, seed: int) -> list[tuple[str, str]]:
    """Python's limit, as low as compiling can do with: it is Numba that needs so much."""
    sys.setrecursionlimit(300)
    return [(kind, train(kind, seed))]


def after_a_fork(kind: str, seed: int) -> list[tuple[str, str]]:
    return [(kind, in_fork(kind, seed))]


def after_a_fork_of_one_that_has_trained(kind: str, seed: int) -> list[tuple[str, str]]:
    import pyarrow
    import pyarrow.compute

    pyarrow.compute.sum(pyarrow.array(range(10**6)))  # its threads live
    big = np.ones((500, 500))
    big @ big  # and those of BLAS
    before = [(each, train(each, seed)) for each in KINDS]
    return [*before, *((each, in_fork(each, seed)) for each in KINDS)]


def after_a_fork_while_another_thread_compiles(kind: str, seed: int) -> list[tuple[str, str]]:
    begun, compile_all = threading.Event(), Trainer._compile
    Trainer._compile = lambda trainer: (begun.set(), compile_all(trainer))
    other = threading.Thread(target=train, args=(kind, seed))
    other.start()
    begun.wait()
    time.sleep(random.Random(seed).uniform(0.1, 0.8))
    digest = in_fork(kind, seed)
    other.join()
    return [(kind, digest)]


def in_fork(kind: str, seed: int) -> str:
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
    _, status = os.waitpid(pid, 0)
    assert status == 0, os.waitstatus_to_exitcode(status)
    return digest


def spawned(kind: str, seed: int) -> list[tuple[str, str]]:
    return pooled([kind], seed, "spawn")


def forkserver(kind: str, seed: int) -> list[tuple[str, str]]:
    return pooled([kind], seed, "forkserver")


def four_processes_at_once(kind: str, seed: int) -> list[tuple[str, str]]:
    return pooled([kind, *KINDS], seed, "spawn")


def pooled(kinds: list[str], seed: int, method: str) -> list[tuple[str, str]]:
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(len(kinds), context) as pool:
        return list(zip(kinds, pool.map(train, kinds, [seed] * len(kinds)), strict=True))


def an_event_loop(kind: str, seed: int) -> list[tuple[str, str]]:
    async def main() -> str:
        ticks = 0
        training = asyncio.create_task(asyncio.to_thread(train, kind, seed))
        while not training.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 1, "the loop stood still"
        return training.result()

    return [(kind, asyncio.run(main()))]


def a_daemon_at_the_end(kind: str, seed: int) -> list[tuple[str, str]]:
    """Let the program end while a thread that nobody waits for trains, for minutes if it were let."""
    return train_at_the_end(kind, seed, daemon=True)


def a_thread_at_the_end(kind: str, seed: int) -> list[tuple[str, str]]:
    """And one that is waited for."""
    return train_at_the_end(kind, seed, daemon=False)


def train_at_the_end(kind: str, seed: int, daemon: bool) -> list[tuple[str, str]]:
    thread = threading.Thread(target=train, args=(kind, seed, 10_000, 4_000), daemon=daemon)
    thread.start()
    time.sleep(random.Random(f"{kind} {seed}").uniform(0, 8))
    assert thread.is_alive(), "nothing trains at the end"
    return []


HOSTS = {
    host.__name__: host
    for host in (
        in_a_thread,
        four_threads_at_once,
        a_small_stack,
        little_recursion,
        after_a_fork,
        after_a_fork_of_one_that_has_trained,
        after_a_fork_while_another_thread_compiles,
        spawned,
        forkserver,
        four_processes_at_once,
        an_event_loop,
        a_daemon_at_the_end,
        a_thread_at_the_end,
    )
}


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
    """Train in a host; raise AssertionError where it does not end in good order with the right vectors."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "stress.hosts", name, str(seed), kind]
    try:
        done = subprocess.run(command, env=environment(), cwd=folder, capture_output=True, text=True, timeout=SECONDS)
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
    """Return the digests of trainings that are alone."""
    if seed not in _ALONE:
        _ALONE[seed] = {kind: train(kind, seed) for kind in KINDS}
    return _ALONE[seed]


if __name__ == "__main__":
    for trained, digest in HOSTS[sys.argv[1]](sys.argv[3], int(sys.argv[2])):
        print(trained, digest)
