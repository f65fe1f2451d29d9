"""Times reading the same text from a text file and from tables, each in a process of its own, in turn.

python benchmarks/tables.py text.txt [--runs 5] [--epochs 1] [--workers 2]

The text has a sentence on each line. The tables have a column of numbers and one of these lines, or of lists of their
words. `seconds` is the time of `read_corpus`, in a process that has read a small file of the same kind before, or with
--epochs that of `fit`; `peak` is how much the peak resident set of the process grew (Linux only).
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLES = ("text.parquet", "text.feather", "text.csv", "text.jsonl", "words.parquet", "words.feather")


def write_tables(text: Path, folder: Path, most: int | None = None) -> None:
    """Write the lines of a text, at most `most`, in each kind of table."""
    import pyarrow as pa
    from pyarrow import csv, feather
    from pyarrow import parquet as pq

    lines = text.read_text(encoding="utf-8").splitlines()[:most]
    (folder / "text.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    texts = pa.table({"id": range(len(lines)), "text": lines})
    words = pa.table({"id": range(len(lines)), "text": pa.array([line.split() for line in lines])})
    for name, table in (("text", texts), ("words", words)):
        pq.write_table(table, folder / f"{name}.parquet")
        feather.write_feather(table, str(folder / f"{name}.feather"))
    csv.write_csv(texts, folder / "text.csv")
    with (folder / "text.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": i, "text": line}, ensure_ascii=False) + "\n" for i, line in enumerate(lines))


def child(folder: Path, name: str, workers: int, epochs: int) -> None:
    """Read a file, or train on it, and print the seconds and the MiB."""
    from firth import Options, Word2Vec
    from firth.text import read_corpus

    column = None if name == "text.txt" else "text"

    def run(path: Path) -> float:
        started = time.perf_counter()
        if epochs:
            Word2Vec(epochs=epochs, workers=workers).fit(path, column=column, progress=False)
        else:
            read_corpus(path, Options(), column=column, workers=workers).tokens.close()
        return time.perf_counter() - started

    run(folder / "small" / name)
    before = peak_memory()
    seconds = run(folder / name)
    print(json.dumps([seconds, peak_memory() - before]))


def peak_memory() -> float:
    """Return the peak resident set of this process, in MiB; `getrusage` would count that of its parent too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def measured(folder: Path, name: str, workers: int, epochs: int) -> tuple[float, float]:
    """Return the seconds and the MiB of a child process."""
    command = [sys.executable, __file__, "--child", str(folder), name, str(workers), str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def main() -> int:
    """Write the tables, time them, and print a line for each."""
    if sys.argv[1:2] == ["--child"]:
        folder, name, workers, epochs = sys.argv[2:]
        child(Path(folder), name, int(workers), int(epochs))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("text", type=Path, help="text file with a sentence on each line")
    parser.add_argument("--runs", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--epochs", type=int, default=0, help="train for so many epochs (default: 0, only read)")
    parser.add_argument("--workers", type=int, default=2, help="number of threads (default: 2)")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES, help="tables to compare with text")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "small").mkdir()
        write_tables(given.text, folder)
        write_tables(given.text, folder / "small", 5000)
        names = ["text.txt", *given.tables]
        rounds = [[measured(folder, name, given.workers, given.epochs) for name in names] for _ in range(given.runs)]
    for name, column in zip(names, zip(*rounds, strict=True), strict=True):
        seconds = statistics.median(time for time, _ in column)
        ratio = statistics.median(time / first[0] for (time, _), (first, *_) in zip(column, rounds, strict=True))
        peak = statistics.median(size for _, size in column)
        print(f"{name:14} {seconds:7.3f} s  {ratio:5.2f} x the text file  peak +{peak:,.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
