"""Damages entries of the kernel cache: no damaged, foreign or outdated entry may be loaded, and none may stop a start.

Each seed damages the entry of a compiled kernel in many ways and loads it. Every tenth load is a whole start: a new
dispatcher, which must compute the right result, by loading a sound entry or by compiling.
"""

import os
import shutil
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from firth.compiling import cache
from firth.compiling.kernel import kernel

SEEDS = 100
LOADS = 1000  # of a seed
STARTS = 10  # of a seed: whole starts


def make_kernel(factor: int) -> Any:
    """Return a kernel that multiplies by a constant of its closure."""

    @kernel()
    def scaled(x):
        return factor * x

    return scaled


def run(seed: int, folder: Path) -> dict[str, int]:
    """Damage one entry `LOADS` times; return the counts of the outcomes."""
    random, entries = Random(seed), folder / "cache"
    with mock.patch.dict(os.environ, FIRTH_CACHE_DIR=str(entries)):
        ours, other = make_kernel(2), make_kernel(3)
        assert (ours(21), other(21)) == (42, 63)
        entry, foreign = (entries / f"{each.entry(('q',))}.kernel" for each in (ours, other))
        sound = entry.read_bytes()
        counts: Counter[str] = Counter()
        for _ in range(LOADS):
            damage(random, entry, sound, foreign)
            assert cache.read(entry.stem) is None, "a damaged entry was loaded"
            counts["damaged entries not loaded"] += 1
        for number in range(STARTS):
            damage(random, entry, sound, foreign, how=number if number < 3 else None)
            assert make_kernel(2)(21) == 42
            counts["starts with a damaged entry"] += 1
            assert make_kernel(2)(21) == 42
            counts["starts with a new entry"] += 1
    return dict(counts)


def damage(random: Random, entry: Path, sound: bytes, foreign: Path, how: int | None = None) -> None:
    """Replace the entry by something that is not it; `how` chooses the kind of damage."""
    if entry.is_dir():
        shutil.rmtree(entry)
    entry.unlink(missing_ok=True)
    how = random.randrange(100) if how is None else how
    if how == 0:
        entry.mkdir()
    elif how == 1:
        shutil.copy(foreign, entry)
    elif how == 2:
        entry.symlink_to("nowhere")
    elif how < 20:
        entry.write_bytes(sound[: random.randrange(len(sound))])
    elif how < 30:
        entry.write_bytes(sound + random.randbytes(random.randrange(1, 100)))
    elif how < 40:
        entry.write_bytes(random.randbytes(random.randrange(2 * len(sound))))
    else:
        changed = bytearray(sound)
        for at in random.sample(range(len(sound)), random.choice([1, 1, 1, 2, 50])):
            changed[at] ^= random.randrange(1, 256)
        entry.write_bytes(changed)
