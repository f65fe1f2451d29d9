"""Writes a text in one of the artificial languages of `languages.py`: the same seed gives the same bytes.

    python benchmarks/make_text.py korean korean.txt --words 77000000
    python benchmarks/make_text.py english english.txt --words 65000000

It prints the size of the text and of its vocabulary. Memory grows with the number of distinct words, not with the
text. Exit status: 1 if the file cannot be written, 2 for wrong usage.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from languages import LANGUAGES, Language, Numbers, Strings

PIECE = 1 << 20
"""Words that are drawn and written together; a line does not cross a piece."""

MIN_COUNT = 5
BASE = 0x2545F4914F6CDD1D


class TextSize(NamedTuple):
    """What a text holds; `kept` counts the distinct words that occur at least five times."""

    words: int
    lines: int
    bytes: int
    distinct: int
    kept: int


class Piece(NamedTuple):
    """Some words: the numbers of their stems, endings and marks."""

    stems: Numbers
    endings: Numbers
    marks: Numbers


def draw(language: Language, rng: np.random.Generator, words: int) -> Piece:
    """Return the parts of `words` words; the last of them ends its line."""
    stems = language.stem_law.draw(rng, words)
    kinds = language.kinds[stems % len(language.kinds)]
    endings = language.ending_law.draw(rng, words) + language.ending_law.ranks * kinds
    marks = np.searchsorted(np.cumsum(language.mark_shares)[:-1], rng.random(words))
    marks[_line_ends(rng, words, language.line_words)] = len(language.marks) - 1
    return Piece(stems, endings, marks)


def _line_ends(rng: np.random.Generator, words: int, mean: int) -> Numbers:
    """Return the places of the last words of lines, whose lengths follow a gamma distribution."""
    lengths = 1 + rng.gamma(2.5, (mean - 1) / 2.5, size=2 + 2 * words // mean).astype(np.int64)
    ends = np.cumsum(lengths) - 1
    return np.append(ends[ends < words], words - 1)


def spell(language: Language, piece: Piece) -> bytes:
    """Return the text of `piece`."""
    parts = (language.stems[piece.stems], language.endings[piece.endings], language.marks[piece.marks])
    rows = np.concatenate(parts, axis=1)
    return rows[rows != 0].tobytes()


class Hashes(NamedTuple):
    """A polynomial 64-bit hash of every string of a table, and BASE^length: hash(ab) = hash(a) power(b) + hash(b)."""

    hashes: Numbers
    powers: Numbers


def hash_strings(strings: Strings) -> Hashes:
    """Return the hashes of a table's strings."""
    hashes, powers = np.zeros(len(strings), np.int64), np.ones(len(strings), np.int64)
    for letters in strings.T.astype(np.int64):
        hashes = np.where(letters, hashes * BASE + letters, hashes)
        powers = np.where(letters, powers * BASE, powers)
    return Hashes(hashes, powers)


class Vocabulary:
    """Counts of the distinct words, by their hashes; those of the latest pieces wait in a list to be counted."""

    def __init__(self, language: Language) -> None:
        white = np.isin(language.marks, [ord(" "), ord("\n")])
        self.stems = hash_strings(language.stems).hashes
        self.endings = hash_strings(language.endings)
        self.marks = hash_strings(np.where(white, 0, language.marks).astype(np.uint8))
        self.words: Numbers = np.empty(0, np.int64)
        self.counts: Numbers = np.empty(0, np.int64)
        self.waiting: list[Numbers] = []

    def add(self, piece: Piece) -> None:
        """Count the words of `piece`."""
        hashes = self.stems[piece.stems]
        for table, rows in ((self.endings, piece.endings), (self.marks, piece.marks)):
            hashes = hashes * table.powers[rows] + table.hashes[rows]
        self.waiting.append(hashes)
        if len(self.waiting) * PIECE > max(8 * PIECE, len(self.words)):
            self.count()

    def count(self) -> None:
        """Count the waiting words."""
        new = np.sort(np.concatenate(self.waiting))
        self.waiting = []
        words = np.concatenate([self.words, new])
        order = np.argsort(words, kind="stable")  # merges two sorted parts, in linear time
        counts = np.concatenate([self.counts, np.ones_like(new)])[order]
        words = words[order]
        starts = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
        self.words, self.counts = words[starts], np.add.reduceat(counts, starts)


def write(language: Language, path: Path, words: int, seed: int) -> TextSize:
    """Write a text of `words` words to `path`, piece by piece, and return its size."""
    vocabulary = Vocabulary(language)
    lines = 0
    with path.open("wb") as file:
        for piece in _pieces(language, words, seed):
            file.write(spell(language, piece))
            lines += np.count_nonzero(piece.marks == len(language.marks) - 1)
            vocabulary.add(piece)
        size = file.tell()
    vocabulary.count()
    kept = np.count_nonzero(vocabulary.counts >= MIN_COUNT)
    return TextSize(words, lines, size, len(vocabulary.words), kept)


def _pieces(language: Language, words: int, seed: int) -> Iterator[Piece]:
    for start in range(0, words, PIECE):
        rng = np.random.default_rng([seed, 1, start])
        yield draw(language, rng, min(PIECE, words - start))


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("language", choices=sorted(LANGUAGES))
    p.add_argument("file", type=Path, help="the file to write")
    p.add_argument("--words", type=int, required=True, metavar="N", help="the number of words")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    return p


def main() -> int:
    """Write the text, print its size, and return the exit status."""
    p = parser()
    arguments = p.parse_args()
    if arguments.words < 1:
        p.error(f"--words {arguments.words}: give an integer of at least 1")
    if arguments.seed < 0:
        p.error(f"--seed {arguments.seed}: give an integer of at least 0")
    try:
        size = write(LANGUAGES[arguments.language](arguments.seed), arguments.file, arguments.words, arguments.seed)
    except OSError as error:
        print(f"make_text.py: {error}", file=sys.stderr)
        return 1
    print(f"{size.words:,} words in {size.lines:,} lines, {size.bytes:,} bytes ({size.bytes / size.words:.2f} a word);")
    print(f"{size.distinct:,} distinct words, of which {size.kept:,} occur at least {MIN_COUNT} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
