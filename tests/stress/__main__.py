"""Runs the campaigns, one case for each seed, and keeps a report, so that a stopped run can be resumed.

    make stress                                   all campaigns, each with its own number of seeds
    make stress ARGS="--only kills --seeds 500"   one campaign, with more seeds

A campaign is a module of this package with

    SEEDS                 the number of cases for a release
    run(seed, folder)     runs a case in an empty folder, and returns counts by name; raises AssertionError on a failure

The report (JSON) has the sums of the counts of every campaign, the seeds done, and each failure with its seed. Seeds in
the report are skipped, unless they failed. Exit status: 1 if any seed in the report has failed.
"""

import argparse
import importlib
import json
import pkgutil
import platform
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import firth
import stress
from firth.atomic import atomic_write


def campaigns() -> dict[str, ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(stress.__path__) if not module.name.startswith("_"))
    modules = {name: importlib.import_module(f"stress.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "SEEDS")}


def main() -> int:
    """Run the campaigns, seed by seed, writing the report after each."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # shells start background processes so
        signal.signal(signal.SIGINT, signal.default_int_handler)
    known = campaigns()
    parser = argparse.ArgumentParser(prog="make stress", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(known), help="run this campaign; may be repeated")
    parser.add_argument("--seeds", type=int, help="cases of each campaign (default: its own number)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--report", type=Path, default=Path("stress-report.json"), help="file for the results")
    options = parser.parse_args()
    report = _read(options.report)
    for name in options.only or known:
        count = known[name].SEEDS if options.seeds is None else options.seeds
        _campaign(name, known[name], range(options.first, options.first + count), report, options.report)
    failures = {name: entry["failures"] for name, entry in report["campaigns"].items() if entry["failures"]}
    print(json.dumps(failures, indent=1) if failures else "no failures")
    return 1 if failures else 0


def _campaign(name: str, module: ModuleType, seeds: range, report: dict[str, Any], path: Path) -> None:
    entry = report["campaigns"].setdefault(name, {"seeds": [], "seconds": 0.0, "counts": {}, "failures": {}})
    done = set(entry["seeds"])
    for seed in seeds:
        if seed in done:
            continue
        _case(module, seed, entry)
        with atomic_write(path) as file:
            file.write(json.dumps(report, indent=1).encode())
        if sys.stderr.isatty():
            print(f"\r{name} {seed + 1 - seeds.start}/{len(seeds)}", end="", file=sys.stderr, flush=True)
    counts = "  ".join(f"{what} {count:,}" for what, count in entry["counts"].items())
    line = f"{name}: {len(entry['seeds'])} seeds, {len(entry['failures'])} failures, {entry['seconds']:.0f} s  {counts}"
    print(line, flush=True)


def _case(module: ModuleType, seed: int, entry: dict[str, Any]) -> None:
    """Run one seed and add its counts to the campaign's entry."""
    started = time.perf_counter()
    entry["failures"].pop(str(seed), None)
    try:
        with tempfile.TemporaryDirectory(prefix="firth-stress-") as folder:
            counts = module.run(seed, Path(folder))
    except (Exception, pytest.fail.Exception):  # the second is not an Exception
        entry["failures"][str(seed)] = traceback.format_exc(limit=-6)
    else:
        entry["seeds"].append(seed)
        for what, count in counts.items():
            entry["counts"][what] = entry["counts"].get(what, 0) + count
    entry["seconds"] = round(entry["seconds"] + time.perf_counter() - started, 3)


def _read(path: Path) -> dict[str, Any]:
    machine = {"firth": firth.__version__, "python": platform.python_version(), "system": platform.platform()}
    if not path.exists():
        return {**machine, "campaigns": {}}
    report: dict[str, Any] = json.loads(path.read_text())
    differing = {name: (report.get(name), value) for name, value in machine.items() if report.get(name) != value}
    if differing:
        raise SystemExit(f"{path} is from other software, {differing}: move it elsewhere to start a new report")
    return report


if __name__ == "__main__":
    sys.exit(main())
