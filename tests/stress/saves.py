"""Kills saves, makes their system calls fail, fills the disk and cuts the power, in every format.

One seed takes one way to save and one kind of fault, at a part of the places where it can occur; the seeds together
cover every system call of a save that touches the folder. After each fault the folder holds the old file or the new
one, byte for byte (or an incomplete set of files, which readers reject), an error that names the file was reported,
and the next save leaves only the new file.
"""

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from firth.atomic import TEMPORARY_SUFFIX
from stress._powerloss import Disk, recorded, states
from stress._saving import KINDS, Case, command, leftovers, run_child

PARTS = 4  # seeds among which the places of one kind of fault are divided
ERRORS = (errno.EIO, errno.ENOSPC, errno.EINTR, errno.EMFILE)
LIMITS = 6  # sizes tried by one seed
POWER_STATES = 4096  # at each operation
_CALL = re.compile(r"^(?:\d+\s+)?(\w+)\(")


def run(seed: int, folder: Path) -> dict[str, int]:
    """Test one way to save with one kind of fault, at every `PARTS`-th place."""
    fault, name, part = CASES[seed % SEEDS]
    counts: Counter[str] = Counter({"stale_files": 0})
    fault(Case(name, folder.resolve()), part, random.Random(seed), counts)
    return dict(counts)


# --- at one system call


def kills(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Kill the writer before each call that touches the folder."""
    for name, number in calls(case)[part::PARTS]:
        kill_at(case, name, number, counts)


def kill_at(case: Case, name: str, number: int, counts: Counter[str]) -> None:
    """Kill the writer at the call of that name and number, and save again."""
    case.prepare()
    done, _ = traced(case, [f"inject={name}:signal=KILL:when={number}"], name)
    assert done.returncode == -signal.SIGKILL, f"{case.name}: {name} {number} did not kill the writer: {done}"
    counts["kills"] += 1
    _finish(case, case.judge(), counts)


def errors(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Make each call that touches the folder fail with one of `ERRORS`."""
    for at, (name, number) in enumerate(calls(case)[part::PARTS]):
        fail_at(case, name, number, ERRORS[(at + part) % len(ERRORS)], counts)


def fail_at(case: Case, name: str, number: int, error: int, counts: Counter[str]) -> None:
    """Make the call of that name and number fail; check what was reported, and save again."""
    case.prepare()
    inject = f"inject={name}:error={errno.errorcode[error]}:when={number}"
    done, lines = traced(case, [inject], f"{name},fsync")
    hit = next((line for line in lines if "(INJECTED)" in line), None)
    assert hit is not None, f"{case.name}: {inject} had no effect"
    assert str(case.folder) in hit, f"{case.name}: {inject} hit {hit}"
    counts["errors"] += 1
    place = f"{case.name}, {inject}"
    reason = "" if name == "access" else os.strerror(error)  # it returns yes or no, without a reason
    state = _reported(case, done, reason, place)
    if name == "fsync" and error != errno.EINTR:
        after = lines[lines.index(hit) + 1 :]
        file = hit.split("(")[1].split(")")[0]
        assert not any(f"fsync({file})" in line for line in after), f"{place}: fsync was tried again"
    if not name.startswith(("unlink", "rmdir")):
        assert leftovers(case.folder) == [], place
    _finish(case, state, counts)


def calls(case: Case) -> list[tuple[str, int]]:
    """Return the system calls of a save that touch the folder: name, and number among the calls of that name."""
    _compile(case.name)
    case.prepare()
    done, lines = traced(case, [], "%file,%desc")
    assert done.returncode == 0, done.stderr
    assert case.judge() == "new"
    found, numbers = [], Counter[str]()
    main = lines[0].split()[0]
    for line in lines:
        match = _CALL.match(line)
        if match and line.split()[0] == main:
            numbers[match[1]] += 1
            if str(case.folder) in line and match[1] != "execve":
                found.append((match[1], numbers[match[1]]))
    assert {"write", "fsync"} <= {name for name, _ in found}, found
    return found


@cache
def _compile(name: str) -> None:
    """Save once, so that Python does not write compiled modules later: every run then makes the same calls."""
    with tempfile.TemporaryDirectory() as folder:
        run_child(_writer(Case(name, Path(folder))))


def traced(case: Case, injections: list[str], names: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run one save of the new generation under strace; return how it ended and the calls of those names."""
    log = case.folder.with_name("trace")
    options = [word for injection in injections for word in ("-e", injection)]
    words = ["strace", "-f", "-qq", "-y", "-o", str(log), "-e", f"trace={names}", *options]
    done = run_child([*words, *_writer(case)])
    return done, log.read_text(errors="replace").splitlines()


def _writer(case: Case, *more: object) -> list[str]:
    return command("save", case.name, case.target, case.source, 1, *more)


@cache
def can_trace() -> bool:
    """Return whether strace is installed, and allowed to trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def limits(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Limit the file size, differently each time: a write is cut at the limit, and the next one fails."""
    largest = max(map(len, case.new.values()))
    for _ in range(LIMITS):
        case.prepare()
        size = rng.choice([0, largest - 1, largest, rng.randrange(largest)])
        done = run_child(_writer(case, size))
        counts["limits"] += 1
        assert (done.returncode == 0) == (size >= largest), f"{case.name}, {size} of {largest} bytes: {done}"
        state = _reported(case, done, os.strerror(errno.EFBIG), f"{case.name}, at most {size} bytes")
        assert leftovers(case.folder) == []
        _finish(case, state, counts)


def full_disks(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Save in a file system that is a little too small for the old and the new file together, or just large enough."""
    if not can_mount():
        counts["skipped"] += 1
        return
    for number in range(LIMITS):
        place = case.folder.with_name(f"small-{number}")
        place.mkdir()
        both = sum(map(len, (*case.old.values(), *case.new.values())))
        kibibytes = rng.randrange(4, both // 1024 + 48, 4)
        words = command("full", case.name, place, kibibytes)
        done = run_child(["unshare", "-rm", *words])
        assert done.returncode in (0, 1, 3), f"{case.name}, {kibibytes} KiB: {done.stderr}"
        if done.returncode == 1:
            assert os.strerror(errno.ENOSPC) in done.stderr, done.stderr
            assert str(place) in done.stderr, done.stderr
        counts[{0: "room_enough", 1: "full_disks", 3: "too_small_for_the_old"}[done.returncode]] += 1


@cache
def can_mount() -> bool:
    """Return whether a process may mount file systems of its own."""
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(words, capture_output=True).returncode == 0


def power_failures(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Check every state of the disk that a power failure can leave, after every operation of a save."""
    case.prepare()
    disk = Disk(case.folder)
    with recorded(disk):
        case.save()
    counts.update(judge_power_failures(case, disk, POWER_STATES, part))


def judge_power_failures(case: Case, disk: Disk, most: int, seed: int) -> Counter[str]:
    """Return the number of states checked; once the save has returned, only the new state is allowed."""
    counts: Counter[str] = Counter()
    for done in range(len(disk.operations) + 1):
        for found in states(disk, done, most, seed):
            state = case.judge({name: data for name, data in found.items() if TEMPORARY_SUFFIX not in name})
            assert state == "new" or done < len(disk.operations), f"{case.name}: a finished save is lost: {state}"
            counts["power_failures"] += 1
    return counts


def races(case: Case, part: int, rng: random.Random, counts: Counter[str]) -> None:
    """Save to one path from eight processes at once, while four read it."""
    place = case.folder.with_name("race")
    place.mkdir()
    done = run_child(command("race", case.name, place))
    assert done.returncode == 0, done.stderr
    counts["races"] += 1


RACING = ("keyed", "binary", "gzip", "npz", "arrow", "parquet", "safetensors")
FAULTS = {
    kills: KINDS,
    errors: KINDS,
    limits: KINDS,
    full_disks: KINDS,
    power_failures: [name for name in KINDS if name != "link"],  # the model of a disk has no links
    races: RACING,
}
CASES = [
    (fault, name, part)
    for fault, names in FAULTS.items()
    for part in range(1 if fault is races else PARTS)
    for name in names
]
SEEDS = len(CASES)


# --- checks after every fault


def _reported(case: Case, done: subprocess.CompletedProcess[str], reason: str, place: str) -> str:
    """Return the state of the folder, which must be the one that the writer reported."""
    state = case.judge()
    if done.returncode == 0:
        assert state == "new", f"{place}: success was reported, but the state is {state}"
        return state
    assert done.returncode == 1, f"{place}: {done}"
    for text in (reason, str(case.folder)):
        assert text in done.stderr, f"{place}: {text!r} is not in the message: {done.stderr}"
    assert TEMPORARY_SUFFIX not in done.stderr, f"{place}: {done.stderr}"
    # `convert` asks for the size of the file after the save
    is_known = "in place" in done.stderr or case.name == "convert"
    assert state != "new" or is_known, f"{place}: failure was reported, but the file is new"
    return state


def _finish(case: Case, state: str, counts: Counter[str]) -> None:
    counts[state] += 1
    counts["left_by_the_dead"] += len(leftovers(case.folder))
    case.save_again()
    counts["stale_files"] += len(leftovers(case.folder))
