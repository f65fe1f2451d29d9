"""Measures how fast this machine trains, reads, writes and sends, in some seconds."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from firth.options import Options
from firth.planning.measuring_exchange import measure_exchange
from firth.planning.measuring_training import USUAL, Shape, measured_cores, share_of_making, steps_per_second
from firth.planning.sized_corpus import SENTENCE_WORDS
from firth.planning.speeds import Speeds
from firth.resources import available_cores
from firth.text import read_corpus

_READ_WORDS = 2_000_000
_WRITTEN_BYTES = 2**26


def measure(options: Options, shape: Shape = USUAL, folder: Path | None = None) -> Speeds:
    """Measure the speeds of this machine, for training with these options; it takes some seconds.

    folder  where to measure reading and writing; None: the folder for temporary files

    Raises `OSError` if it cannot write to the folder.
    """
    from llvmlite.binding import get_host_cpu_name

    cores = measured_cores(available_cores())
    alone = steps_per_second(options, shape, 1)
    return Speeds(
        processor=get_host_cpu_name(),
        cores=cores,
        options=options.to_dict(),
        steps=alone if cores == 1 else steps_per_second(options, shape, cores),
        steps_alone=alone,
        making=share_of_making(options, shape),
        read_words=_words_read(folder),
        written_bytes=_bytes_written(folder),
        **measure_exchange(),
    )


def _words_read(folder: Path | None) -> float:
    """Return the words per second that `read_corpus` reads on all cores."""
    words = [f"{number:05x}" for number in range(2**16)]
    ids = (2**16 ** np.random.default_rng(0).random(_READ_WORDS)).astype(int) % 2**16
    lines = [" ".join(words[i] for i in row) for row in ids.reshape(-1, SENTENCE_WORDS).tolist()]
    with tempfile.NamedTemporaryFile(dir=folder, prefix="firth-", suffix=".txt") as file:
        file.write("\n".join(lines).encode())
        file.flush()
        seconds = [_seconds_to_read(file.name) for _ in range(2)]  # the first loads libraries and kernels
    return _READ_WORDS / min(seconds)


def _seconds_to_read(path: str) -> float:
    began = time.perf_counter()
    with read_corpus(path, Options()).tokens:
        return time.perf_counter() - began


def _bytes_written(folder: Path | None) -> float:
    """Return the bytes per second that are written and flushed to the disk."""
    content = np.random.default_rng(0).bytes(_WRITTEN_BYTES)
    with tempfile.TemporaryFile(dir=folder, prefix="firth-") as file:
        began = time.perf_counter()
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return _WRITTEN_BYTES / (time.perf_counter() - began)
