"""Measures the time of `import firth`: `python -c "import firth"` and a bare `python -c pass`, in turn.

python benchmarks/import_time.py [--runs 20]
"""

import argparse
import statistics
import subprocess
import sys
import time


def seconds(statement: str) -> float:
    """Return the wall time of a fresh interpreter that runs `statement`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started


def main() -> int:
    """Print the medians and their difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20, help="runs of each (default: 20)")
    runs = parser.parse_args().runs
    if runs < 1:
        parser.error(f"--runs {runs}: give an integer of at least 1")
    statements = ["pass", "import firth"]
    for statement in statements:  # byte-compiles, and fills the page cache
        seconds(statement)
    times = [[seconds(statement) for statement in statements] for _ in range(runs)]
    for statement, column in zip(statements, zip(*times, strict=True), strict=True):
        middle, low, high = (1e3 * value for value in (statistics.median(column), min(column), max(column)))
        print(f"python -c '{statement}': {middle:.1f} ms ({low:.1f}..{high:.1f})")
    extra = statistics.median(loaded - bare for bare, loaded in times)
    print(f"importing firth adds {1e3 * extra:.1f} ms (median of {runs} pairs)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
