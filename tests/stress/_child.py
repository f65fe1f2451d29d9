"""Runs Python in child processes: a module of this package prints what it found as its last line, in JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment and `more`, for a child that imports this package."""
    places = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **more}


def run_python(*words: object, seconds: float, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess:
    """Run Python with these arguments, and `more` in its environment, for at most `seconds`."""
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, env=environment(**more), cwd=cwd, capture_output=True, text=True, errors="replace", timeout=seconds
    )


def output_of(code: str, *arguments: object, **more: str) -> str:
    """Run Python code in a process of its own, to its end without an error, and return its output."""
    done = run_python("-c", code, *arguments, seconds=120, **more)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def json_of_child(module: str, *arguments: object, seconds: float, **more: str) -> Any:
    """Run a module to its end and return what it found; death by a signal is a failure."""
    with started(module, *arguments, **more) as process:
        return ended(process, seconds)


@contextmanager
def started(module: str, *arguments: object, stdin: Any = None, **more: str) -> Iterator[subprocess.Popen]:
    """Start a module, with `more` in its environment; it is killed at the end of the block."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment(**more), stdin=stdin, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen, seconds: float) -> Any:
    """Wait for a child and return what it found."""
    output, errors = process.communicate(timeout=seconds)
    lines = output.decode(errors="replace").splitlines()
    assert process.returncode == 0, (
        f"{process.args} ended with status {process.returncode} after {lines[-1:]}: "
        f"{errors.decode(errors='replace')[-3000:]}"
    )
    return json.loads(lines[-1])
