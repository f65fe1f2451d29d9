"""How good vectors are: analogies, and agreement with people's judgements of similarity.

Results are gensim's, number for number. What gensim only logs is part of the answer here: how many questions
the vocabulary covers, and how many lines of the file could not be read.
"""

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, MissingExtraError, OptionError
from firth.messages import advice, counted
from firth.vectors.items import checked_vocab

if TYPE_CHECKING:
    from firth.vectors import KeyedVectors

PathLike = str | os.PathLike[str]
Question = tuple[str, str, str, str]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

_LONGEST_LINE = 1 << 20  # letters; a line of words has a hundred
_LINES_TO_LOOK_AT = 1000  # for what separates the columns, and which one the scores are in
_CANDIDATES = 5  # how many answers gensim looks at for one that is not a spelling of a given word
_FUNCTIONS = {"most_similar": False, "most_similar_cosmul": True}  # name: whether cosines are multiplied
TOTAL = "Total accuracy"


class Section(TypedDict):
    """One section of an analogy file: its name, and the questions answered rightly and wrongly."""

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
    """`score, sections`, as gensim gives them, with the last section the total.

    Attributes beside: `coverage`, one `Coverage` for each section, in their order; `covered` and `total`,
    those of all; `skipped`, the numbers of the lines that are not four words.
    """

    coverage: list[Coverage]
    skipped: list[int]

    @property
    def covered(self) -> int:
        """Questions whose words are all in the vocabulary."""
        return self.coverage[-1].covered

    @property
    def total(self) -> int:
        """Questions in the file."""
        return self.coverage[-1].total


class _Pairs(NamedTuple):
    pearson: tuple[float, float]
    spearman: tuple[float, float]
    oov_ratio: float


class PairsResult(_Pairs):
    """`(pearson, p), (spearman, p), oov_ratio`, as gensim gives them; the last in percent.

    Attributes beside: `covered`, the pairs with both words in the vocabulary, of `total` pairs; `skipped`,
    the numbers of the lines that are not two words and a score.
    """

    covered: int
    total: int
    skipped: list[int]


def evaluate_word_analogies(
    wv: "KeyedVectors",
    analogies: PathLike,
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    similarity_function: str = "most_similar",
) -> AnalogyResult:
    """Answer each question "a is to b as c is to ?" of a file; return the share answered rightly.

    The answer is argmax_v cos(v, b + c - a) over unit vectors (Mikolov et al. 2013, NAACL, section 5: 3CosAdd),
    or with `similarity_function="most_similar_cosmul"` argmax_v s(v, b) s(v, c) / (s(v, a) + 1e-6) with
    s = (1 + cos) / 2 (Levy and Goldberg 2014, eq. 4: 3CosMul), a, b and c excluded; of the best five the first
    that is no other spelling of a, b or c counts. (gensim takes that option and always adds.) Only the first
    `restrict_vocab` keys are used. With `case_insensitive` all words are compared in upper case, and of keys
    that fold together the first stands for all. Questions with a word that is not there are left out, or with
    `dummy4unknown` count as wrong.

    The file has lines of four words and lines `: name` that begin a section. Scores are held for a thousand
    keys at a time. Raises `FormatError` if a question comes before any section, or the file has none, and
    `OptionError` for another similarity function.
    """
    multiply = _multiplies(similarity_function)
    vocabulary = _Vocabulary(wv, restrict_vocab, case_insensitive)
    sections, skipped = _read_questions(Path(analogies), vocabulary.fold)
    questions = [question for _, asked in sections for question in asked]
    rows = vocabulary.rows(questions)
    known = _all_known(rows)
    right = np.zeros(len(questions), dtype=bool)
    right[known] = _answers(wv, vocabulary.first, rows[known, :3], multiply=multiply) == rows[known, 3]
    verdicts = list(zip(known.tolist(), right.tolist(), strict=True))
    result = _tally(sections, verdicts, dummy4unknown)
    result.skipped = skipped
    return result


def evaluate_word_pairs(
    wv: "KeyedVectors",
    pairs: PathLike,
    delimiter: str | None = "\t",
    encoding: str = "utf8",
    restrict_vocab: int | None = 300000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> PairsResult:
    """Return Pearson's and Spearman's correlation, with p-values, of cosines with people's scores of pairs.

    The file has a line for each pair: two words and, in the first column after them that holds a number, the
    score; other columns, a header and lines that begin with `#` are ignored. `delimiter=None` finds out
    whether tabs, commas or spaces part the columns. Where every word ends in a part of speech, as in MEN's
    `sun-n`, a word that is not in the vocabulary with it is looked up without. Words are looked up as in
    `evaluate_word_analogies`; pairs with a word that is not there are left out, or with `dummy4unknown` have
    cosine 0.

    Raises `FormatError` if the file has no pairs, or the vocabulary fewer than two of them, and
    `MissingExtraError` where SciPy is not installed.
    """
    pearsonr, spearmanr = correlations()
    vocabulary = _Vocabulary(wv, restrict_vocab, case_insensitive)
    judged, skipped = _read_pairs(Path(pairs), delimiter, encoding)
    people = np.array([score for _, _, score in judged])
    rows = vocabulary.pair_rows([(first, second) for first, second, _ in judged])
    known = _all_known(rows)
    used = np.ones(len(judged), dtype=bool) if dummy4unknown else known
    n_used = int(used.sum())
    if n_used < 2:
        raise FormatError(
            f"{pairs}: both words are in the vocabulary in {n_used} of {counted(len(judged), 'pair')}, and a "
            "correlation needs two; is this file in the language and the case of the vectors?"
        )
    cosines = np.zeros(len(judged))
    cosines[known] = _pair_cosines(wv, rows[known])
    pearson, spearman = (measure(people[used], cosines[used]) for measure in (pearsonr, spearmanr))
    unknown = len(judged) - int(known.sum())
    result = PairsResult(_floats(pearson), _floats(spearman), 100 * unknown / len(judged))
    result.covered, result.total, result.skipped = int(known.sum()), len(judged), skipped
    return result


# --- words to rows


class _Vocabulary:
    """The first keys of `wv`, in upper case if asked: of those that become the same the first is meant."""

    def __init__(self, wv: "KeyedVectors", restrict_vocab: int | None, case_insensitive: bool):
        self.fold: Callable[[str], str] = str.upper if case_insensitive else str
        folded = [self.fold(str(key)) for key in wv.index_to_key[: checked_vocab(restrict_vocab)]]
        self.row = {word: len(folded) - 1 - back for back, word in enumerate(reversed(folded))}
        self.first: Rows = np.array([self.row[word] for word in folded], dtype=np.intp)

    def rows(self, questions: list[Question]) -> Rows:
        """Return the (n, 4) rows of the words, -1 for those that are not there."""
        found = [[self.row.get(word, -1) for word in question] for question in questions]
        return np.array(found, dtype=np.intp).reshape(-1, 4)

    def pair_rows(self, pairs: list[tuple[str, str]]) -> Rows:
        """Return the (n, 2) rows of the words, -1 where not there; tags are optional if all have one."""
        tagged = all(_TAG.search(word) for pair in pairs for word in pair)
        found = [[self._pair_row(word, tagged) for word in pair] for pair in pairs]
        return np.array(found, dtype=np.intp).reshape(-1, 2)

    def _pair_row(self, word: str, tagged: bool) -> int:
        row = self.row.get(self.fold(word), -1)
        return self.row.get(self.fold(_TAG.sub("", word)), -1) if tagged and row < 0 else row


def _all_known(rows: Rows) -> Flags:
    """Tell for each line of rows whether every word is there."""
    known: Flags = np.asarray(rows.min(axis=1) >= 0)
    return known


_TAG = re.compile(r"(?<=.)-[nvjar]$")  # MEN's part of speech: noun, verb, adjective (j or a), adverb


# --- analogies


def _read_questions(path: Path, fold: Callable[[str], str]) -> tuple[list[tuple[str, list[Question]]], list[int]]:
    """Return (name, questions) of each section, and the numbers of the lines that are neither."""
    sections: list[tuple[str, list[Question]]] = []
    skipped: list[int] = []
    for number, line in _lines(path, "utf8"):
        words = tuple(fold(word) for word in line.split())
        if line.startswith(":"):
            sections.append((line.lstrip(": ").strip(), []))
        elif not sections:
            raise FormatError(f"{path}, line {number}: a question before any section; begin with a line  : name")
        elif len(words) == 4:
            sections[-1][1].append(words)
        else:
            skipped.append(number)
    if not any(questions for _, questions in sections):
        raise FormatError(f"{path} holds no questions: give lines of four words under lines  : name")
    return sections, skipped


def _multiplies(similarity_function: str) -> bool:
    """Tell 3CosMul from 3CosAdd by name; raise `OptionError` for any other."""
    if similarity_function not in _FUNCTIONS:
        raise OptionError(
            f"similarity_function={similarity_function!r} is not allowed: give {' or '.join(map(repr, _FUNCTIONS))}"
        )
    return _FUNCTIONS[similarity_function]


def _answers(wv: "KeyedVectors", first: Rows, asked: Rows, *, multiply: bool) -> Rows:
    """Return the row that answers each of the (n, 3) questions a, b, c; -1 where there is none.

    Of the best candidates it is the first that is not a given word spelt otherwise, or else the last.
    """
    from firth.vectors.search import Matrix, analogies

    answers = np.full(len(asked), -1, dtype=np.intp)
    if not len(asked):
        return answers
    words, questions = np.unique(asked, return_inverse=True)
    matrix = Matrix(wv.vectors, wv.norms, 0, len(first))
    numbered = questions.reshape(asked.shape).astype(np.intp)
    best = analogies(matrix, wv.unit_rows(words), numbered, asked, _CANDIDATES, multiply=multiply)
    undecided = np.ones(len(asked), dtype=bool)
    for rows in best.rows.T:
        spelt = first[rows]
        undecided &= rows >= 0
        answers[undecided] = spelt[undecided]
        undecided &= (spelt[:, None] == asked).any(axis=1)
    return answers


def _tally(
    asked: list[tuple[str, list[Question]]], verdicts: list[tuple[bool, bool]], dummy4unknown: bool
) -> AnalogyResult:
    """Sort the questions by their verdicts, in the same order: (all words known, answered rightly)."""
    in_order = iter(verdicts)
    sections: list[Section] = []
    coverage: list[Coverage] = []
    for name, questions in asked:
        section = Section(section=name, correct=[], incorrect=[])
        covered = 0
        for question, (is_known, is_right) in zip(questions, in_order, strict=False):
            covered += is_known
            if is_known or dummy4unknown:
                section["correct" if is_right else "incorrect"].append(question)
        sections.append(section)
        coverage.append(Coverage(name, covered, len(questions)))
    sections.append(_sum(sections))
    coverage.append(Coverage(TOTAL, sum(part.covered for part in coverage), len(verdicts)))
    result = AnalogyResult(_score(sections[-1]), sections)
    result.coverage = coverage
    return result


def _sum(sections: list[Section]) -> Section:
    return Section(
        section=TOTAL,
        correct=[question for section in sections for question in section["correct"]],
        incorrect=[question for section in sections for question in section["incorrect"]],
    )


def _score(section: Section) -> float:
    correct, incorrect = len(section["correct"]), len(section["incorrect"])
    return correct / (correct + incorrect) if correct + incorrect else 0.0


# --- word pairs


def _read_pairs(path: Path, delimiter: str | None, encoding: str) -> tuple[list[tuple[str, str, float]], list[int]]:
    """Return (word, word, score) of each pair, and the numbers of lines after the header that are none."""
    lines = _uncommented(path, encoding)
    head = list(islice(lines, _LINES_TO_LOOK_AT))  # not all: the file may be something else, and huge
    split = _splitter(head[-1][1] if head else "") if delimiter is None else _split_on(delimiter)
    column = next(filter(None, (_score_column(split(line)) for _, line in head)), None)
    if column is None:
        hint = "" if delimiter is None else "; give the delimiter, or delimiter=None to find it out"
        raise FormatError(
            f"{path} holds no pairs: no line among its first {_LINES_TO_LOOK_AT:,} is two words and a score with "
            f"{_named(delimiter)} between them{hint}"
        )
    pairs: list[tuple[str, str, float]] = []
    skipped: list[int] = []
    for at, (number, line) in enumerate(chain(head, lines)):
        fields = split(line)
        if len(fields) > column and fields[0] and fields[1] and _is_number(fields[column]):
            pairs.append((fields[0], fields[1], float(fields[column])))
        elif at:  # the first may be a header
            skipped.append(number)
    return pairs, skipped


def _uncommented(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in _lines(path, encoding) if not line.startswith("#"))


def _splitter(line: str) -> Callable[[str], list[str]]:
    """Return how to split lines such as this one: at tabs, else at commas, else at white space."""
    return _split_on("\t" if "\t" in line else "," if "," in line else None)


def _split_on(delimiter: str | None) -> Callable[[str], list[str]]:
    return lambda line: [field.strip() for field in line.split(delimiter)]


def _named(delimiter: str | None) -> str:
    return "tabs, commas or spaces" if delimiter is None else repr(delimiter)


def _score_column(fields: list[str]) -> int | None:
    """Return the first column after the two words that holds a number."""
    return next((column for column in range(2, len(fields)) if _is_number(fields[column])), None)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _pair_cosines(wv: "KeyedVectors", rows: Rows) -> NDArray[np.float64]:
    """Return x·y / sqrt(x·x y·y) in float64: so written, a vector's cosine with itself is 1 exactly."""
    x, y = (wv.vectors[rows[:, column]].astype(np.float64) for column in range(2))
    products = np.sqrt(_dots(x, x) * _dots(y, y))
    return np.divide(_dots(x, y), products, out=np.zeros(len(rows)), where=products > 0)


def _dots(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    dots: NDArray[np.float64] = np.einsum("nd,nd->n", x, y)
    return dots


def correlations() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return SciPy's `pearsonr` and `spearmanr`; raise `MissingExtraError` where it is not installed."""
    try:
        from scipy.stats import pearsonr, spearmanr
    except ImportError as error:
        raise MissingExtraError("SciPy", "eval", "the correlation with people's judgements") from error
    return pearsonr, spearmanr


def _floats(correlation: Any) -> tuple[float, float]:
    return float(correlation[0]), float(correlation[1])


# --- files


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) of the lines that are not blank, without the white space at their right."""
    try:
        with path.open(encoding=encoding) as file:
            for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), ""), start=1):
                if len(line) == _LONGEST_LINE:
                    raise FormatError(f"{path}, line {number} has {_LONGEST_LINE} letters or more: it is no such set")
                text = line.removeprefix("\ufeff") if number == 1 else line
                if text.strip():
                    yield number, text.rstrip("\r\n")
    except UnicodeError as error:  # of UTF-16 without its first mark it is no UnicodeDecodeError
        reason = getattr(error, "reason", error)
        raise FormatError(
            f"{path} is not {encoding}: {reason}; {advice('give its encoding', 'convert it to UTF-8')}"
        ) from error
    except LookupError as error:
        raise OptionError(f"encoding={encoding!r}: {error}") from error
