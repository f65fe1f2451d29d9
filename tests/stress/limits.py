"""What cannot work is refused, and what runs out of memory ends with one line: random options, random limits.

Each seed tries many values for the options, in this process, and one command of `firth` in a child whose address space
may grow by a random size. The child may succeed, or say in one line what is lacking and leave nothing behind; it may
not crash, hang, print a traceback or lose the file that was there.
"""

import dataclasses
import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from firth import KeyedVectors, OptionError, Options
from firth.formats import FORMATS

SEEDS = 300
SECONDS = 120
OPTIONS_A_SEED = 300
TRAINING_ROOM = 500 << 20  # bytes of address space, at most, that a command gets when its libraries are loaded;
LOADING_ROOM = 100 << 20  # where they cannot be loaded, some end the process themselves

FIELDS = {option.name: option for option in dataclasses.fields(Options)}
WRITTEN = [name for name, known in FORMATS.items() if known.write]
OBJECTIVES = (
    ["--schedule", "blocks"],
    ["--schedule", "hogwild"],
    ["--objective", "softmax", "--warm-epochs", "0"],
    ["--objective", "softmax", "--warm-epochs", "1"],
)


class Done(NamedTuple):
    """How a command ended: its exit code, negative for a signal, and its standard error."""

    code: int
    err: str


def run(seed: int, folder: Path) -> dict[str, int]:
    """Try `OPTIONS_A_SEED` options and one command under a limit; return what came of them."""
    random = Random(seed)
    counts = Counter(tried(random) for _ in range(OPTIONS_A_SEED))
    if seed % 2:
        counts[training_under(random.randrange(TRAINING_ROOM), random.choice(OBJECTIVES), folder)] += 1
    else:
        counts[loading_under(random.randrange(LOADING_ROOM), random.choice(WRITTEN), folder)] += 1
    return dict(counts)


def tried(random: Random) -> str:
    """Give some option some value: it must be kept, and survive JSON, or be refused in a short message."""
    name, value = random.choice(list(FIELDS)), hostile(random)
    try:
        options = Options(**{name: value})
    except OptionError as error:
        message = str(error)
    else:
        assert Options.from_dict(json.loads(json.dumps(options.to_dict(), allow_nan=False))) == options, (name, value)
        return "options kept"
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
            whole,
            -whole,
            float("nan"),
            float("inf"),
            -float("inf"),
            real,
            small,
            random.random(),
            True,
            False,
            None,
            str(small),
            str(small).encode(),
            "blocks",
            "softmax",
            "x" * small * 10_000,
            [],
            [small],
            (),
            {},
            set(),
            {small},
            Fraction(small, 7),
            complex(small, 1),
            object(),
            int,
            np.bool_(small % 2),
            np.array(small),
            np.array([small]),
            np.str_(small),
            np.timedelta64(small, "D"),
            random.choice(kinds)(small),
            ...,
        ]
    )


# --- under a limit


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


def firth_under(room: int, *arguments: object, cwd: Path) -> Done:
    """Run a command of `firth` that may take `room` bytes of address space more than its libraries have."""
    command = [sys.executable, "-c", COMMAND, *map(str, (room, *arguments))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=SECONDS, check=False)
    return Done(done.returncode, done.stderr)


def training_under(room: int, objective: list[str], folder: Path) -> str:
    """Train over an old file; return what became of it."""
    (folder / "corpus.txt").write_text("".join(f"the cat {i % 97} sat on {i % 31} mats\n" for i in range(500)))
    old = folder / "model.firth"
    old.write_bytes(b"old")
    flags = ["--vector-size", 8, "--min-count", 1, "--epochs", 1, "--no-progress", "--quiet", *objective]
    done = firth_under(room, "train", "corpus.txt", "-o", old.name, *flags, cwd=folder)
    what = _ended_well(done, folder, {"corpus.txt", old.name}, f"training {objective} in {room >> 20} MiB")
    assert what == "succeeded" or old.read_bytes() == b"old", "the old file is lost"
    assert what == "refused" or KeyedVectors.load(old).vector_size == 8
    return f"trainings {what}"


def loading_under(room: int, name: str, folder: Path) -> str:
    """Convert 12 MB of vectors from one format; return what became of it."""
    source, target = folder / "source", folder / "target.npz"
    keys = [f"word{i}" for i in range(30_000)]
    KeyedVectors(keys, np.ones((30_000, 100), np.float32)).save(source, name)
    target.write_bytes(b"old")
    before = {path.name for path in folder.iterdir()}
    done = firth_under(room, "convert", source, target, cwd=folder)
    what = _ended_well(done, folder, before, f"converting {name} in {room >> 20} MiB")
    assert what == "succeeded" or target.read_bytes() == b"old", "the old file is lost"
    return f"conversions {what}"


def _ended_well(done: Done, folder: Path, names: set[str], what: str) -> str:
    assert done.code in (0, 1), f"{what} ended with {done.code}: {done.err[-2000:]}"
    assert {path.name for path in folder.iterdir()} == names, f"{what} left {sorted(folder.iterdir())}"
    if done.code == 0:
        return "succeeded"
    lines = done.err.splitlines()
    assert len(lines) == 1, f"{what} took more than a line: {done.err[-2000:]}"
    assert lines[0].startswith("firth: "), f"{what}: {done.err[-2000:]}"
    return "refused"
