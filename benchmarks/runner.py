"""Runs one program once in a process of its own, and measures its wall time and peak memory from outside."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("contestant.py")


class ChildError(Exception):
    """A child process failed; the message holds what it wrote to standard error."""


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program on a corpus, and its name in the tables."""

    name: str
    program: str
    corpus: Path
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Options of its own, in addition to the shared ones."""
    caches: Path | None = None
    """A folder that keeps compiled code from run to run; None: every run starts with empty caches."""


@dataclasses.dataclass(frozen=True)
class Run:
    """The measurements of one run: seconds, bytes, and raw words per second of training wall time."""

    name: str
    seed: int
    words_per_second: float
    wall_seconds: float
    train_seconds: float
    import_seconds: float
    prepare_seconds: float
    save_seconds: float
    peak_bytes: int
    vocabulary: int
    raw_words_reported: float | None
    vectors: Path

    @property
    def process_seconds(self) -> float:
        """The wall time that the child cannot measure: the interpreter's start and exit."""
        inside = self.train_seconds + self.import_seconds + self.prepare_seconds + self.save_seconds
        return self.wall_seconds - inside


def version(program: str) -> str:
    """Return the version of an installed program; raise `ChildError` if it cannot be loaded."""
    command = [sys.executable, str(CHILD), program, "version"]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        raise ChildError(f"{program} cannot be loaded:\n{child.stderr}")
    return child.stdout.strip()


def run(contestant: Contestant, options: dict[str, Any], workers: int, words: int, folder: Path, seed: int) -> Run:
    """Train `contestant` once, in the empty `folder`, and return the measurements.

    `words` are the raw words of the corpus, the same for every program: the numerator is words x epochs.
    Raises `ChildError` if the child fails or does not train all epochs.
    """
    job = {
        "corpus": str(contestant.corpus),
        "vectors": str(folder / "vectors.bin"),
        "record": str(folder / "record.json"),
        "options": {**options, **contestant.extra, "seed": seed},
        "workers": workers,
    }
    job_file = folder / "job.json"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, str(CHILD), contestant.program, "train", str(job_file)]
    wall, peak = _timed(command, folder, contestant.caches or folder)
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    if record["epochs"] != options["epochs"]:
        raise ChildError(f"{contestant.name} trained {record['epochs']} epochs of {options['epochs']}")
    return Run(
        name=contestant.name,
        seed=seed,
        words_per_second=words * options["epochs"] / record["train_seconds"],
        wall_seconds=wall,
        train_seconds=record["train_seconds"],
        import_seconds=record["import_seconds"],
        prepare_seconds=record["fit_seconds"] - record["train_seconds"],
        save_seconds=record["save_seconds"],
        peak_bytes=peak,
        vocabulary=record["vocabulary"],
        raw_words_reported=record.get("raw_words"),
        vectors=folder / "vectors.bin",
    )


def _timed(command: list[str], folder: Path, caches: Path) -> tuple[float, int]:
    """Run `command`; return its wall time in seconds, start to exit, and its peak resident bytes.

    On Linux the reported peak of a child is at least that of its parent, so this process must stay small: it loads
    neither NumPy nor vectors before the last child has ended.
    """
    errors = folder / "stderr.txt"
    with errors.open("wb") as stderr:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=with_caches(caches))
        with killed_on_error(child):
            peak = peak_bytes(child)
        wall = time.perf_counter() - started
    check_exit(child, command, errors.read_text(encoding="utf-8", errors="replace"))
    return wall, peak


@contextlib.contextmanager
def killed_on_error(child: "subprocess.Popen[Any]") -> Iterator[None]:
    """Kill `child` if the block is interrupted or fails."""
    try:
        yield
    except BaseException:
        child.kill()
        child.wait()
        raise


def peak_bytes(child: "subprocess.Popen[Any]") -> int:
    """Wait for `child`, set its return code, and return its peak resident bytes."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def check_exit(child: "subprocess.Popen[Any]", command: list[str], said: str) -> None:
    """Raise `ChildError` with what `child` wrote, if it failed."""
    if child.returncode:
        raise ChildError(f"exit status {child.returncode} of {' '.join(command)}\n{said}")


def with_caches(folder: Path) -> dict[str, str]:
    """Return an environment in which compiled code is kept in `folder` only."""
    return {
        **os.environ,
        "FIRTH_CACHE_DIR": str(folder / "firth"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
