"""Defines what the campaign of saves saves, what a folder may hold after a fault, and the child process that saves.

    python -m stress._saving save KIND TARGET SOURCE GENERATION [LARGEST]   one save, perhaps with a limited file size
    python -m stress._saving kills KIND FOLDER                              a save killed at each call; counts as JSON
    python -m stress._saving full KIND FOLDER KIB                           a save on a file system of that size
    python -m stress._saving race KIND FOLDER                               many saves at once, with readers

It imports only what saving needs, so that a run takes a fraction of a second.
"""

import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import firth
from firth.atomic import TEMPORARY_SUFFIX, _File
from firth.errors import FirthError
from firth.formats import write_vectors
from firth.formats.native import write_native

WORDS, NUMBERS = 300, 16


class Kind(NamedTuple):
    """One way to save; `last` is the file without which readers reject a set of several files."""

    target: str
    save: Callable[[Path, Path, int], None]  # target, a saved model, generation of vectors
    last: str | None = None
    has_old: bool = True


def content(generation: int):
    """Return keys, vectors and counts of the old (0) or the new (1) generation, of equal shapes."""
    rng = np.random.default_rng(generation)
    keys = [f"{word:x}-{generation}" for word in range(WORDS)]
    return keys, rng.normal(size=(WORDS, NUMBERS)).astype(np.float32), rng.integers(1, 99, WORDS)


def write_source(path: Path, generation: int) -> Path:
    keys, vectors, counts = content(generation)
    options = firth.Options(vector_size=NUMBERS).to_dict()
    write_native(path, keys=keys, center=vectors, outside=-vectors, counts=counts, options=options, history=[])
    return path


def _as(name: str | None, **options):
    def save(target: Path, source: Path, generation: int) -> None:
        keys, vectors, counts = content(generation)
        own = {option: target.with_name(value) for option, value in options.items()}
        write_vectors(target, name, keys, vectors, counts, **own)

    return save


def _keyed(target: Path, source: Path, generation: int) -> None:
    firth.KeyedVectors.trusted(*content(generation)).save(target)


def _model(target: Path, source: Path, generation: int) -> None:
    firth.load(source).save(target)


def _convert(target: Path, source: Path, generation: int) -> None:
    from firth.cli import main

    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
        code = main(["convert", str(source), str(target)])
    if code != 0:
        raise FirthError(errors.getvalue().rstrip())


KINDS = {
    "keyed": Kind("v.firth", _keyed),
    "model": Kind("m.firth", _model),
    "convert": Kind("v.txt", _convert),
    "link": Kind("link", _keyed),
    "binary": Kind("v.bin", _as(None)),
    "gzip": Kind("v.txt.gz", _as(None)),
    "zstd": Kind("v.txt.zst", _as(None)),
    "xz": Kind("v.txt.xz", _as(None)),
    "npz": Kind("v.npz", _as(None)),
    "safetensors": Kind("v.safetensors", _as("safetensors")),
    "arrow": Kind("v.arrow", _as(None)),
    "parquet": Kind("v.parquet", _as(None)),
    "counts": Kind("v.txt", _as(None, fvocab="vocab"), last="vocab"),
    "projector": Kind("v", _as("projector"), last="v_metadata.tsv"),
    "new-folder": Kind("hub", _as("huggingface"), has_old=False),
    "folder": Kind("hub", _as("huggingface"), last="hub/tokenizer.json"),
}


# --- what a folder may hold


class Case:
    """A folder in which one kind of save meets faults, and the two states allowed after each."""

    def __init__(self, name: str, folder: Path):
        self.name = name
        self.kind = KINDS[name]
        self.folder = folder / "saved"
        self.target = self.folder / self.kind.target
        self.source = write_source(folder / "source.firth", 1)
        self.prepare()
        self.old = tree(self.folder)
        self.save()
        self.new = tree(self.folder)
        assert self.old != self.new

    def prepare(self) -> None:
        """Empty the folder, and write the old generation into it."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        if self.name == "link":
            (self.folder / "there").mkdir()
            self.target.symlink_to("there/file")
        if self.kind.has_old:
            needs_source = self.name in ("model", "convert")
            source = write_source(self.folder.with_name("old.firth"), 0) if needs_source else self.source
            self.kind.save(self.target, source, 0)

    def save(self) -> None:
        self.kind.save(self.target, self.source, 1)

    def judge(self, found: dict[str, bytes] | None = None) -> str:
        """Return "old", "new" or, for a set without its last file, "cut"; any other state is an AssertionError."""
        found = tree(self.folder) if found is None else found
        if found == self.old:
            return "old"
        if found == self.new or self._is_streamed_zip(found):
            return "new"
        last, sizes = self.kind.last, {name: len(data) for name, data in found.items()}
        wholes = all(data in (self.old.get(name), self.new.get(name)) for name, data in found.items())
        assert last is not None, f"{self.name}: neither old nor new: {sizes}"
        assert last not in found, f"{self.name}: a mixture: {sizes}"
        assert wholes, f"{self.name}: a file is neither old nor new: {sizes}"
        return "cut"

    def _is_streamed_zip(self, found: dict[str, bytes]) -> bool:
        """Return whether this is the new .npz as zipfile writes it after a failed seek, with sizes after the data."""
        if self.name != "npz" or found.keys() != self.new.keys():
            return False
        try:
            read = [np.load(io.BytesIO(state[self.kind.target])) for state in (found, self.new)]
            return all(np.array_equal(read[0][name], read[1][name]) for name in read[1].files)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return False

    def save_again(self) -> None:
        """Save once more without a fault: everything is new, and nothing is left over."""
        self.save()
        assert self.judge() == "new"
        assert leftovers(self.folder) == []


def tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file and the target of every link, by name, without temporary files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.endswith(TEMPORARY_SUFFIX) for part in name.parts):
            continue
        if path.is_symlink():
            found[str(name)] = os.fsencode(path.readlink())
        elif path.is_file():
            found[str(name)] = path.read_bytes()
    return found


def leftovers(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(f"*{TEMPORARY_SUFFIX}"))


# --- faults within a process, without strace

# The functions of `os`, and the methods of its file, with which a save changes something
CHANGES = ["open", "dup", "close", "fsync", "replace", "unlink", "mkdir", "rmdir", "chmod"]
FILE = ["file.write", "file.close"]
LOOKS = ["stat", "lstat", "scandir", "readlink"]  # functions of `os` that read something: they can fail too


@contextmanager
def interposed(names: list[str], before: Callable[[str, int, Any], None]) -> Iterator[None]:
    """Call `before(name, number from 1, first argument)` before each call of these functions and methods."""
    numbers = count(1)

    def wrapped(name: str, real: Callable) -> Callable:
        def call(*arguments, **options):
            before(name, next(numbers), arguments[0])
            return real(*arguments, **options)

        return call

    with ExitStack() as undo:
        for name in names:
            place, attribute = (_File, name.removeprefix("file.")) if name in FILE else (os, name)
            real = getattr(place, attribute)
            undo.callback(setattr, place, attribute, real)
            setattr(place, attribute, wrapped(name, real))
        yield


def killed_at_each_call(case: Case) -> dict[str, int]:
    """Kill a forked writer before its first call, its second, and so on to the end; return counts of the states."""
    counts: Counter[str] = Counter()
    for number in count(1):
        case.prepare()
        if not _is_killed(case, number):
            break
        counts["kills"] += 1
        counts[case.judge()] += 1
        counts["leftovers"] += len(leftovers(case.folder))
        case.save_again()
    return dict(counts)


def _is_killed(case: Case, number: int) -> bool:
    def kill(name: str, called: int, argument: Any) -> None:
        if called == number:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        with suppress(BaseException), interposed(CHANGES + FILE, kill):
            case.save()
            os._exit(0)
        os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"the writer ended with status {status}"
    return status == signal.SIGKILL


# --- the child process


def command(*words: object) -> list[str]:
    """Return the command that runs this module in the interpreter itself, without shell wrappers."""
    return [os.path.realpath(sys.executable), "-S", "-m", "stress._saving", *map(str, words)]


def run_child(words: list[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run such a process to its end, in an environment in which every run makes the same system calls."""
    # `-S` disables the hook by which an editable install is found
    places = [Path(__file__).parents[1], Path(firth.__file__).parents[1], *filter(None, sys.path)]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    python = {"PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, env=kept | python, capture_output=True, text=True, timeout=timeout)


def _save(name: str, target: str, source: str, generation: str, largest: str = "") -> int:
    if largest:
        sys.dont_write_bytecode = True  # Python 3.11 would later load a compiled module that was cut by the limit
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), resource.RLIM_INFINITY))
    try:
        KINDS[name].save(Path(target), Path(source), int(generation))
    except (OSError, FirthError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _kills(name: str, folder: str) -> int:
    print(json.dumps(killed_at_each_call(Case(name, Path(folder)))))
    return 0


def _full(name: str, folder: str, kibibytes: str) -> int:
    """Save on a file system that may have no room for the new file beside the old one; needs its own namespace."""
    place = Path(folder)
    case = Case(name, place)
    case.prepare()
    old = place / "kept"
    shutil.move(case.folder, old)
    case.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "none", str(case.folder)], check=True)
    try:
        shutil.copytree(old, case.folder, symlinks=True, dirs_exist_ok=True)
    except (OSError, shutil.Error):
        return 3  # there is no room for the old file
    code = _save(name, str(case.target), str(case.source), "1")
    state = case.judge()
    assert state == ("new" if code == 0 else "old"), f"{name}: exit code {code}, but the state is {state}"
    assert leftovers(case.folder) == []
    return code


def _race(name: str, folder: str) -> int:
    """Save the old and the new generation repeatedly in several processes, while others read."""
    case = Case(name, Path(folder))
    case.prepare()
    wholes = {case.old[case.kind.target], case.new[case.kind.target]}
    done = case.folder.with_name("done")

    def write() -> None:
        for number in range(12):
            case.kind.save(case.target, case.source, number % 2)

    def read() -> None:
        while not done.exists():
            assert case.target.read_bytes() in wholes

    context = multiprocessing.get_context("fork")
    writers, readers = ([context.Process(target=work) for _ in range(n)] for work, n in ((write, 8), (read, 4)))
    for process in [*writers, *readers]:
        process.start()
    for process in writers:
        process.join()
    done.touch()
    for process in readers:
        process.join()
    assert {process.exitcode for process in [*writers, *readers]} == {0}
    assert leftovers(case.folder) == []
    assert case.judge() in ("old", "new")
    return 0


if __name__ == "__main__":
    sys.exit({"save": _save, "kills": _kills, "full": _full, "race": _race}[sys.argv[1]](*sys.argv[2:]))
