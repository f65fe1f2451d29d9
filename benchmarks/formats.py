"""Times the loading of vectors by firth and gensim, in turn, each in a process of its own, and of a mapped file.

python benchmarks/formats.py [--rows 100000] [--size 300] [--rounds 3] [--folder /tmp]

Random vectors are written as word2vec binary, word2vec text and firth's own file, so both programs read them from the
system's file cache. Only the loading call is timed: the library is imported before; firth's compiling is included.
If gensim reads other words or numbers, nothing is printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FIRTH = """
import json, sys, time
import firth.formats.word2vec, pyarrow.compute, pyarrow.csv
from firth import KeyedVectors
path, binary = sys.argv[1], sys.argv[2] == "True"
wall, cpu = time.perf_counter(), time.process_time()
wv = KeyedVectors.load_word2vec_format(path, binary=binary)
"""
GENSIM = """
import json, sys, time
from gensim.models import KeyedVectors
path, binary = sys.argv[1], sys.argv[2] == "True"
wall, cpu = time.perf_counter(), time.process_time()
wv = KeyedVectors.load_word2vec_format(path, binary=binary)
"""
MAPPED = """
import json, sys, time
import numpy, pyarrow, safetensors
from firth import KeyedVectors
path = sys.argv[1]
wall, cpu = time.perf_counter(), time.process_time()
wv = KeyedVectors.load(path, mmap=True)
wv["word7"], wv.similarity("word1", "word2")
"""
REPORT = """
seconds = time.perf_counter() - wall, time.process_time() - cpu
import resource, zlib
check = zlib.crc32(wv.vectors[:1000].tobytes()), zlib.crc32(" ".join(wv.index_to_key).encode())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"wall": seconds[0], "cpu": seconds[1], "peak": peak, "check": check}))
"""


def load(program: str, path: Path, binary: bool = False) -> dict:
    """Return the times in seconds, the peak memory in MB and the checksum of one loading in a fresh process."""
    command = [sys.executable, "-c", program + REPORT, str(path), str(binary)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


FILES = {"binary": "word2vec-binary", "text": "word2vec-text", "mapped": "native"}
WRITE = """
import sys
import numpy as np
from firth.formats import write_vectors
path, kind, rows, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
vectors = np.random.default_rng(1).standard_normal((rows, size), dtype=np.float32)
write_vectors(path, kind, [f"word{i}" for i in range(rows)], vectors)
"""


def write_file(path: Path, kind: str, rows: int, size: int) -> None:
    """Write random vectors, the same every time, in a process of its own, so that its memory is not counted."""
    subprocess.run([sys.executable, "-c", WRITE, str(path), kind, str(rows), str(size)], check=True)


def compare(path: Path, binary: bool, rounds: int) -> None:
    """Print the medians of both programs and of the ratios of neighbouring runs."""
    pairs = [(load(FIRTH, path, binary), load(GENSIM, path, binary)) for _ in range(rounds)]
    if any(ours["check"] != theirs["check"] for ours, theirs in pairs):
        raise SystemExit(f"{path}: the two programs read different vectors")
    print(f"word2vec {'binary' if binary else 'text'}, {path.stat().st_size / 1e6:,.0f} MB, median of {rounds} pairs")
    for what, unit in (("wall", "s"), ("cpu", "s"), ("peak", "MB")):
        ours, theirs = (statistics.median(pair[who][what] for pair in pairs) for who in (0, 1))
        ratio = statistics.median(pair[1][what] / pair[0][what] for pair in pairs)
        print(f"  {what:5} firth {ours:8.2f} {unit:2}  gensim {theirs:8.2f} {unit:2}  gensim / firth {ratio:5.1f}")


def main() -> int:
    """Write the files, time the loading, and remove the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000, help="vectors (default: 100,000)")
    parser.add_argument("--size", type=int, default=300, help="numbers in each (default: 300)")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--folder", type=Path, help="folder for the files (default: the system's temporary folder)")
    parser.add_argument("--only", choices=list(FILES), help="time only this format")
    options = parser.parse_args()
    for name in ("rows", "size", "rounds"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}: give an integer of at least 1")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        wanted = ["binary", "text", "mapped"] if options.only is None else [options.only]
        for what in wanted:
            path = Path(folder) / what
            write_file(path, FILES[what], options.rows, options.size)
            if what == "mapped":
                opened = [load(MAPPED, path)["wall"] for _ in range(options.rounds)]
                print(f"firth's own file, mapped, and three words looked up: {1e3 * statistics.median(opened):.0f} ms")
            else:
                compare(path, what == "binary", options.rounds)
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
