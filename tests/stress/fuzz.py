"""Fuzzes every reader with a million malformed files, guided by coverage.

Each seed tests one target, in turn, with inputs derived from valid files in a new corpus; see `stress._fuzzing`.
"""

import json
from pathlib import Path

from stress import _fuzz_tables, _targets
from stress._child import run_python
from stress._fuzzing import Target

TARGETS: dict[str, Target] = {**_targets.TARGETS, **_fuzz_tables.TARGETS}
"""Every reader, by its name."""

INPUTS = 10_000
SEEDS = 105
_PATIENCE = 1800  # seconds


def run(seed: int, folder: Path, inputs: int = INPUTS) -> dict[str, int]:
    """Fuzz target number seed mod their number; raises AssertionError with the inputs that cause a failure."""
    names = list(TARGETS)
    return fuzz(names[seed % len(names)], seed, folder, inputs)


def fuzz(name: str, seed: int, folder: Path, inputs: int) -> dict[str, int]:
    # without compilation an index out of range is an IndexError, and the fuzzer observes the branches
    words = ("-m", "stress._fuzzing", name, seed, inputs, folder)
    child = run_python(*words, seconds=_PATIENCE, NUMBA_DISABLE_JIT="1")
    died = [f"{path.name}: {path.read_bytes()!r}" for path in folder.glob("died-*")]
    tail = (child.stdout + child.stderr)[-3000:]
    assert (child.returncode, died) == (0, []), f"{name}: exit status {child.returncode}\n{died}\n{tail}"
    report = json.loads((folder / "report.json").read_text())
    assert not report["faults"], f"{name}:\n" + "\n".join(report["faults"].values())
    return {**report["counts"], f"inputs of {name}": report["counts"]["inputs"]}
