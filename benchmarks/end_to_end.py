"""Times whole runs, from the command to the saved vectors, of firth, gensim and native programs on four texts.

    python benchmarks/end_to_end.py --english wiki.txt --word2vec ~/bin/word2vec --json table.json
    python benchmarks/end_to_end.py --rows 100k --programs firth-hogwild gensim --runs 5

Every row is a text and a number of epochs. The programs run in turn, each in a process of its own, with the same
options and threads. Texts that are not given are made by `make_text.py`. README.md in this folder describes what is
measured. Exit status: 1 if a run failed, 2 for wrong usage.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from command_line import WrongUseError, check_file, check_output, check_program, exit_status, machine, say
from commands import FIRTH, OTHERS, CommandContestant, run_command
from corpus import Size, cut, is_text, measure
from report import as_json, overview_rows, program_rows, table
from runner import Contestant, Run, run, version

from firth import Options

OTHER = {command.name: command for command in OTHERS}
COMMANDS = {"firth-command": FIRTH, **OTHER}
SCHEDULES = {"firth-blocks": "blocks", "firth-hogwild": "hogwild"}
FIRST_START = ", first start"
BASELINES = [name.replace("-", " ") for name in SCHEDULES]
"""Runs of firth that the others are compared with."""
OPTIONS = ["vector_size", "window", "negative", "sample", "min_count", "alpha", "min_alpha", "ns_exponent"]
"""Options with firth's defaults, the same for all programs, except where `NativeProgram.differences` says otherwise."""
CACHE_WORDS = 100_000


class Row(NamedTuple):
    """A row of the table: the first words of a text, and the passes over them."""

    name: str
    text: str
    words: int
    epochs: int
    first_start: bool
    """Whether firth also runs with empty caches, as at the first start on a machine."""


ROWS = {
    row.name: row
    for row in [
        Row("100k", "english", 100_000, 5, first_start=True),
        Row("17m", "english", 17_000_000, 5, first_start=False),
        Row("65m", "english-like", 65_000_000, 1, first_start=False),
        Row("77m", "korean-like", 77_000_000, 1, first_start=False),
    ]
}
LANGUAGES = {"english": "english", "english-like": "english", "korean-like": "korean"}
"""The language in which a text is made, if no file is given."""


class Plan(NamedTuple):
    """A checked command line."""

    arguments: argparse.Namespace
    rows: list[Row]
    programs: list[str]
    binaries: dict[str, Path]
    texts: dict[str, tuple[Path, Size]]
    """The files that were given, and their sizes."""


AnyContestant = Contestant | CommandContestant


class Job(NamedTuple):
    """What all programs of a row share; `words` are those of the text."""

    options: dict[str, Any]
    workers: int
    words: int


class Result(NamedTuple):
    """A row, its text and the runs of each program."""

    row: Row
    size: Size
    runs: list[list[Run]]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)}")
    names = [*SCHEDULES, "gensim", *COMMANDS]
    p.add_argument("--programs", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    for program in OTHERS:
        flag = f"--{program.option}"
        p.add_argument(flag, type=Path, metavar="BINARY", help=f"{program.name} (default: ${program.option.upper()})")
    for text, language in LANGUAGES.items():
        rows = " and ".join(row.name for row in ROWS.values() if row.text == text)
        p.add_argument(f"--{text}", type=Path, metavar="FILE", help=f"text of {rows} (default: made, {language})")
    p.add_argument("--runs", type=int, default=3, help="runs of each (default: %(default)s)")
    p.add_argument("--workers", type=int, default=2, help="threads of each (default: %(default)s)")
    p.add_argument("--words", type=int, metavar="N", help="use at most N words in every row, for a short trial")
    p.add_argument("--folder", type=Path, help="keep the texts that are made here, and use them again")
    p.add_argument("--json", type=Path, metavar="OUT", help="also write every run to this file")
    p.add_argument("--markdown", type=Path, metavar="OUT", help="also write the tables to this file")
    return p


def checked(arguments: argparse.Namespace) -> Plan:
    """Check everything before the first run; raise `WrongUseError`."""
    for name in ("runs", "workers", "words"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise WrongUseError(f"--{name} {value}: give an integer of at least 1")
    if arguments.folder and not arguments.folder.is_dir():
        raise WrongUseError(f"--folder {arguments.folder}: not a folder")
    for flag in ("json", "markdown"):
        if path := getattr(arguments, flag):
            check_output(f"--{flag}", path)
    rows = [_shortened(ROWS[name], arguments.words) for name in arguments.rows]
    binaries = _binaries(arguments)
    programs = arguments.programs or ["firth-command", *SCHEDULES, "gensim", *list(binaries)[1:]]
    if missing := [name for name in programs if name in OTHER and name not in binaries]:
        flags = ", ".join(f"--{OTHER[name].option}" for name in missing)
        raise WrongUseError(f"--programs {' '.join(missing)}: give the binary with {flags}")
    return Plan(arguments, rows, programs, binaries, _given_texts(arguments, rows))


def _shortened(row: Row, words: int | None) -> Row:
    return row._replace(words=min(row.words, words or row.words))


def _binaries(arguments: argparse.Namespace) -> dict[str, Path]:
    """Return the program of each command: Python, and what the command line or the environment gives."""
    found = {"firth-command": Path(sys.executable)}
    for program in OTHERS:
        environment = os.environ.get(program.option.upper())
        path = getattr(arguments, program.option) or (Path(environment) if environment else None)
        if path is not None:
            check_program(f"--{program.option}", path)
            found[program.name] = path.resolve()
    return found


def _given_texts(arguments: argparse.Namespace, rows: list[Row]) -> dict[str, tuple[Path, Size]]:
    """Return the given files with their sizes; raise `WrongUseError` if one is too short for its row."""
    texts: dict[str, tuple[Path, Size]] = {}
    for row in rows:
        path = getattr(arguments, row.text.replace("-", "_"))
        if path is None:
            continue
        if row.text not in texts:
            check_file(path)
            if not is_text(path):
                raise WrongUseError(f"{path}: not plain UTF-8 text, which is all that the other programs read")
            texts[row.text] = path.resolve(), measure(path)
        if (words := texts[row.text][1].words) < 0.95 * row.words:
            raise WrongUseError(f"{path}: {words:,} words, but row {row.name} needs {row.words:,}; or give --words")
    return texts


def text_of(plan: Plan, row: Row, folder: Path) -> tuple[Path, Size]:
    """Return the text of `row` and its size: a given or made text, cut to the words of the row."""
    path, size = plan.texts.get(row.text) or _made_text(row, plan.arguments.folder or folder)
    if size.words > 1.01 * row.words:
        shorter = folder / f"{row.name}.txt"
        cut(path, shorter, row.words)
        path, size = shorter, measure(shorter)
    return path, size


def _made_text(row: Row, folder: Path) -> tuple[Path, Size]:
    """Return a text in the language of the row, made in a process of its own, or used again from `folder`."""
    language = LANGUAGES[row.text]
    path = folder.resolve() / f"{language}-{row.words}.txt"
    if not path.exists():
        say(f"making {path.name} ...")
        part = path.with_suffix(".part")
        script = Path(__file__).with_name("make_text.py")
        subprocess.run(
            [sys.executable, script, language, part, "--words", str(row.words)], check=True, stdout=sys.stderr
        )
        part.replace(path)
    return path, measure(path)


def run_row(plan: Plan, row: Row, folder: Path) -> Result:
    """Run all programs in turn, A B C A B C ..., on the text of `row`."""
    text, size = text_of(plan, row, folder)
    say(f"{row.name}: {size.words:,} words in {size.lines:,} lines, {counted_epochs(row)}")
    options = Options(epochs=row.epochs).to_dict()
    job = Job({name: options[name] for name in [*OPTIONS, "epochs"]}, plan.arguments.workers, size.words)
    contestants = [one for name in plan.programs for one in _contestants(plan, name, row, text, folder / "caches")]
    for contestant in contestants:
        _fill_caches(contestant, job, folder)
    runs: list[list[Run]] = [[] for _ in contestants]
    for number in range(1, plan.arguments.runs + 1):
        for contestant, done in zip(contestants, runs, strict=True):
            done.append(_run_once(contestant, job, folder, number))
            say(f"run {number} of {plan.arguments.runs}, {contestant.name}: {done[-1].wall_seconds:.2f} s")
    return Result(row, size, runs)


def _contestants(plan: Plan, name: str, row: Row, text: Path, caches: Path) -> list[AnyContestant]:
    if name in COMMANDS:
        kept = None if name in OTHER else caches
        return [CommandContestant(COMMANDS[name], plan.binaries[name], text, kept)]
    if name not in SCHEDULES:
        return [Contestant(name, name, text)]
    extra, shown = {"schedule": SCHEDULES[name]}, name.replace("-", " ")
    first = [Contestant(shown + FIRST_START, "firth", text, extra)] if row.first_start else []
    return [*first, Contestant(shown, "firth", text, extra, caches)]


def _fill_caches(contestant: AnyContestant, job: Job, folder: Path) -> None:
    """Train on the start of the text, if `contestant` keeps its caches."""
    if contestant.caches:
        start = folder / "start.txt"
        cut(contestant.corpus, start, min(job.words, CACHE_WORDS))
        _run_once(dataclasses.replace(contestant, corpus=start), job, folder, 1)


def _run_once(contestant: AnyContestant, job: Job, folder: Path, seed: int) -> Run:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        if isinstance(contestant, CommandContestant):
            return run_command(contestant, *job, Path(place), seed)
        return run(contestant, *job, Path(place), seed)


def counted_epochs(row: Row) -> str:
    """Return the passes over the text in words."""
    return f"{row.epochs} epoch{'s' if row.epochs > 1 else ''}"


def facts(plan: Plan, versions: dict[str, str]) -> dict[str, Any]:
    """Return what a reader needs to know to interpret the figures."""
    return {
        "versions": versions | {"python": platform.python_version()},
        "machine": machine(),
        "options": {name: Options().to_dict()[name] for name in OPTIONS},
        "workers": plan.arguments.workers,
        "runs": plan.arguments.runs,
        "texts": {name: str(path) for name, (path, _) in plan.texts.items()},
        "differences": {COMMANDS[name].name: COMMANDS[name].differences for name in plan.programs if name in COMMANDS},
    }


def versions_of(plan: Plan) -> dict[str, str]:
    """Return the versions of the programs; of a binary, the path and the start of its SHA-256."""
    versions = {name: version(name) for name in ("firth", "gensim") if any(name in each for each in plan.programs)}
    for name in plan.programs:
        if name in OTHER:
            digest = hashlib.sha256(plan.binaries[name].read_bytes()).hexdigest()
            versions[name] = f"{plan.binaries[name]} ({digest[:12]})"
    return versions


def report(about: dict[str, Any], results: list[Result]) -> str:
    """Return the tables in Markdown."""
    parts = [
        ", ".join(f"{name} {number}" for name, number in about["versions"].items()) + f" on {about['machine']}.",
        f"{', '.join(f'{name}={value}' for name, value in about['options'].items())}; {about['workers']} threads; "
        f"median of {about['runs']} (least..greatest). Factors: times divided by those of {' and '.join(BASELINES)}.",
        *(f"- {name}: {text}." for name, text in about["differences"].items()),
        table(overview_rows([(_title(each), each.runs) for each in results], BASELINES)),
    ]
    for each in results:
        parts += [f"### {_title(each)}", table(program_rows(each.runs, BASELINES))]
    return "\n\n".join(parts) + "\n"


def _title(result: Result) -> str:
    return f"{result.row.name}: {result.size.words:,} words, {result.row.text}, {counted_epochs(result.row)}"


def write(plan: Plan, about: dict[str, Any], results: list[Result]) -> None:
    """Write the files that were requested, with the rows that are finished."""
    if plan.arguments.json:
        rows = [
            {
                "row": each.row._asdict(),
                "corpus": each.size._asdict(),
                "runs": [as_json(one, {}) for own in each.runs for one in own],
            }
            for each in results
        ]
        plan.arguments.json.write_text(json.dumps({**about, "results": rows}, indent=1) + "\n", encoding="utf-8")
    if plan.arguments.markdown:
        plan.arguments.markdown.write_text(report(about, results), encoding="utf-8")


def benchmark(plan: Plan, folder: Path) -> None:
    """Run the rows in the temporary `folder`, and write the files after each."""
    about = facts(plan, versions_of(plan))
    results: list[Result] = []
    for row in plan.rows:
        results.append(run_row(plan, row, folder))
        write(plan, about, results)
    print(report(about, results), end="")


def main() -> int:
    """Run the benchmark and return the exit status."""
    arguments = parser().parse_args()

    def compare() -> None:
        plan = checked(arguments)
        with tempfile.TemporaryDirectory(prefix="firth-bench-", dir=arguments.folder) as folder:
            benchmark(plan, Path(folder))

    return exit_status(compare)


if __name__ == "__main__":
    sys.exit(main())
