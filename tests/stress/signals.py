"""Trainings that are ended by Ctrl-C and SIGTERM at any instant: at once, in good order, and to go on with.

The process ends within two seconds, with the exit code that shells expect and without a traceback; no temporary file
stays. With checkpoints, the training that goes on ends with the bytes of one that nobody disturbed. A machine on which
more runs than it has processors is given longer, in proportion.

While Python imports modules, before the program's first line, an interrupt ends it as it ends any program of Python's:
the attempts of this campaign are given their signals after that.
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
COMPILING_SECONDS = 5.0  # about what a fresh process takes to compile


def allowed() -> float:
    """Return how many seconds an end may take."""
    return SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def run(seed: int, folder: Path) -> dict[str, int]:
    """End one training by signals, with checkpoints or without; milliseconds: from a signal to the end, summed."""
    rng = random.Random(seed)
    kind, _ = pick(rng, seed)
    fresh = rng.random() < 0.4
    expected, seconds = reference(kind)
    place = Place(folder, kind)
    counts = {"signals": 0, "ended_before": 0, "identical": 0, "milliseconds": 0}
    with_checkpoint = rng.random() < 0.7
    for number in range(rng.choice([1, 2, 3])):
        minutes = rng.choice([1e-6, 2e-3, 10.0])
        given = place.checkpointed(minutes, number > 0) if with_checkpoint else place.attempt()
        running = start(given, fresh)
        place.wait_until_begun()
        time.sleep(rng.uniform(0, seconds + COMPILING_SECONDS * fresh))
        name = rng.choice(list(CODES))
        took, status = end(running, name)
        counts["signals" if status > 0 else "ended_before"] += 1
        assert status in (0, CODES[name], -name), (status, name, place.log())
        ends = "saved" in place.log() or not place.log()  # before the program's first line and after its last,
        assert status != -name or ends, place.log()  # signals end it as they end any
        assert "Traceback" not in place.log(), place.log()
        said_so = "interrupted" in place.log() or not place.log()  # nothing: the arguments were being parsed
        assert status in (0, -name) or said_so, place.log()
        assert took < allowed(), f"{kind}: {took:.1f} s after {name.name}, of {allowed():.1f}: {place.log()}"
        assert place.leftovers() == []
        counts["milliseconds"] += round(1000 * took) * (status > 0)
    if with_checkpoint:
        assert start(place.checkpointed(10.0, True), False).wait(180) == 0, place.log()
        assert place.digest() == expected, f"{kind}: another file than that of an undisturbed training"
        counts["identical"] += 1
    return counts


def end(running, number: int) -> tuple[float, int]:
    """Send the signal; return the seconds until the end, and the exit status."""
    sent = time.monotonic()
    running.kill(number)
    status = running.wait(60)
    return time.monotonic() - sent, status
