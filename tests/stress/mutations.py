"""Removes guards from a copy of the source, one at a time: the tests of each must then fail, and only then."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from stress._child import run_python

ROOT = Path(__file__).parents[2]


class Mutation(NamedTuple):
    """A guard, its text in a file of src/firth, the text without it, and the tests that must then fail."""

    guard: str
    file: str
    text: str
    without: str
    tests: str


MUTATIONS = [
    Mutation("the bytes are flushed to the disk before the rename", "atomic.py",
             "os.fsync(self.file.fileno())", "self.file.fileno()", "formats/test_atomic.py"),
    Mutation("a file is renamed into place, not written there", "atomic.py",
             "self.temporary.replace(self.target)", "shutil.copyfile(self.temporary, self.target)",
             "formats/test_atomic.py"),
    Mutation("ids are in the vocabulary", "training/guards.py", "tokens.min() < END or tokens.max() >= V", "False",
             "training/test_guards.py::test_ids_outside_the_vocabulary_never_reach_a_kernel"),
    Mutation("a tensor has the checksum stored with it", "formats/sealed.py",
             "_crc32(array) != self._checks.get(name)", "False", "formats/test_native.py"),
    Mutation("a training run is resumed with the same options, corpus and versions", "training/loop/checkpoint.py",
             "if differing:", "if False:", "training/loop/test_checkpoint.py"),
    Mutation("a folder of checkpoints is used by one training run at a time", "training/loop/checkpoint.py",
             "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)", "fcntl.LOCK_EX", "training/loop/test_checkpoint.py"),
]  # fmt: skip
SEEDS = len(MUTATIONS)


def run(seed: int, folder: Path) -> dict[str, int]:
    """Run the tests of guard number `seed`, on the source as it is and without the guard."""
    mutation = MUTATIONS[seed % SEEDS]
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    assert _tests_pass(mutation, folder), f"{mutation.tests} fails on the source as it is"
    file = folder / "src/firth" / mutation.file
    source = file.read_text()
    assert source.count(mutation.text) == 1, f"{mutation.text!r} is not once in {mutation.file}: update the table"
    file.write_text(source.replace(mutation.text, mutation.without))
    assert not _tests_pass(mutation, folder), f"{mutation.tests} passes without this guard: {mutation.guard}"
    return {"guards": 1, "caught by its tests": 1}


def _tests_pass(mutation: Mutation, folder: Path) -> bool:
    """Run the tests, in this folder's copy of the source, until the first failure."""
    words = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", ROOT / "tests" / mutation.tests)
    path = os.pathsep.join([str(folder / "src"), str(ROOT / "tests")])
    done = run_python(*words, seconds=600, cwd=ROOT, PYTHONPATH=path)
    output = done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode in (0, 1), f"pytest ended with {done.returncode}:\n{output}"
    return done.returncode == 0
