"""Writes a text without some words of evaluation sets, and with others rare, to test the vectors of such words.

    python benchmarks/hide_words.py wiki.txt hidden.txt --pairs wordsim353.txt simlex999.txt
    python benchmarks/compare.py --corpus hidden.txt --subwords 3 6 --pairs wordsim353.txt simlex999.txt

Of the words of the sets, a third is left out, and of another third only the first ten occurrences are kept. The CRC-32
of a word decides which third it belongs to, so the result is always the same.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from zlib import crc32

from command_line import check_file, check_output, exit_status, say
from quality import read_pairs

KEPT = 10
"""How often a word that is made rare stays in the text."""


def allowed(word: str) -> int | None:
    """Return how many occurrences of a word of the sets stay: 0, KEPT, or None, which is all."""
    return (0, KEPT, None)[crc32(word.encode()) % 3]


def words_of(pairs: list[Path]) -> list[str]:
    """Return the words of all pairs in lower case, each once."""
    lines = [line.lower().split("\t") for path in pairs for line in read_pairs(path).lines]
    return sorted({word for first, second, _ in lines for word in (first, second)})


def hide(source: Path, target: Path, words: list[str]) -> Counter[str]:
    """Write `source` to `target` without the words that are hidden; return how often each was left out."""
    limits = {word: limit for word in words if (limit := allowed(word)) is not None}
    seen: Counter[str] = Counter()

    def stays(word: str) -> bool:
        if word not in limits:
            return True
        seen[word] += 1
        return seen[word] <= limits[word]

    with source.open(encoding="utf-8") as text, target.open("w", encoding="utf-8") as out:
        for line in text:
            out.write(" ".join(filter(stays, line.split())) + "\n")
    return Counter({word: n - limits[word] for word, n in seen.items() if n > limits[word]})


def main() -> int:
    """Write the text and return the exit status."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("source", type=Path, help="text file, one sentence or paragraph a line")
    p.add_argument("target", type=Path, help="the file to write")
    p.add_argument("--pairs", type=Path, nargs="+", required=True, metavar="FILE", help="word pairs with scores")
    arguments = p.parse_args()

    def write() -> None:
        for path in (arguments.source, *arguments.pairs):
            check_file(path)
        check_output("target", arguments.target)
        words = words_of(arguments.pairs)
        left_out = hide(arguments.source, arguments.target, words)
        say(f"{len(words):,} words of the sets; left out: {left_out.total():,} occurrences of {len(left_out):,}")

    return exit_status(write)


if __name__ == "__main__":
    sys.exit(main())
