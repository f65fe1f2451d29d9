"""Runs programs by their commands (`firth train`, word2vec.c, fastText, pWord2Vec) and times them by what they print.

The other programs do not report seconds, but all show their progress while they train: what comes before the first
such line is reading, what comes after the last is saving. They write to a pseudo-terminal, so that every line is seen
when it is printed. Two of them limit paths to 100 bytes: they run in the folder of the run, with file names alone.
"""

import contextlib
import dataclasses
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from runner import ChildError, Run, check_exit, killed_on_error, peak_bytes, with_caches

CORPUS, VECTORS = "corpus.txt", "vectors"
KEPT_BYTES = 10_000
"""The end of the output that is kept for an error message."""

Flags = dict[str, Any]


class Command(NamedTuple):
    """A program that is run by its command."""

    name: str
    start: tuple[str, ...]
    """The arguments before the flags."""
    flags: Callable[[dict[str, Any], int], Flags]
    """Makes the flags of the shared options and the number of threads."""
    written: str
    """The file of vectors, whose first line has their number and size."""
    differences: str
    progress: re.Pattern[bytes] = re.compile(rb"Progress")
    """A line that is printed again and again during training, and not before or after it."""

    @property
    def option(self) -> str:
        """The option of the command line that gives the binary; in capitals, the environment variable."""
        return self.name.removesuffix(".c").lower()


@dataclasses.dataclass(frozen=True)
class CommandContestant:
    """A program, its binary and a corpus."""

    command: Command
    binary: Path
    corpus: Path
    caches: Path | None = None
    """A folder that keeps compiled code from run to run; None: every run starts with empty caches."""

    @property
    def name(self) -> str:
        """The name in the tables."""
        return self.command.name


class Watched(NamedTuple):
    """A finished process: seconds since its start, and peak resident bytes."""

    first_progress: float
    last_progress: float
    wall: float
    peak: int


def _word2vec_flags(options: dict[str, Any], threads: int) -> Flags:
    return {
        "-train": CORPUS,
        "-output": f"{VECTORS}.bin",
        "-size": options["vector_size"],
        "-window": options["window"],
        "-negative": options["negative"],
        "-sample": options["sample"],
        "-min-count": options["min_count"],
        "-iter": options["epochs"],
        "-alpha": options["alpha"],
        "-threads": threads,
        "-binary": 1,
        "-debug": 2,
    }


def _skip_gram_flags(options: dict[str, Any], threads: int) -> Flags:
    return _word2vec_flags(options, threads) | {"-cbow": 0, "-hs": 0}


def _fasttext_flags(options: dict[str, Any], threads: int) -> Flags:
    shortest, longest = options.get("subwords") or (0, 0)
    return {
        "-input": CORPUS,
        "-output": VECTORS,
        "-dim": options["vector_size"],
        "-ws": options["window"],
        "-neg": options["negative"],
        "-t": options["sample"],
        "-minCount": options["min_count"],
        "-epoch": options["epochs"],
        "-lr": options["alpha"],
        "-thread": threads,
        "-loss": "ns",
        "-minn": shortest,
        "-maxn": longest,
        **({"-bucket": options["buckets"]} if longest else {}),
        "-verbose": 2,
    }


def _firth_flags(options: dict[str, Any], threads: int) -> Flags:
    shared = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    return {"--output": f"{VECTORS}.bin", "--workers": threads, **shared}


FIRTH = Command(
    "firth train",
    ("-m", "firth", "train", CORPUS),
    _firth_flags,
    f"{VECTORS}.bin",
    "the command, which shows its progress; default schedule",
    re.compile(rb"training .*%"),
)
FASTTEXT = Command(
    "fastText",
    ("skipgram",),
    _fasttext_flags,
    f"{VECTORS}.vec",
    "without subwords; reads the text again in every epoch; cuts lines at 1,024 words; draws noise words in "
    "proportion to the square root of the count; the learning rate falls to 0; saves a model, and vectors as text",
)
OTHERS = [
    Command(
        "word2vec.c",
        (),
        _skip_gram_flags,
        f"{VECTORS}.bin",
        "reads the text again in every epoch; cuts lines at 1,000 words; the learning rate falls to 0.0001 of its "
        "start",
    ),
    FASTTEXT,
    Command(
        "pWord2Vec",
        (),
        _word2vec_flags,
        f"{VECTORS}.bin",
        "the words of a window share their noise words; reads the text twice before training; cuts lines at 1,000 "
        "words; the learning rate falls to 0.0001 of its start",
    ),
]
"""Programs of which the user gives the binary."""


def run_command(
    contestant: CommandContestant, options: dict[str, Any], workers: int, words: int, folder: Path, seed: int
) -> Run:
    """Train `contestant` once, in the empty `folder`, and return the measurements, as `runner.run` does.

    The seed is recorded only: every program has a seed of its own. Raises `ChildError` if the program fails.
    """
    command = contestant.command
    (folder / CORPUS).symlink_to(contestant.corpus)
    flags = command.flags(options, workers)
    line = [str(contestant.binary), *command.start, *(str(part) for pair in flags.items() for part in pair)]
    watched = _watch(line, folder, with_caches(contestant.caches or folder), command.progress)
    training = watched.last_progress - watched.first_progress
    return Run(
        name=command.name,
        seed=seed,
        words_per_second=words * options["epochs"] / training if training else float("nan"),
        wall_seconds=watched.wall,
        train_seconds=training,
        import_seconds=0.0,
        prepare_seconds=watched.first_progress,
        save_seconds=watched.wall - watched.last_progress,
        peak_bytes=watched.peak,
        vocabulary=_vocabulary(folder / command.written, options["vector_size"]),
        raw_words_reported=None,
        vectors=folder / command.written,
    )


def _watch(command: list[str], folder: Path, environment: dict[str, str], progress: re.Pattern[bytes]) -> Watched:
    """Run `command` in `folder`, and note when it prints its progress; raise `ChildError` if it does not."""
    terminal, its_end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as output:
        started = time.perf_counter()
        try:
            child = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=its_end, stderr=its_end
            )
        finally:
            os.close(its_end)
        with killed_on_error(child):
            times, said = _read(output, progress)
            peak = peak_bytes(child)
    wall = time.perf_counter() - started
    check_exit(child, command, said)
    if not times:
        raise ChildError(f"{' '.join(command)} printed no progress:\n{said}")
    return Watched(times[0] - started, times[-1] - started, wall, peak)


def _read(output: IO[bytes], progress: re.Pattern[bytes]) -> tuple[list[float], str]:
    """Read to the end; return the times at which progress was printed, and the last of the output."""
    times: list[float] = []
    said = b""
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
        while part := output.read(1 << 16):
            if progress.search(part):
                times.append(time.perf_counter())
            said = (said + part)[-KEPT_BYTES:]
    return times, said.decode(errors="replace").replace("\r", "\n")


def _vocabulary(vectors: Path, vector_size: int) -> int:
    """Return the number of vectors of a word2vec file; raise `ChildError` if its first line is wrong."""
    try:
        with vectors.open("rb") as file:
            words, size = map(int, file.readline(100).split())
    except (OSError, ValueError) as error:
        raise ChildError(f"{vectors}: no vectors: {error}") from None
    if size != vector_size:
        raise ChildError(f"{vectors}: vectors of {size} numbers instead of {vector_size}")
    return words
