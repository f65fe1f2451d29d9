"""Tests random values of the options, and commands with random memory limits.

Each seed tests many values of the options in this process, and one command of `firth` in a child whose address space
may grow by a random size. The child may succeed, or report in one line that memory is lacking and leave nothing behind;
it must not crash, hang, print a stack trace or lose the old file.
"""

import dataclasses
import json
import math
import pickle
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

import numpy as np

from firth import KeyedVectors, OptionError, Options
from firth.formats import FORMATS
from stress._child import run_python

SEEDS = 300
SECONDS = 120
OPTIONS_A_SEED = 300
TRAINING_ROOM = 500 << 20  # the most bytes of address space of a command, beyond those of its loaded libraries;
LOADING_ROOM = 100 << 20  # some libraries abort the process if they cannot be loaded

FIELDS = {option.name: option for option in dataclasses.fields(Options)}
WRITTEN = [name for name, known in FORMATS.items() if known.write]
OBJECTIVES = (
    ["--schedule", "blocks"],
    ["--schedule", "hogwild"],
    ["--objective", "softmax", "--warm-epochs", "0"],
    ["--objective", "softmax", "--warm-epochs", "1"],
)


def run(seed: int, folder: Path) -> dict[str, int]:
    """Test `OPTIONS_A_SEED` options and one command under a limit; return the counts of the outcomes."""
    random = Random(seed)
    counts = Counter(tried(random.choice(list(FIELDS)), hostile(random)) for _ in range(OPTIONS_A_SEED))
    if seed % 2:
        counts[training_under(random.randrange(TRAINING_ROOM), random.choice(OBJECTIVES), folder)] += 1
    else:
        counts[loading_under(random.randrange(LOADING_ROOM), random.choice(WRITTEN), folder)] += 1
    return dict(counts)


def is_allowed(name: str, value: Any) -> bool:
    """Return whether an option may have a value while the others have their defaults, by its type and its limits."""
    default, limit = FIELDS[name].default, FIELDS[name].metadata
    if isinstance(default, bool):
        return isinstance(value, (bool, np.bool_))
    if isinstance(default, str):
        return isinstance(value, str) and str(value) in limit["choices"]
    if value is None:
        return default is None
    if limit["pair"]:
        return False  # no pairs are tried
    is_real = isinstance(default, float) or limit["kind"] is float
    kinds = (float, Fraction, np.floating, int, np.integer) if is_real else (int, np.integer)
    if not isinstance(value, kinds) or isinstance(value, (bool, np.timedelta64)) or value != value:
        return False
    try:
        number = float(value) if is_real else int(value)
    except OverflowError:
        return False
    above = number > limit["low"] if limit["open_low"] else number >= limit["low"]
    falls = (name != "min_alpha" or number <= Options().alpha) and (name != "alpha" or number >= Options.min_alpha)
    has_noise = name != "negative" or number > 0  # negative sampling needs some
    within = abs(number) < math.inf and (limit["high"] is None or number <= limit["high"])
    return above and falls and has_noise and within


def tried(name: str, value: Any) -> str:
    """Set an option to a value: it must be kept, also by JSON and pickle, or be refused in a short message."""
    try:
        options = Options(**{name: value})
    except OptionError as error:
        message = str(error)
    else:
        assert is_allowed(name, value), (name, value)
        assert Options.from_dict(json.loads(json.dumps(options.to_dict(), allow_nan=False))) == options, (name, value)
        assert pickle.loads(pickle.dumps(options)) == options, (name, value)
        return "options kept"
    assert not is_allowed(name, value), (name, value)
    assert name in message, f"the message does not name {name}: {message}"
    assert len(message) < 600, f"a message of {len(message)} characters about {name}"
    return "options refused"


def hostile(random: Random) -> Any:
    """Return any value at all."""
    magnitude = random.choice([1, 10, 1000, 2**31, 2**63, 2**64, 10**30, 10**400, 10**5000])
    whole = random.randint(-magnitude, magnitude)
    real = random.uniform(-1, 1) * 10 ** random.randint(-320, 308)
    kinds = [np.int8, np.uint8, np.int64, np.uint64, np.float16, np.float32, np.float64, np.longdouble, np.complex64]
    small = random.randrange(100)
    return random.choice(
        [
            whole, -whole, float("nan"), float("inf"), -float("inf"), real, small, random.random(), True, False, None,
            str(small), str(small).encode(), "blocks", "softmax", "x" * small * 10_000, [], [small], (), {}, set(),
            {small}, Fraction(small, 7), complex(small, 1), object(), int, np.bool_(small % 2), np.array(small),
            np.array([small]), np.str_(small), np.timedelta64(small, "D"), random.choice(kinds)(small), ...,
        ]
    )  # fmt: skip


COMMAND = """
import resource, sys
import numpy.random, pyarrow.compute, pyarrow.ipc, pyarrow.parquet, safetensors
import firth.training.registry
from firth.cli import main
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
with open("/proc/self/statm") as sizes:
    space = int(sizes.read().split()[0]) * resource.getpagesize() + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (space, space))
sys.exit(main(sys.argv[2:]))
"""


def firth_under(room: int, *arguments: object, cwd: Path) -> CompletedProcess:
    """Run a command of `firth` that may use `room` bytes of address space in addition to those of its libraries."""
    return run_python("-c", COMMAND, room, *arguments, seconds=SECONDS, cwd=cwd)


def training_under(room: int, objective: list[str], folder: Path) -> str:
    """Train and replace an old file; return the outcome."""
    (folder / "corpus.txt").write_text("".join(f"the cat {i % 97} sat on {i % 31} mats\n" for i in range(500)))
    old = folder / "model.firth"
    old.write_bytes(b"old")
    flags = ["--vector-size", 8, "--min-count", 1, "--epochs", 1, "--no-progress", "--quiet", *objective]
    done = firth_under(room, "train", "corpus.txt", "-o", old.name, *flags, cwd=folder)
    what = _outcome(done, folder, {"corpus.txt", old.name}, f"training {objective} in {room >> 20} MiB")
    assert what == "succeeded" or old.read_bytes() == b"old", "the old file is lost"
    assert what == "refused" or KeyedVectors.load(old).vector_size == 8
    return f"trainings {what}"


def loading_under(room: int, name: str, folder: Path) -> str:
    """Convert 12 MB of vectors from one format; return the outcome."""
    source, target = folder / "source", folder / "target.npz"
    keys = [f"word{i}" for i in range(30_000)]
    KeyedVectors(keys, np.ones((30_000, 100), np.float32)).save(source, name)
    target.write_bytes(b"old")
    before = {path.name for path in folder.iterdir()}
    done = firth_under(room, "convert", source, target, cwd=folder)
    what = _outcome(done, folder, before, f"converting {name} in {room >> 20} MiB")
    assert what == "succeeded" or target.read_bytes() == b"old", "the old file is lost"
    return f"conversions {what}"


def _outcome(done: CompletedProcess, folder: Path, names: set[str], what: str) -> str:
    assert done.returncode in (0, 1), f"{what} ended with {done.returncode}: {done.stderr[-2000:]}"
    assert {path.name for path in folder.iterdir()} == names, f"{what} left {sorted(folder.iterdir())}"
    if done.returncode == 0:
        return "succeeded"
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"{what} printed more than a line: {done.stderr[-2000:]}"
    assert lines[0].startswith("firth: "), f"{what}: {done.stderr[-2000:]}"
    return "refused"
