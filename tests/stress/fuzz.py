"""A million malformed files: every reader, fuzzed with coverage as its guide.

Each seed feeds one target, in turn, with inputs grown from valid files in a corpus made anew; see `stress._fuzzing`.
"""

import json
import subprocess
import sys
from pathlib import Path

from stress import _fuzz_tables, _targets
from stress._child import environment
from stress._fuzzing import Target

TARGETS: dict[str, Target] = {**_targets.TARGETS, **_fuzz_tables.TARGETS}
"""Every reader by its name. Those of other formats are in modules of their own, made like `stress._targets`."""

INPUTS = 10_000
SEEDS = 105
_PATIENCE = 1800  # seconds


def run(seed: int, folder: Path, inputs: int = INPUTS) -> dict[str, int]:
    """Fuzz target number seed mod their number; raises AssertionError with the inputs that show a fault."""
    names = list(TARGETS)
    return fuzz(names[seed % len(names)], seed, folder, inputs)


def fuzz(name: str, seed: int, folder: Path, inputs: int) -> dict[str, int]:
    """Fuzz one target in a child process."""
    # without compilation an index out of range is an IndexError, and the fuzzer sees the branches
    python = environment(NUMBA_DISABLE_JIT="1")
    command = [sys.executable, "-m", "stress._fuzzing", name, str(seed), str(inputs), str(folder)]
    with (folder / "log").open("wb") as log:
        child = subprocess.run(command, env=python, stdout=log, stderr=log, timeout=_PATIENCE, check=False)
    died = [f"{path.name}: {path.read_bytes()!r}" for path in folder.glob("died-*")]
    tail = (folder / "log").read_text(errors="replace")[-3000:]
    assert (child.returncode, died) == (0, []), f"{name}: exit status {child.returncode}\n{died}\n{tail}"
    report = json.loads((folder / "report.json").read_text())
    assert not report["faults"], f"{name}:\n" + "\n".join(report["faults"].values())
    return {**report["counts"], f"inputs of {name}": report["counts"]["inputs"]}
