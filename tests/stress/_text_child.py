"""Child processes of the campaign `text`: they read what may hang, crash or need much memory.

python -m stress._text_child NAME ARGUMENTS     prints what it found as one line of JSON
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from firth.errors import CorpusError
from firth.options import Options
from firth.text import read_corpus, reading
from firth.text.store import StoreBuilder
from stress._child import json_of_child

ADDRESS_SPACE = 3 * 2**29  # bytes: 1.5 GiB
ALL = Options(min_count=1)


child = partial(json_of_child, "stress._text_child", seconds=120)


def read_in_little_memory(path: str, options: str = "{}") -> dict:
    """Read a file in limited address space; return the outcome and the peak of resident memory."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    try:
        corpus = read_corpus(path, ALL, **json.loads(options))
    except CorpusError as error:
        found = {"error": str(error)}
    else:
        found = {"words": corpus.raw_words, "too_long": corpus.too_long, "distinct": corpus.distinct_words}
    status = Path("/proc/self/status").read_text().splitlines()  # `ru_maxrss` would include the parent's memory
    peak = next(line for line in status if line.startswith("VmHWM"))
    return found | {"peak": 1024 * int(peak.split()[1])}


def interrupted(kind: str, path: str, folder: str, workers: str) -> dict:
    """Read an endless corpus until an interrupt; return when it came and what is left."""
    corpus = (["a", "b"] * 50 for _ in iter(int, 1)) if kind == "generator" else path
    more = {"tokenizer": str.split} if kind == "tokenizer" else {}
    tempfile.tempdir = folder
    try:
        print("ready", flush=True)
        read_corpus(corpus, ALL, workers=int(workers), memory_limit=0, **more)
    except KeyboardInterrupt:
        caught = time.monotonic()
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    return {"at": caught, "threads": threads, "left": names(folder)}


def trained_on_disk(folder: str, schedule: str) -> dict:
    """Train endlessly with a token store in a file of `folder`; return the error."""
    from firth import Word2Vec

    reading.StoreBuilder = lambda memory_limit: StoreBuilder(0, Path(folder))
    rng = np.random.default_rng(0)
    corpus = [[f"w{i}" for i in line] for line in rng.integers(0, 200, (10_000, 10))]
    model = Word2Vec(vector_size=8, epochs=10**4, min_count=1, schedule=schedule, workers=2)
    try:
        model.fit(corpus, progress=False, callbacks=[lambda _: print("ready", flush=True)])
    except CorpusError as error:
        return {"error": str(error)}
    return {}


def read_onto_small_disk(path: str, folder: str, limit: str) -> dict:
    """Read with at most `limit` bytes in any file."""
    tempfile.tempdir = folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        read_corpus(path, ALL, memory_limit=0, workers=2)
    except CorpusError as error:
        return {"error": str(error), "left": names(folder)}
    return {}


def read_everywhere(path: str) -> dict:
    """Read a file in the main thread, in four threads at once, in forked and in spawned processes."""
    prints = [_print_of(path)]
    with ThreadPoolExecutor(4) as pool:
        prints += pool.map(_print_of, [path] * 4)
    for start in ("fork", "spawn"):
        with ProcessPoolExecutor(1, multiprocessing.get_context(start)) as pool:
            prints += pool.map(_print_of, [path] * 2)
    return {"prints": prints}


def _print_of(path: str) -> str:
    with read_corpus(path, Options(min_count=2), workers=2).tokens as tokens:
        return tokens.fingerprint()


def names(folder) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])), flush=True)
