"""Fuzzes one reader: a `Target` defines it, and a child process passes it the inputs that atheris derives from seeds.

An input may be read and used, or refused with one of `REFUSALS`. Anything else is a fault: another exception, more than
`SECONDS`, more memory than twice the input and `SPARE_BYTES`, the death of the process. The folder `faults` beside the
report has one input for each place where a fault occurred.

    python -m stress._fuzzing TARGET SEED INPUTS FOLDER     the child: writes its counts to FOLDER/report.json
"""

import gc
import importlib
import json
import os
import pkgutil
import resource
import sys
import time
import traceback
import tracemalloc
import types
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from firth.errors import FormatError, NotEnoughMemoryError, OptionError

SECONDS = 5
SPARE_BYTES = 64 << 20
LONGEST_INPUT = 4096  # bytes; the default of a target
REFUSALS = (FormatError, OptionError, NotEnoughMemoryError, OSError)
ADDRESS_SPACE = 4 << 30  # bytes; more is a MemoryError, which is a fault


@dataclass(frozen=True)
class Target:
    """One reader under test."""

    seeds: Callable[[], list[bytes]]
    """Makes small valid inputs from which the fuzzer starts, as different as possible."""
    place: Callable[[bytes, Path], Path]
    """Writes an input into the folder, as a file or several, and returns the path to read."""
    use: Callable[[Path], None]
    """Reads, validates and uses the input; raises one of `REFUSALS`, or AssertionError for a wrong result."""
    tokens: tuple[bytes, ...] = ()
    """Bytes that the fuzzer may insert: words of the format's grammar, and numbers at its limits."""
    mutate: Callable[[bytes, Random], bytes] | None = None
    """Changes an input within its grammar, with valid checksums, so that the checks after them are reached."""
    longest: int = LONGEST_INPUT


def named(name: str) -> Callable[[bytes, Path], Path]:
    """Return the `place` of a format of one file."""

    def place(data: bytes, folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return place


class FaultError(AssertionError):
    """A reader did something with an input that it must not do."""


def check(target: Target, data: bytes, folder: Path) -> bool:
    """Pass an input to a target; return whether it was accepted; raise `FaultError` for a fault."""
    path = target.place(data, folder)
    tracemalloc.reset_peak()
    before, started = _resident(), time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.use(path)
        accepted = True
    except REFUSALS as error:
        accepted = False
        if isinstance(error, FormatError) and str(folder) not in str(error):
            raise FaultError(f"the message names no file: {error}") from error
    except Exception as error:
        raise FaultError(f"{type(error).__name__}: {error}") from error
    if (seconds := time.perf_counter() - started) > SECONDS:
        raise FaultError(f"took {seconds:.1f} s")
    # the first includes arrays that were never filled, the second the memory of C libraries
    peak = max(tracemalloc.get_traced_memory()[1], _resident() - before)
    if peak > 2 * len(data) + SPARE_BYTES:
        raise FaultError(f"took {peak:,} bytes for an input of {len(data):,}")
    return accepted


def _resident() -> int:
    """Return the peak of this process's resident memory, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


# --- the child


class _Run:
    """Counts the results of inputs, keeps those that cause a fault, and ends the process after the last."""

    def __init__(self, target: Target, inputs: int, scratch: Path, folder: Path):
        self.target = target
        self.inputs = inputs
        self.scratch = scratch
        self.folder = folder
        self.counts = Counter({"inputs": 0, "accepted": 0, "refused": 0})
        self.faults: dict[str, str] = {}

    def one(self, data: bytes) -> None:
        self.counts["inputs"] += 1
        try:
            self.counts["accepted" if check(self.target, data, self.scratch) else "refused"] += 1
        except FaultError as fault:
            self._keep(fault, data)
        if self.counts["inputs"] == self.inputs:
            report = {"counts": self.counts, "faults": self.faults}
            (self.folder / "report.json").write_text(json.dumps(report))
            os._exit(0)

    def _keep(self, fault: FaultError, data: bytes) -> None:
        frames = traceback.extract_tb(fault.__cause__.__traceback__) if fault.__cause__ else []
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(fault).partition(" ")[0]
        key = f"{type(fault.__cause__).__name__} {where}"
        self.counts["faults"] += 1
        if key not in self.faults:
            path = self.folder / "faults" / f"{len(self.faults)}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            tail = "".join(traceback.format_exception(fault)[-12:])
            self.faults[key] = f"{path}: {data[:2000]!r}\n{tail}"


def _instrument(modules: tuple[str, ...] = ("firth.formats",)) -> None:
    """Report the branches that an input takes in these packages to the fuzzer."""
    import atheris

    for name in modules:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{name}.{module.name}")
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType) and (function.__module__ or "").startswith(modules):
            atheris.instrument_func(function)


def main() -> None:
    """Fuzz one target with one seed; see the module's docstring."""
    import atheris

    from stress.fuzz import TARGETS

    name, seed, inputs, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    target = TARGETS[name]
    scratch, corpus, words = folder / "scratch", folder / "corpus", folder / "words"
    for made in (scratch, corpus):
        made.mkdir()
    for index, data in enumerate(target.seeds()):
        if not check(target, data, scratch):  # also imports and compiles, outside the limits of an input
            raise AssertionError(f"seed {index} of {name} is refused: seeds must be valid")
        (corpus / str(index)).write_bytes(data)
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens))
    _instrument()
    os.fsync = lambda descriptor: None  # it would take most of the time
    tracemalloc.start()
    run = _Run(target, inputs, scratch, folder)
    arguments = [name, f"-seed={seed + 1}", f"-timeout={SECONDS}", f"-max_len={target.longest}", "-rss_limit_mb=2048"]
    arguments += [f"-dict={words}", f"-artifact_prefix={folder}/died-", "-use_value_profile=1", str(corpus)]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    atheris.Setup(arguments, run.one, custom_mutator=_by_turns(target))
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    """Return a token as libFuzzer's dictionaries write it."""
    return "".join(f"\\x{byte:02x}" for byte in token)


def _by_turns(target: Target) -> Callable[[bytes, int, int], bytes]:
    """Return a mutator: half of the changes are libFuzzer's, a quarter the target's, a quarter the target's to a seed.

    Without the last nearly all inputs would be refused, because libFuzzer continues from inputs refused in a new way.
    """
    import atheris

    seeds = target.seeds()

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        if target.mutate is None or random.randrange(2):
            mutated: bytes = atheris.Mutate(data, longest)
            return mutated
        return target.mutate(random.choice(seeds) if random.randrange(2) else data, random)[:longest]

    return mutate


if __name__ == "__main__":
    main()
