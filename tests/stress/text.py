"""Reads hostile text, changing files and bombs, with full disks and interrupts: an error, or what plain Python reads.

Seed n runs the n-th kind of case (see `KINDS`) with random numbers from n; the huge ones come once in 100 seeds.
What may hang, crash or need much memory runs in a child process, `stress._text_child`.
"""

import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.text import columns, read_corpus, sources, tables
from stress._child import ended, started
from stress._corpus import ALL, ANY_BYTES, COMPRESS, check, check_any_bytes, text_file
from stress._text_child import child, names
from stress.signals import allowed

SEEDS = 200
EXAMPLES = 2000  # of Hypothesis, in a case
FLAT = 450 * 2**20  # bytes resident at most, for any file; 256 MiB of them may be ids


def run(seed: int, folder: Path) -> dict[str, int]:
    rng = np.random.default_rng(seed)
    case = HUGE[seed // 100 % len(HUGE)] if seed % 100 == 99 else KINDS[seed % len(KINDS)]
    return case(rng, folder)


def examples_of(rng, examples, compare, **strategies):
    """Run `compare` on as many examples of the strategies."""
    settings = hypothesis.settings(max_examples=examples, deadline=None, database=None)
    hypothesis.seed(int(rng.integers(2**32)))(settings(hypothesis.given(**strategies)(compare)))()


def any_bytes(rng, folder):
    """Random bytes, chunk sizes and workers, compared with plain Python."""

    def compare(data, **how):
        check_any_bytes(folder, data, **how)

    examples_of(rng, EXAMPLES, compare, **ANY_BYTES)
    return {"texts": EXAMPLES}


hostile_words = st.text(max_size=4) | st.sampled_from(
    ["", "a b", "\n", "\0", "</s>", "NaN", "\ud800", "\udfffx", "\x85", "\u2028", "\ufeff",
     "a" + "\u0301" * 50, "x" * 9999]
)  # fmt: skip


def token_lists(rng, folder, examples=EXAMPLES):
    """Lists of hostile words: read as given, or refused because UTF-8 cannot encode them."""

    def compare(lines):
        words = [word for line in lines for word in line]
        if any("\ud800" <= letter <= "\udfff" for word in words for letter in word):
            with pytest.raises(CorpusError, match="half of a surrogate pair"):
                read_corpus(lines, ALL)
        elif words:
            check(read_corpus(iter(lines), ALL), lines)

    lists = st.lists(st.lists(hostile_words, max_size=8), min_size=1, max_size=8)
    examples_of(rng, examples, compare, lines=lists)
    return {"token lists": examples}


def damaged(rng, folder, times=300):
    """A compressed file that is cut, has a flipped bit, or trailing bytes: an error, or the text."""
    counts = Counter()
    lines = [[f"w{i}" for i in rng.integers(0, 99, 9)] for _ in range(40)]
    text = "\n".join(map(" ".join, lines)).encode()
    for _ in range(times):
        suffix = str(rng.choice(list(COMPRESS)[1:]))  # without .txt
        compress = COMPRESS[suffix]
        cut = int(rng.integers(len(text)))
        packed = compress(text[:cut]) + compress(text[cut:])
        kind, place = rng.choice(["cut", "flip", "tail"]), int(rng.integers(len(packed)))
        if kind == "cut":
            packed = packed[:place]
        elif kind == "flip":
            packed = packed[:place] + bytes([packed[place] ^ 1 << int(rng.integers(8))]) + packed[place + 1 :]
        else:
            packed += rng.bytes(int(rng.integers(1, 40)))
        path = folder / f"corpus{suffix}"
        path.write_bytes(packed)
        try:
            with read_corpus(path, ALL).tokens as tokens:
                found = tokens.fingerprint()
        except CorpusError as error:
            found = str(error)
            assert str(path) in found or "the corpus is empty" in found, found
            counts["damaged files refused"] += 1
            continue
        # A file cut between its two members is complete; a .zst file made by Arrow has no checksum.
        whole = {_fingerprint(text), _fingerprint(text[:cut])} if kind == "cut" else {_fingerprint(text)}
        assert found in whole or suffix == ".zst", f"{suffix} file, {kind} at {place}: another text"
        counts["damaged files that hold the text"] += 1
    return counts


def _fingerprint(text: bytes) -> str:
    lines = [line.split() for line in text.decode().split("\n")]
    if not any(lines):
        return ""
    with read_corpus(lines, ALL).tokens as tokens:
        return tokens.fingerprint()


def _append(path):
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def _rewrite(path):
    with path.open("r+b") as file:
        file.write(b"x" * path.stat().st_size)


CHANGES = {
    "append": (_append, r"went from [\d,]+ to [\d,]+ bytes"),
    "cut": (lambda path: os.truncate(path, 2), r"went from [\d,]+ to 2 bytes"),
    "rewrite": (_rewrite, "was modified"),
    "replace": (_replace, "was replaced by another file"),
    "remove": (lambda path: path.unlink(), "was removed"),
}


def changing(rng, folder):
    """A file that changes while it is read, at a random place and in each way."""
    for how, (change, message) in CHANGES.items():
        for suffix in COMPRESS:
            path, text = folder / f"{how}{suffix}", b"some words of a text\n" * 5000
            path.write_bytes(COMPRESS[suffix](rng.bytes(50_000).hex().encode() + b"\n" + text))
            os.utime(path, ns=(0, 0))  # a change within one tick of the clock would leave the same time
            change_while_read(path, change, message, int(rng.integers(1, 5)), int(rng.integers(20)))
    return {"changes seen": len(CHANGES) * len(COMPRESS)}


def change_while_read(path, change, message, workers, chunk):
    """Change a file when `chunk` chunks of it were merged, and expect the error."""
    seen = []

    def progress(*_):
        seen.append(0)
        if len(seen) == chunk + 1:
            change(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", 2000)
        with pytest.raises(CorpusError, match=rf"{path.name} {message} while it was read"):
            read_corpus(path, ALL, workers=workers, progress=progress)


def change_table_while_read(path, change, message):
    """Change a table when the first chunk of its column was merged, and expect the error."""
    seen = []

    def progress(*_):
        seen.append(0)
        if len(seen) == 1:
            change(path)

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((columns, "BLOCK_BYTES"), (tables, "BLOCK_BYTES"), (tables, "CSV_BLOCK_BYTES")):
            patch.setattr(module, name, 2000)
        with pytest.raises(CorpusError, match=rf"{path.name} {message} while it was read"):
            read_corpus(path, ALL, column="text", progress=progress)


# --- in a child process


def read_flat(path, **options) -> dict:
    """Read a file in a child, and return what it found if its memory stayed flat."""
    found = child("read_in_little_memory", path, json.dumps(options), seconds=600)
    assert found["peak"] < FLAT, f"{path.name}: {found}"
    return found


def long_token(rng, folder, size=10**7, suffix=None):
    """One token of `size` bytes between two words."""
    text = b"before " + b"x" * size + b" after\n"
    found = read_flat(text_file(folder, text, suffix or str(rng.choice(list(COMPRESS)))))
    assert (found["words"], found["too_long"]) == (2, 1), found
    return {"bytes in one token": size}


def long_line(rng, folder, words=10**7):
    """One line of 10^7 words, some of them 1,024 bytes long and some longer."""
    path = folder / "corpus.txt"
    some = [b"w%d" % i for i in range(1000)] + [b"x" * 1024, b"y" * 1025]
    line = b" ".join(some) + b" "
    times = words // len(some)
    with path.open("wb") as file:
        file.writelines(itertools.repeat(line, times))
    found = read_flat(path, workers=int(rng.integers(1, 4)), memory_limit=int(rng.choice([0, 2**28])))
    assert (found["words"], found["too_long"], found["distinct"]) == (1001 * times, times, 1001), found
    return {"words in one line": 1001 * times}


def one_gigabyte_of_zeros(rng, folder, size=10**9):
    """1 GB without a line feed or a space (a sparse file)."""
    path = folder / "zeros.txt"
    path.touch()
    os.truncate(path, size)
    found = read_flat(path, workers=2)
    assert "its only token is longer" in found["error"], found
    return {"bytes in one token": size}


def one_gigabyte_line(rng, folder):
    return long_line(rng, folder, 166_000_000)


def bomb(rng, folder, size=10**10, limit=None):
    """A gzip file of `size` decompressed bytes: refused at the limit, in flat memory."""
    path, member = folder / "corpus.txt.gz", b"the same words " * 670_000
    with path.open("wb") as file:
        file.writelines(itertools.repeat(gzip.compress(member), size // len(member)))
    limit = limit or int(rng.integers(10**6, 10**9))
    found = read_flat(path, max_input_bytes=limit)
    assert f"larger than max_input_bytes={limit:,}" in found["error"], found
    assert str(path) in found["error"], found
    return {"bytes in a bomb": size}


def huge_bomb(rng, folder):
    """10 GB under a limit, and 2 GB without one."""
    counts = bomb(rng, folder)
    path = folder / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(10**7)) * 200 + gzip.compress(b" a"))
    found = read_flat(path)
    assert (found["words"], found["too_long"]) == (1, 1), found
    return {"bytes in a bomb": counts["bytes in a bomb"] + 2 * 10**9}


READS = ["words", "zeros", "generator", "silent pipe", "tokenizer"]


def interrupts(rng, folder):
    """Ctrl-C at a random moment of reading: raised in the caller soon, with no thread and no file left."""
    for kind in READS:
        interrupt(kind, folder, float(rng.uniform(0, 1)), int(rng.integers(1, 5)))
    return {"interrupts": len(READS)}


def interrupt(kind, folder, wait, workers, number=signal.SIGINT):
    """Send a signal to a child that reads, `wait` seconds after it started."""
    left = folder / "left"
    left.mkdir(exist_ok=True)
    source = {"zeros": "/dev/zero", "silent pipe": str(folder / "pipe")}.get(kind, "-")
    if kind == "silent pipe" and not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    endless = "import os\nwhile True: os.write(1, b'some words and a line\\n' * 2000)"
    with (
        subprocess.Popen([sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer,
        started("stress._text_child", "interrupted", kind, source, left, workers, stdin=writer.stdout) as process,
    ):
        try:
            writer.stdout.close()
            assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
            time.sleep(wait)
            process.send_signal(number)
            sent = time.monotonic()
            if number == signal.SIGKILL:
                process.wait(10)
                assert names(left) == [], f"killed while reading {kind}: {names(left)}"
                return
            found = ended(process, 20)
        finally:
            writer.kill()
    took = found["at"] - sent
    assert took < allowed(), f"{kind}: {took:.1f} s, of {allowed():.1f}"
    assert (found["threads"], found["left"]) == ([], []), f"{kind}: {found}"


def kills(rng, folder, times=5):
    """Kill -9 at a random moment of reading: no file is left."""
    for _ in range(times):
        kind = str(rng.choice(["words", "generator", "tokenizer"]))
        interrupt(kind, folder, float(rng.uniform(0, 1)), int(rng.integers(1, 5)), signal.SIGKILL)
    return {"kills": times}


def damage_while_training(kind, schedule, folder, wait=0.0, seed=0):
    """Damage the file of the token store while a child trains, and return the child's error."""
    with started("stress._text_child", "trained_on_disk", folder, schedule) as process:
        assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
        time.sleep(wait)
        links = Path(f"/proc/{process.pid}/fd").iterdir()
        path = next(link for link in links if str(link.readlink()).startswith(f"{folder}/"))
        size = path.stat().st_size
        if kind == "cut":
            os.truncate(path, int(size * np.random.default_rng(seed).random()))
        else:
            with path.open("r+b") as file:
                file.write(b"\xff" * size if kind == "0xff" else np.random.default_rng(seed).bytes(size))
        return ended(process, 60)["error"]


def stores(rng, folder):
    """The file of the token store cut or overwritten during training: an error that names the block."""
    for kind in ("cut", "0xff", "noise"):
        schedule = str(rng.choice(["blocks", "hogwild"]))
        error = damage_while_training(kind, schedule, folder, float(rng.uniform(0, 0.5)), int(rng.integers(2**32)))
        assert re.match(r"block \d+ of the token store (is lost|has a different checksum)", error), error
    return {"stores damaged": 3}


def full_disks(rng, folder, times=3, size=2**24):
    """A disk that becomes full at a random byte."""
    path, left = text_file(folder, b"some words and a line\n" * (size // 22)), folder / "left"
    left.mkdir()
    for limit in rng.integers(0, size, times):
        found = child("read_onto_small_disk", path, left, limit)
        assert f"{left} after {limit:,} bytes (File too large)" in found["error"], found
        assert found["left"] == [], found
    return {"full disks": times}


def everywhere(rng, folder):
    suffix = str(rng.choice(list(COMPRESS)))
    lines = [[f"w{i}" for i in line] for line in rng.zipf(1.4, (20_000, 10)) % 5000]
    found = child("read_everywhere", text_file(folder, "\n".join(map(" ".join, lines)), suffix))["prints"]
    assert len(found) == 9, found
    assert len(set(found)) == 1, found
    return {"readings at once": len(found)}


IN_PROCESS = [any_bytes, token_lists, damaged, changing]
IN_CHILDREN = [long_token, long_line, interrupts, kills, stores, full_disks, everywhere]
KINDS = IN_PROCESS + IN_CHILDREN
HUGE = [one_gigabyte_of_zeros, huge_bomb, one_gigabyte_line]
