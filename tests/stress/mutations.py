"""Take the guards out of a copy of the source, one at a time: the tests beside each must then fail, and only then.

A guard whose tests pass without it guards nothing that is tested.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Mutation(NamedTuple):
    """A guard, the text in a file of src/firth that is it, what is put in its place, and the tests that need it."""

    guard: str
    file: str
    text: str
    without: str
    tests: str


MUTATIONS = [
    Mutation(
        "the bytes are forced to the disk before the name is moved",
        "formats/atomic.py",
        "os.fsync(self.file.fileno())",
        "self.file.fileno()",
        "formats/test_atomic.py",
    ),
    Mutation(
        "a file is moved into place, and not written there",
        "formats/atomic.py",
        "self.temporary.replace(self.target)",
        "shutil.copyfile(self.temporary, self.target)",
        "formats/test_atomic.py",
    ),
    Mutation(
        "ids are in the vocabulary",
        "training/guards.py",
        "tokens.min() < END or tokens.max() >= V",
        "False",
        "training/test_trainer.py::test_ids_outside_the_vocabulary_never_reach_a_kernel",
    ),
    Mutation(
        "a tensor has the checksum that was stored with it",
        "formats/sealed.py",
        "_crc32(array) != self._checks.get(name)",
        "False",
        "formats/test_native.py",
    ),
    Mutation(
        "a training goes on with the options, corpus and versions it began with",
        "training/loop/checkpoint.py",
        "if differing:",
        "if False:",
        "training/test_checkpoint.py",
    ),
    Mutation(
        "a folder of checkpoints is used by one training at a time",
        "training/loop/checkpoint.py",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.LOCK_EX",
        "training/test_checkpoint.py",
    ),
]
SEEDS = len(MUTATIONS)


def run(seed: int, folder: Path) -> dict[str, int]:
    """Take out guard number `seed` and run its tests, on the source as it is and without the guard."""
    mutation = MUTATIONS[seed % SEEDS]
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    assert _tests_pass(mutation, folder), f"{mutation.tests} fails on the source as it is"
    _take_out(mutation, folder / "src/firth" / mutation.file)
    assert not _tests_pass(mutation, folder), f"{mutation.tests} passes without this guard: {mutation.guard}"
    return {"guards": 1, "caught by its tests": 1}


def _take_out(mutation: Mutation, file: Path) -> None:
    source = file.read_text()
    assert source.count(mutation.text) == 1, (
        f"{mutation.text!r} is not once in {mutation.file}: bring the table up to date"
    )
    file.write_text(source.replace(mutation.text, mutation.without))


def _tests_pass(mutation: Mutation, folder: Path) -> bool:
    """Run the tests, in this folder's copy of the source, until the first failure."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(ROOT / "tests")])}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests" / mutation.tests),
    ]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode in (0, 1), (
        f"pytest ended with {result.returncode}:\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    )
    return result.returncode == 0
