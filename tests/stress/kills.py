"""Kills training runs, up to five times each, anywhere between the first byte read and the last byte written.

After each kill every checkpoint in the folder is intact. The resumed run ends with the bytes of an undisturbed one,
and leaves only its two checkpoints, its lock and its output.
"""

import random
import signal
import time
from pathlib import Path

from firth.training.loop.checkpoint import read_checkpoint
from stress._attempts import Place, pick, reference, start

SEEDS = 200
CALLS = 30  # an attempt that does not die at a random time dies at one of so many calls that write to the disk
FRESH_SECONDS = 8.0  # about the time of importing and compiling


def run(seed: int, folder: Path) -> dict[str, int]:
    """Kill and resume one training run, and compare its file."""
    rng = random.Random(seed)
    kind, fresh = pick(rng, seed)
    seconds = reference(kind)[1]
    place = Place(folder, kind)
    counts = {"kills": 0, "kills_at_a_write": 0, "ended_before": 0, "resumes": 0, "identical": 0}
    minutes = rng.choice([1e-6, 2e-4, 2e-3, 10.0])
    for number in range(rng.choice([1, 1, 2, 3, 5])):
        die_at = (rng.randint(1, CALLS), rng.random() < 0.5) if rng.random() < 0.4 else None
        workers = rng.randint(1, 3) if number else 2
        running = start(place.checkpointed(minutes, number > 0, workers=workers, die_at=die_at), fresh)
        if die_at is None:
            time.sleep(rng.uniform(0, 1.3 * seconds + FRESH_SECONDS * fresh))
            running.kill(signal.SIGKILL)
        status = running.wait(180)
        assert status in (0, -signal.SIGKILL), (status, place.log())
        counts["resumes"] += number > 0
        counts["kills"] += status != 0
        counts["kills_at_a_write"] += status != 0 and die_at is not None
        counts["ended_before"] += status == 0
        for path in place.run.glob("checkpoint-????????.firth"):
            read_checkpoint(path)
    place.finish(fresh)
    counts["resumes"] += 1
    counts["identical"] += 1
    return counts
