"""Runs attempts at one training run on the command line, stopped from outside; most in forks of a compiled server.

    python -m stress._attempts serve          reads attempts (JSON lines), forks a process for each, prints its process
                                              id, and its exit status when it has ended
    python -m stress._attempts fresh ATTEMPT  runs one in a process of its own, which still has to compile everything

An attempt is {"words": arguments of the command line, "log": file for its output, "die_at": (number of the system call
that writes to the disk, whether to die before it) or None}.
"""

import contextlib
import functools
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any, NamedTuple

from stress._child import environment

BUCKET_PAIRS = 3_000  # so that a small corpus has several chunks
BATCH = 128
WORDS = 120_000
KINDS = {
    "blocks": ["--schedule", "blocks", "--epochs", "4"],
    "hogwild": ["--schedule", "hogwild", "--epochs", "5"],
    "warm": ["--objective", "softmax", "--warm-epochs", "2", "--epochs", "2"],
    "cold": ["--objective", "softmax", "--warm-epochs", "0", "--epochs", "3"],
}
COMMON = ["--vector-size", "24", "--negative", "5", "--min-count", "12", "--no-progress"]
_COMMAND = [sys.executable, "-m", "stress._attempts"]


def write_corpus(path: Path, words: int = WORDS) -> Path:
    """Write the first words of the standard library's source to a file."""
    lines, n = [], 0
    for source in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for line in source.read_text(errors="replace").splitlines():
            n += len(line.split())
            lines.append(line)
            if n >= words:
                path.write_text("\n".join(lines))
                return path
    raise AssertionError(f"the standard library has only {n} words")


class Place(NamedTuple):
    """The folder in which the attempts at one training run write their files."""

    folder: Path
    kind: str

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def output(self) -> Path:
        return self.folder / "out" / "model.firth"

    def attempt(self, *more: str, workers: int = 2, die_at: tuple[int, bool] | None = None) -> dict[str, Any]:
        """Return an attempt; `more` are arguments."""
        self.output.parent.mkdir(exist_ok=True)
        workers = 1 if self.kind == "hogwild" else workers
        words = ["train", str(corpus()), "-o", str(self.output), *COMMON, *KINDS[self.kind], "--workers", str(workers)]
        return {"words": [*words, *more], "log": str(self.folder / "log"), "die_at": die_at}

    def checkpointed(self, minutes: float, resume: bool, **more: Any) -> dict[str, Any]:
        words = ["--checkpoint", str(self.run), "--checkpoint-minutes", f"{minutes:.9f}"]
        return self.attempt(*words, *["--resume"] * resume, **more)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def wait_until_begun(self) -> None:
        """Wait until the attempt has imported the program and starts it."""
        mark = self.folder / "begun"
        while not mark.exists():
            time.sleep(0.005)
        mark.unlink()

    def digest(self) -> str:
        return hashlib.sha256(self.output.read_bytes()).hexdigest()

    def leftovers(self) -> list[str]:
        """Return the files that must not exist when no attempt is running."""
        found = [path.name for folder in (self.run, self.output.parent) if folder.exists() for path in folder.iterdir()]
        checkpoints = [name for name in found if name.startswith("checkpoint-") and name.endswith(".firth")]
        return [name for name in found if name not in {"model.firth", "lock", *checkpoints}] + sorted(checkpoints)[:-2]

    def finish(self, fresh: bool = False) -> None:
        """Resume to the end, and compare the file with that of an undisturbed run."""
        assert start(self.checkpointed(10.0, True), fresh).wait(180) == 0, self.log()
        assert self.leftovers() == []
        assert self.digest() == reference(self.kind)[0], f"{self.kind}: another file than that of an undisturbed run"


@functools.cache
def _scratch() -> Path:
    """Return a folder shared by all cases, which is removed when this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="firth-attempts-")
    weakref.finalize(write_corpus, folder.cleanup)
    return Path(folder.name)


@functools.cache
def corpus() -> Path:
    return write_corpus(_scratch() / "text.txt")


@functools.cache
def reference(kind: str) -> tuple[str, float]:
    """Return the digest of the file that an undisturbed run writes, and its seconds."""
    folder = _scratch() / kind
    folder.mkdir()
    place = Place(folder, kind)
    running = server().start(place.attempt())
    assert running.wait(120) == 0, place.log()
    return place.digest(), running.seconds


class Running:
    def __init__(self, pid: int, answers: Any, process: Any = None):
        self.pid, self._answers, self._process = pid, answers, process
        self._started, self.seconds = time.monotonic(), 0.0

    def kill(self, number: int) -> None:
        """Send a signal, unless the attempt has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Return the exit status, negative for a signal; raise AssertionError after `seconds`."""
        code = f"import os, time; time.sleep({seconds}); os.kill({self.pid}, 6)"
        watchdog = subprocess.Popen([sys.executable, "-c", code])
        try:
            status = self._process.wait() if self._process else int(self._answers.readline())
        finally:
            watchdog.kill()
            watchdog.wait()
        self.seconds = time.monotonic() - self._started
        assert status != -signal.SIGABRT, f"it did not end within {seconds} s"
        return status


class Server:
    """A process that has compiled all kernels, and forks."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([*_COMMAND, "serve"], stdin=pipe, stdout=pipe, text=True, env=environment())
        weakref.finalize(self, _end, self._process)

    def start(self, attempt: dict[str, Any]) -> Running:
        self._process.stdin.write(json.dumps(attempt) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), self._process.stdout)


def _end(process: Any) -> None:
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


server = functools.cache(Server)


def start(attempt: dict[str, Any], fresh: bool) -> Running:
    """Start an attempt in a fork of the server, or in a process of its own."""
    if not fresh:
        return server().start(attempt)
    process = subprocess.Popen([*_COMMAND, "fresh", json.dumps(attempt)], env=environment())
    return Running(process.pid, None, process)


def pick(rng: random.Random, seed: int) -> tuple[str, bool]:
    """Return the kind of training of a seed, and whether its attempts are fresh processes: one in nine."""
    return list(KINDS)[seed % len(KINDS)], rng.randrange(9) == 0


# --- the child processes


def _prepare() -> None:
    from firth.training.negative_sampling import partition
    from firth.training.softmax import batches

    partition.BUCKET_PAIRS, batches.BATCH = BUCKET_PAIRS, BATCH


def _main(attempt: dict[str, Any]) -> int:
    from firth.cli import main

    log = os.open(attempt["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for number in (1, 2):
        os.dup2(log, number)
    if attempt["die_at"] is not None:
        _die_at(*attempt["die_at"])
    Path(attempt["log"]).with_name("begun").touch()
    sys.argv = ["firth", *attempt["words"]]
    return main()


def _die_at(number: int, before: bool) -> None:
    """Die at the `number`-th call that flushes, renames or deletes a file."""
    calls = [0]

    def wrapped(real: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            calls[0] += 1
            if calls[0] != number:
                return real(*given, **more)
            if not before:
                real(*given, **more)
            return os.kill(os.getpid(), signal.SIGKILL)

        return call

    os.fsync, Path.replace, Path.unlink = map(wrapped, (os.fsync, Path.replace, Path.unlink))


def _serve() -> int:
    """Compile everything by training on little text; then fork for each line. Returns in the forks, and at the end."""
    from firth.cli import main

    with tempfile.TemporaryDirectory(prefix="firth-server-") as folder:
        text = write_corpus(Path(folder) / "text.txt", 3_000)
        for words in KINDS.values():
            output = str(Path(folder) / "model.firth")
            assert main(["train", str(text), "-o", output, *COMMON, "--quiet", *words, "--epochs", "1"]) == 0
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return _main(json.loads(line))
        print(pid, file=answers, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    _prepare()
    sys.exit(_serve() if sys.argv[1] == "serve" else _main(json.loads(sys.argv[2])))
