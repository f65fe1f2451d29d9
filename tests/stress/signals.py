"""Stops training runs by Ctrl-C and SIGTERM at any instant, and resumes them.

The process ends within two seconds, with the exit code that shells expect, without a stack trace and without temporary
files. With checkpoints, the resumed run ends with the bytes of an undisturbed one. If more processes run than the
machine has processors, the limit is longer in proportion.

While Python imports modules, before the program's first line, an interrupt ends it like any Python program: this
campaign sends its signals after that.
"""

import os
import random
import signal
import time
from pathlib import Path

from stress._attempts import Place, pick, reference, start

SEEDS = 60
SECONDS = 2.0
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
COMPILING_SECONDS = 5.0  # about the time that a fresh process needs to compile


def allowed() -> float:
    """Return how many seconds a process may take to end."""
    return SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def run(seed: int, folder: Path) -> dict[str, int]:
    """Stop one training run by signals; `milliseconds` is the sum of the times from a signal to the end."""
    rng = random.Random(seed)
    kind, _ = pick(rng, seed)
    fresh = rng.random() < 0.4
    seconds = reference(kind)[1]
    place = Place(folder, kind)
    counts = {"signals": 0, "ended_before": 0, "identical": 0, "milliseconds": 0}
    with_checkpoint = rng.random() < 0.7
    for number in range(rng.choice([1, 2, 3])):
        minutes = rng.choice([1e-6, 2e-3, 10.0])
        running = start(place.checkpointed(minutes, number > 0) if with_checkpoint else place.attempt(), fresh)
        place.wait_until_begun()
        time.sleep(rng.uniform(0, seconds + COMPILING_SECONDS * fresh))
        name = rng.choice(list(CODES))
        sent = time.monotonic()
        running.kill(name)
        status = running.wait(60)
        took = time.monotonic() - sent
        check_end(place, status, name, took)
        counts["signals" if status > 0 else "ended_before"] += 1
        counts["milliseconds"] += round(1000 * took) * (status > 0)
    if with_checkpoint:
        place.finish()
        counts["identical"] += 1
    return counts


def check_end(place: Place, status: int, name: signal.Signals, took: float) -> None:
    """Check how a process ended, `took` seconds after the signal `name`."""
    log = place.log()
    assert status in (0, CODES[name], -name), (status, name, log)
    # before the program's first line and after its last, where it prints nothing or has saved, Python handles signals
    assert status != -name or "saved" in log or not log, log
    assert "Traceback" not in log, log
    assert status in (0, -name) or "interrupted" in log or not log, log  # empty: it was still parsing arguments
    assert took < allowed(), f"{place.kind}: {took:.1f} s after {name.name}, of {allowed():.1f}: {log}"
    assert place.leftovers() == []
