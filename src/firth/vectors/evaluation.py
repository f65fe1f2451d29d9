"""Evaluation of vectors: analogies, and correlation with human judgements of similarity.

Results equal those of gensim. They also report what gensim only logs: how many questions the vocabulary covers, and
which lines of the file were skipped.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, MissingExtraError, OptionError
from firth.messages import advice, counted
from firth.options import checked, limits
from firth.vectors.queries import Queries
from firth.vectors.query_input import RowIndices, checked_vocab
from firth.vectors.search import analogies as best_answers

Question = tuple[str, str, str, str]

_LONGEST_LINE = 1 << 20  # characters; a typical line has a hundred
_LINES_EXAMINED = 1000  # to find the column of the scores
_CANDIDATES = 5  # the number of answers from which gensim takes the first that is not a spelling of a given word
_FUNCTIONS = limits("how candidates are scored", choices=("most_similar", "most_similar_cosmul"))
_TAG = re.compile(r"(?<=.)-[nvjar]$")  # the part of speech in MEN: noun, verb, adjective (j or a), adverb
_TOTAL = "Total accuracy"


class Section(TypedDict):
    """One section of an analogy file: its name, and the questions answered correctly and incorrectly."""

    section: str
    correct: list[Question]
    incorrect: list[Question]


class Coverage(NamedTuple):
    """How many of a section's `total` questions have all their words in the vocabulary."""

    section: str
    covered: int
    total: int


class _Analogies(NamedTuple):
    score: float
    sections: list[Section]


class AnalogyResult(_Analogies):
    """The tuple `score, sections` that gensim returns, with the total as the last section.

    More attributes: `coverage`, a `Coverage` for each section, in the same order; `covered` and `total`, those of the
    whole file; `skipped`, the numbers of lines that are not four words.
    """

    coverage: list[Coverage]
    covered: int
    total: int
    skipped: list[int]


class _Pairs(NamedTuple):
    pearson: tuple[float, float]
    spearman: tuple[float, float]
    oov_ratio: float


class PairsResult(_Pairs):
    """The tuple `(pearson, p), (spearman, p), oov_ratio` that gensim returns; the ratio is in percent.

    More attributes: `covered`, the number of pairs with both words in the vocabulary, of `total` pairs; `skipped`,
    the numbers of lines that are not two words and a score.
    """

    covered: int
    total: int
    skipped: list[int]


class Evaluation(Queries):
    """The evaluation methods of `KeyedVectors`."""

    def evaluate_word_analogies(
        self,
        analogies: str | os.PathLike[str],
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> AnalogyResult:
        """Answer each question "a is to b as c is to ?" of a file; return the share of correct answers.

        The answer is argmax_v cos(v, b) - cos(v, a) + cos(v, c) (Mikolov et al. 2013, NAACL, section 5: 3CosAdd), or
        with `similarity_function="most_similar_cosmul"` argmax_v s(v, b) s(v, c) / (s(v, a) + 1e-6) with
        s = (1 + cos) / 2 (Levy and Goldberg 2014, eq. 4: 3CosMul), where v is not a, b or c. Of the best five, the
        first that is not another spelling of a, b or c counts. (gensim accepts that argument and always uses 3CosAdd.)
        Only the first `restrict_vocab` keys are used. With `case_insensitive`, words are compared in upper case; if
        several keys fold to the same string, the first one is used. Questions with unknown words are left out, or with
        `dummy4unknown` count as wrong.

        The file has lines of four words, and lines `: name` that start a section. Raises `FormatError` if a question
        comes before any section or the file has none, and `OptionError` for another similarity function.
        """
        multiply = checked("similarity_function", similarity_function, str, _FUNCTIONS) != "most_similar"
        vocabulary = _Vocabulary(self, restrict_vocab, case_insensitive)
        asked, skipped = _read_questions(Path(analogies), vocabulary.fold)
        questions = [question for _, section in asked for question in section]
        rows = vocabulary.rows(questions, 4)
        known = rows.min(axis=1) >= 0
        correct = np.zeros(len(questions), dtype=bool)
        correct[known] = self._answers(vocabulary.first, rows[known, :3], multiply=multiply) == rows[known, 3]
        result = _tally(asked, zip(known.tolist(), correct.tolist(), strict=True), dummy4unknown)
        result.skipped = skipped
        return result

    def evaluate_word_pairs(
        self,
        pairs: str | os.PathLike[str],
        delimiter: str | None = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> PairsResult:
        """Return the Pearson and Spearman correlations, with p-values, of cosines with human scores of word pairs.

        The file has a line for each pair: two words, and the score in the first column after them that holds a
        number. Other columns, a header and lines that start with `#` are ignored. `delimiter=None` detects whether
        columns are separated by tabs, commas or spaces. If every word ends in a part of speech, such as MEN's `sun-n`,
        a word that is not in the vocabulary is looked up without it. Words are looked up as in
        `evaluate_word_analogies`. Pairs with an unknown word are left out, or with `dummy4unknown` have cosine 0.

        Raises `FormatError` if the file has no pairs, or fewer than two with both words in the vocabulary, and
        `MissingExtraError` if SciPy is not installed.
        """
        pearsonr, spearmanr = correlations()
        vocabulary = _Vocabulary(self, restrict_vocab, case_insensitive)
        judged, skipped = _read_pairs(Path(pairs), delimiter, encoding)
        words = [(first, second) for first, second, _ in judged]
        rows = vocabulary.rows(words, 2)
        if all(_TAG.search(word) for pair in words for word in pair):
            untagged = vocabulary.rows([(_TAG.sub("", first), _TAG.sub("", second)) for first, second in words], 2)
            rows = np.where(rows < 0, untagged, rows)
        known = rows.min(axis=1) >= 0
        covered, total = int(known.sum()), len(judged)
        used = np.ones(total, dtype=bool) if dummy4unknown else known
        if used.sum() < 2:
            raise FormatError(
                f"{pairs}: both words are in the vocabulary in {covered} of {counted(total, 'pair')}, and a "
                "correlation needs two: give a file in the language and case of the vectors"
            )
        scores, cosines = np.array([score for _, _, score in judged]), np.zeros(total)
        cosines[known] = self._pair_cosines(rows[known])
        pearson, spearman = (
            (float(r), float(p)) for r, p in (measure(scores[used], cosines[used]) for measure in (pearsonr, spearmanr))
        )
        result = PairsResult(pearson, spearman, 100 * (total - covered) / total)
        result.covered, result.total, result.skipped = covered, total, skipped
        return result

    def _answers(self, first: RowIndices, asked: RowIndices, *, multiply: bool) -> RowIndices:
        """Return the row that answers each of the (n, 3) questions a, b, c; -1 if there is none.

        It is the first of the best candidates that is not another spelling of a given word, or else the last one.
        """
        answers = np.full(len(asked), -1, dtype=np.intp)
        if not len(asked):
            return answers
        words, inverse = np.unique(asked, return_inverse=True)
        questions = inverse.reshape(asked.shape).astype(np.intp)
        searched = self._searched_rows(0, len(first))
        best = best_answers(searched, self.unit_rows(words), questions, asked, _CANDIDATES, multiply=multiply)
        undecided = np.ones(len(asked), dtype=bool)
        for candidates in best.rows.T:
            spellings = first[candidates]
            undecided &= candidates >= 0
            answers[undecided] = spellings[undecided]
            undecided &= (spellings[:, None] == asked).any(axis=1)
        return answers

    def _pair_cosines(self, rows: RowIndices) -> NDArray[np.float64]:
        """Return x·y / sqrt(x·x y·y) of (n, 2) rows in float64; the cosine of a vector with itself is exactly 1."""
        x, y = (self._vectors[rows[:, column]].astype(np.float64) for column in range(2))
        xy, xx, yy = (np.einsum("nd,nd->n", a, b) for a, b in ((x, y), (x, x), (y, y)))
        products = np.sqrt(xx * yy)
        cosines: NDArray[np.float64] = np.divide(xy, products, out=np.zeros(len(rows)), where=products > 0)
        return cosines


def correlations() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return SciPy's `pearsonr` and `spearmanr`; raise `MissingExtraError` if it is not installed."""
    try:
        from scipy.stats import pearsonr, spearmanr  # optional, and slow to import
    except ImportError as error:
        raise MissingExtraError("SciPy", "eval", "the correlation with human judgements") from error
    return pearsonr, spearmanr


class _Vocabulary:
    """The first keys of `wv`, in upper case if `case_insensitive`; if keys fold to the same string, the first wins.

    first  (V,) for each row, the first row with the same folded key
    """

    def __init__(self, wv: Queries, restrict_vocab: int | None, case_insensitive: bool):
        self.fold: Callable[[str], str] = str.upper if case_insensitive else str
        folded = [self.fold(str(key)) for key in wv.index_to_key[: checked_vocab(restrict_vocab)]]
        self._row = {word: len(folded) - 1 - back for back, word in enumerate(reversed(folded))}
        self.first: RowIndices = np.array([self._row[word] for word in folded], dtype=np.intp)

    def rows(self, lines: Sequence[tuple[str, ...]], n: int) -> RowIndices:
        """Return the (lines, n) rows of the n words of each line, -1 for unknown words."""
        found = [[self._row.get(self.fold(word), -1) for word in words] for words in lines]
        return np.array(found, dtype=np.intp).reshape(-1, n)


def _tally(
    asked: list[tuple[str, list[Question]]], outcomes: Iterator[tuple[bool, bool]], dummy4unknown: bool
) -> AnalogyResult:
    """Count the outcomes, (all words are known, the answer is correct) for each question in the same order."""
    sections: list[Section] = []
    coverage: list[Coverage] = []
    for name, questions in asked:
        section = Section(section=name, correct=[], incorrect=[])
        covered = 0
        for question, (is_known, is_correct) in zip(questions, outcomes, strict=False):
            covered += is_known
            if is_known or dummy4unknown:
                section["correct" if is_correct else "incorrect"].append(question)
        sections.append(section)
        coverage.append(Coverage(name, covered, len(questions)))
    correct = [question for section in sections for question in section["correct"]]
    incorrect = [question for section in sections for question in section["incorrect"]]
    sections.append(Section(section=_TOTAL, correct=correct, incorrect=incorrect))
    coverage.append(Coverage(_TOTAL, sum(part.covered for part in coverage), sum(part.total for part in coverage)))
    result = AnalogyResult(len(correct) / max(1, len(correct) + len(incorrect)), sections)
    result.coverage = coverage
    _, result.covered, result.total = coverage[-1]
    return result


def _read_questions(path: Path, fold: Callable[[str], str]) -> tuple[list[tuple[str, list[Question]]], list[int]]:
    """Return (name, questions) of each section, and the numbers of skipped lines."""
    sections: list[tuple[str, list[Question]]] = []
    skipped: list[int] = []
    for number, line in _lines(path, "utf8"):
        words = tuple(fold(word) for word in line.split())
        if line.startswith(":"):
            sections.append((line.lstrip(": ").strip(), []))
        elif not sections:
            raise FormatError(f"{path}, line {number}: a question before the first section line ': NAME'")
        elif len(words) == 4:
            sections[-1][1].append(words)
        else:
            skipped.append(number)
    if not any(questions for _, questions in sections):
        raise FormatError(f"{path} has no questions: give lines of four words under section lines ': NAME'")
    return sections, skipped


def _read_pairs(path: Path, delimiter: str | None, encoding: str) -> tuple[list[tuple[str, str, float]], list[int]]:
    """Return (word, word, score) of each pair, and the numbers of skipped lines after the header."""
    lines = ((number, line) for number, line in _lines(path, encoding) if not line.startswith("#"))
    head = list(islice(lines, _LINES_EXAMINED))  # not all: it may be another kind of file, and huge
    separator = delimiter
    if head and delimiter is None:
        separator = next((mark for mark in "\t," if mark in head[-1][1]), None)
    rows = (_fields(line, separator) for _, line in head)
    column = next((at for row in rows for at in range(2, len(row)) if _is_number(row[at])), None)
    if column is None:
        name, hint = "tabs, commas or spaces", ""
        if delimiter is not None:
            name, hint = repr(delimiter), "; give the delimiter, or delimiter=None to detect it"
        raise FormatError(
            f"{path} has no word pairs: none of its first {_LINES_EXAMINED:,} lines is two words and a score "
            f"separated by {name}{hint}"
        )
    pairs: list[tuple[str, str, float]] = []
    skipped: list[int] = []
    for position, (number, line) in enumerate(chain(head, lines)):
        fields = _fields(line, separator)
        if len(fields) > column and fields[0] and fields[1] and _is_number(fields[column]):
            pairs.append((fields[0], fields[1], float(fields[column])))
        elif position:  # the first may be a header
            skipped.append(number)
    return pairs, skipped


def _fields(line: str, separator: str | None) -> list[str]:
    return [field.strip() for field in line.split(separator)]


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) of the lines that are not blank, without the line break."""
    try:
        with path.open(encoding=encoding) as file:
            for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), ""), start=1):
                if len(line) == _LONGEST_LINE:
                    raise FormatError(
                        f"{path}, line {number} has {_LONGEST_LINE:,} characters or more: not an analogy or word-pair "
                        "file"
                    )
                text = line.removeprefix("\ufeff") if number == 1 else line
                if text.strip():
                    yield number, text.rstrip("\r\n")
    except UnicodeError as error:  # UTF-16 without a byte order mark is not a UnicodeDecodeError
        reason = getattr(error, "reason", error)
        raise FormatError(
            f"{path} is not {encoding}: {reason}; {advice('give its encoding', 'convert it to UTF-8')}"
        ) from error
    except LookupError as error:
        raise OptionError(f"encoding={encoding!r}: {error}") from error
