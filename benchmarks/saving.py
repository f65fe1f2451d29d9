"""Times saving and loading firth's own file, in turn with plain writing and reading of as many bytes.

    python benchmarks/saving.py [--rows 945577] [--size 100] [--rounds 3] [--folder /tmp]

A file has random center and outside vectors, words and counts. Plain writing is a loop of `write`, then `fsync` and a
rename over the file before, as a save does. Every loading has a process of its own, because first access to new memory
is a large part of it; the libraries are imported before.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firth.formats.native import write_native

PART = 4 << 20
LOAD = """
import sys, time
import numpy, safetensors
import firth.model, firth.formats.native
path = sys.argv[1]
started = time.perf_counter()
{statement}
print(time.perf_counter() - started)
"""
STATEMENTS = {"firth.load": "firth.load(path)", "plain reading": "numpy.fromfile(path, numpy.uint8)"}


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def write_plainly(path: Path, content: memoryview) -> None:
    """Write bytes to a new file, flush them to the disk, and rename it to `path`."""
    new = path.with_suffix(".new")
    with new.open("wb", buffering=0) as file:
        for start in range(0, len(content), PART):
            file.write(content[start : start + PART])
        os.fsync(file.fileno())
    new.replace(path)


def save_times(folder: Path, rows: int, size: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of saving, and of plain writing of the same bytes."""
    rng = np.random.default_rng(1)
    center, outside = (rng.standard_normal((rows, size), dtype=np.float32) for _ in range(2))
    keys = [f"단어{number}" for number in range(rows)]
    counts = np.arange(rows, 0, -1)
    times: dict[str, list[float]] = {"saving": [], "plain writing": []}

    def save() -> None:
        write_native(folder / "model.firth", keys=keys, center=center, outside=outside, counts=counts)

    save()  # so that every save replaces a file
    content = memoryview((folder / "model.firth").read_bytes())
    for _ in range(rounds):
        times["saving"].append(seconds(save))
        times["plain writing"].append(seconds(lambda: write_plainly(folder / "plain", content)))
    return times


def load_times(path: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of loading, and of plain reading."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            command = [sys.executable, "-c", LOAD.format(statement=statement), str(path)]
            times[name].append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return times


def main() -> int:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=945_577, help="words (default: %(default)s)")
    parser.add_argument("--size", type=int, default=100, help="numbers in each vector (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="folder for the files (default: the system's temporary folder)")
    arguments = parser.parse_args()
    for name in ("rows", "size", "rounds"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: give an integer of at least 1")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        times = save_times(folder, arguments.rows, arguments.size, arguments.rounds)
        times |= load_times(folder / "model.firth", arguments.rounds)
        print(
            f"{(folder / 'model.firth').stat().st_size / 1e6:,.0f} MB, median of {arguments.rounds} (least..greatest)"
        )
    for what, taken in times.items():
        print(f"{what:14} {statistics.median(taken):.2f} s ({min(taken):.2f}..{max(taken):.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
