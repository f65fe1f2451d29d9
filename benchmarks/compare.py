"""Trains firth, gensim and perhaps fastText in turn on the same text, options and threads, and prints a comparison.

    python benchmarks/compare.py --corpus text.txt --analogies questions-words.txt --pairs simlex999.txt

README.md in this folder describes what is measured and how. Exit status: 1 if a run failed, 2 for wrong usage.
"""

import argparse
import json
import platform
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from command_line import WrongUseError, check_file, check_output, check_program, exit_status, machine, say
from commands import FASTTEXT, CommandContestant, run_command
from corpus import Size, cut, cut_lines, is_text, measure
from quality import Pairs, Score, count_questions, evaluate, read_pairs
from report import as_json, memory_line, pair_rows, quality_rows, speed_rows, table
from runner import Contestant, Run, run, version

from firth import Options

ALIKE = ["alpha", "min_alpha", "ns_exponent", "shrink_windows"]
"""Options that both programs get with firth's defaults, in addition to those that the command line sets."""

SHARED = ["architecture", "objective", "vector_size", "window", "negative", "sample", "min_count", "epochs"]
"""The options that the command line sets."""


AnyContestant = Contestant | CommandContestant


class Plan(NamedTuple):
    """A checked command line."""

    arguments: argparse.Namespace
    options: dict[str, Any]
    pairs: list[Pairs]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("--corpus", type=Path, required=True, help="text file, one sentence or paragraph a line")
    p.add_argument("--train-words", type=int, metavar="N", help="use the first N words only")
    p.add_argument("--analogies", type=Path, metavar="FILE", help="analogies, as questions-words.txt")
    p.add_argument("--pairs", type=Path, nargs="+", default=[], metavar="FILE", help="word pairs with scores")
    p.add_argument("--runs", type=int, default=3, help="runs of each (default: %(default)s)")
    p.add_argument("--seeds", type=int, nargs="+", help="used in turn by the runs (default: 1 2 3 ...)")
    p.add_argument("--workers", type=int, default=2, help="threads of each (default: %(default)s)")
    defaults = Options()
    for name in SHARED:
        value = getattr(defaults, name)
        flag = f"--{name.replace('_', '-')}"
        p.add_argument(flag, type=type(value), default=value, metavar="X", help="for both (default: %(default)s)")
    p.add_argument(
        "--subwords",
        type=int,
        nargs=2,
        metavar=("MIN", "MAX"),
        help="lengths of the n-grams, for both: gensim trains FastText (default: no n-grams)",
    )
    p.add_argument(
        "--fasttext", type=Path, metavar="BINARY", help="with --subwords: also run this binary of fastText's program"
    )
    p.add_argument(
        "--firth",
        nargs="+",
        default=[""],
        metavar="NAME=VALUE,...",
        help="options of firth only, such as schedule=blocks; each further argument is a further contestant",
    )
    p.add_argument(
        "--five-word-lines",
        action="store_true",
        help="no gensim: compare firth on the text cut into lines of five words with firth on the text",
    )
    p.add_argument("--json", type=Path, metavar="OUT", help="also write every run to this file")
    return p


def checked(arguments: argparse.Namespace) -> Plan:
    """Check everything before training; raise `WrongUseError`, `OptionError` or `SetError`."""
    for path in filter(None, (arguments.corpus, arguments.analogies, *arguments.pairs)):
        check_file(path)
    if not is_text(arguments.corpus):
        raise WrongUseError(f"{arguments.corpus}: not plain UTF-8 text, which is all that gensim reads")
    if arguments.json:
        check_output("--json", arguments.json)
    for name in ("runs", "workers", "train_words"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise WrongUseError(f"--{name.replace('_', '-')} {value}: give an integer of at least 1")
    arguments.seeds = arguments.seeds or list(range(1, arguments.runs + 1))
    _check_seeds(arguments)
    if arguments.fasttext:
        _check_fasttext(arguments)
    if arguments.analogies:
        count_questions(arguments.analogies)
    pairs = [read_pairs(path) for path in arguments.pairs]
    if len({each.name for each in pairs}) < len(pairs):
        raise WrongUseError(f"--pairs: two sets have the same name: {', '.join(each.name for each in pairs)}")
    return Plan(arguments, _options(arguments), pairs)


def _check_seeds(arguments: argparse.Namespace) -> None:
    for seed in arguments.seeds:
        if not 0 <= seed < 2**32:  # gensim's limit
            raise WrongUseError(f"--seeds {seed}: give numbers from 0 to {2**32 - 1}")
    if len(arguments.seeds) > arguments.runs:
        raise WrongUseError(f"--seeds: {len(arguments.seeds)} seeds for {arguments.runs} runs; give --runs as many")


def _check_fasttext(arguments: argparse.Namespace) -> None:
    check_program("--fasttext", arguments.fasttext)
    if not arguments.subwords or arguments.five_word_lines:
        raise WrongUseError("--fasttext: give --subwords, without --five-word-lines")
    if (arguments.architecture, arguments.objective) != ("skip_gram", "negative_sampling"):
        raise WrongUseError("--fasttext: fastText is run as skip-gram with negative sampling only")


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options both programs take, under the names they share."""
    if arguments.objective == "softmax":
        raise WrongUseError("--objective softmax: gensim does not have it; give --firth objective=softmax")
    options = Options(**{name: getattr(arguments, name) for name in [*SHARED, "subwords"]}).to_dict()
    with_subwords = ["subwords", "buckets"] if arguments.subwords else []
    return {name: options[name] for name in SHARED + ALIKE + with_subwords}


def _variant(text: str) -> dict[str, Any]:
    """Parse options such as `schedule=blocks,max_vocab=20000`; a value that is not JSON is a string."""
    options: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    Options.from_dict(options)
    return options


def prepare(plan: Plan, folder: Path) -> tuple[list[AnyContestant], Size]:
    """Cut the corpus as requested; return the contestants, the peers last, and the size of the text they read."""
    corpus = plan.arguments.corpus.resolve()
    if plan.arguments.train_words:
        cut(corpus, folder / "corpus.txt", plan.arguments.train_words)
        corpus = folder / "corpus.txt"
    size = measure(corpus)
    if not size.words:
        raise WrongUseError(f"{plan.arguments.corpus}: has no words")
    if not plan.arguments.five_word_lines:
        _warn_about_long_lines(size)
        ours = [Contestant(f"firth {text}".strip(), "firth", corpus, _variant(text)) for text in plan.arguments.firth]
        return [*ours, Contestant("gensim", "gensim", corpus), *_fasttext(plan, corpus)], size
    cut_lines(corpus, folder / "lines.txt", 5)
    extra = _variant(plan.arguments.firth[0])
    short = Contestant("five-word lines", "firth", folder / "lines.txt", extra)
    return [short, Contestant("text as it is", "firth", corpus, extra)], size


def _fasttext(plan: Plan, corpus: Path) -> list[CommandContestant]:
    binary = plan.arguments.fasttext
    return [CommandContestant(FASTTEXT, binary.resolve(), corpus)] if binary else []


def _warn_about_long_lines(size: Size) -> None:
    if size.unseen:
        say(
            f"warning: lines of up to {size.longest:,} words: gensim drops all after the 10,000th of a line, "
            f"{size.unseen / size.words:.1%} of the text, yet its words/s are counted on the whole text"
        )


def race(plan: Plan, contestants: list[AnyContestant], words: int, folder: Path) -> list[list[Run]]:
    """Run the contestants in turn, A B A B ..., and return the runs of each."""
    seeds = plan.arguments.seeds
    runs: list[list[Run]] = [[] for _ in contestants]
    for number in range(plan.arguments.runs):
        for contestant, done in zip(contestants, runs, strict=True):
            place = folder / f"{contestants.index(contestant)}-{number}"
            place.mkdir()
            seed = seeds[number % len(seeds)]
            result = _run(contestant, plan, words, place, seed)
            done.append(result)
            say(f"run {number + 1} of {plan.arguments.runs}, {_summary(result)}")
            _warn_about_words(result, words * plan.options["epochs"])
    return runs


def _run(contestant: AnyContestant, plan: Plan, words: int, place: Path, seed: int) -> Run:
    job = plan.options, plan.arguments.workers, words, place, seed
    return run_command(contestant, *job) if isinstance(contestant, CommandContestant) else run(contestant, *job)


def _summary(result: Run) -> str:
    return (
        f"{result.name}: {result.words_per_second:,.0f} words/s, "
        f"{result.wall_seconds:.1f} s, {result.peak_bytes / 1e6:.0f} MB"
    )


def _warn_about_words(result: Run, expected: int) -> None:
    reported = result.raw_words_reported
    if reported is not None and abs(reported / expected - 1) > 0.01:
        say(f"warning: {result.name} reports {reported:,.0f} words read, but the text has {expected:,}")


def judge(plan: Plan, runs: list[list[Run]], folder: Path) -> list[list[dict[str, Score]]]:
    """Score the saved vectors of every run, after all the timing."""
    if not (plan.arguments.analogies or plan.pairs):
        return [[{} for _ in own] for own in runs]
    say("scoring the saved vectors with gensim's evaluation ...")
    sets = plan.arguments.analogies, plan.pairs, folder, "subwords" in plan.options
    return [[evaluate(each.vectors.with_suffix(".bin"), *sets) for each in own] for own in runs]


def facts(plan: Plan, contestants: list[AnyContestant], versions: dict[str, str], size: Size) -> dict[str, Any]:
    """Return what a reader needs to know to interpret the figures."""
    return {
        "versions": {**versions, "python": platform.python_version()},
        "machine": machine(),
        "corpus": size._asdict(),
        "options": plan.options,
        "workers": plan.arguments.workers,
        "runs": plan.arguments.runs,
        "seeds": plan.arguments.seeds,
        "order": [contestant.name for contestant in contestants],
    }


def show(about: dict[str, Any], runs: list[list[Run]], scores: list[list[dict[str, Score]]], plan: Plan) -> None:
    """Print the tables."""
    print(", ".join(f"{name} {number}" for name, number in about["versions"].items()), "on", about["machine"])
    print(f"{about['corpus']['words']:,} words in {about['corpus']['lines']:,} lines;", end=" ")
    print(", ".join(f"{name}={value}" for name, value in plan.options.items()), end="; ")
    print(f"{about['workers']} workers; {about['runs']} runs each, seeds {about['seeds']}")
    print("\nMedian (least..greatest); ratios pair by pair. Analogies in percent, pairs in Spearman x 100")
    for pairs in plan.pairs:
        if pairs.skipped:
            print(f"\n{pairs.name}: {pairs.skipped} lines without two words and a number, skipped")
    n_ours = len(runs) - (2 if plan.arguments.fasttext else 1)
    for (one, its_scores), (theirs, their_scores) in product(
        zip(runs[:n_ours], scores, strict=False), zip(runs[n_ours:], scores[n_ours:], strict=True)
    ):
        print(f"\n{table(speed_rows(one, theirs))}\n\n{memory_line(one[0], plan.options['vector_size'])}")
        print(f"\nEvery pair of runs\n\n{table(pair_rows(one, theirs))}")
        if its_scores[0]:
            print(f"\n{table(quality_rows(one[0].name, theirs[0].name, its_scores, their_scores))}")


def benchmark(plan: Plan, folder: Path) -> None:
    """Run the whole benchmark in the temporary `folder`."""
    contestants, size = prepare(plan, folder)
    judged = plan.arguments.analogies or plan.pairs
    programs = {each.program: None for each in contestants if isinstance(each, Contestant)}
    programs |= {"gensim": None} if judged else {}
    versions = {program: version(program) for program in programs}
    runs = race(plan, contestants, size.words, folder)
    scores = judge(plan, runs, folder)
    about = facts(plan, contestants, versions, size)
    show(about, runs, scores, plan)
    if plan.arguments.json:
        results = [
            as_json(r, s) for own, judged_ in zip(runs, scores, strict=True) for r, s in zip(own, judged_, strict=True)
        ]
        plan.arguments.json.write_text(json.dumps({**about, "results": results}, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Run the benchmark and return the exit status."""
    arguments = parser().parse_args()

    def compare() -> None:
        plan = checked(arguments)
        with tempfile.TemporaryDirectory(prefix="firth-bench-") as folder:
            benchmark(plan, Path(folder))

    return exit_status(compare)


if __name__ == "__main__":
    sys.exit(main())
