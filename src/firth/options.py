"""Hyper-parameters: the name, default, range and meaning of each, declared once.

The constructor of `Word2Vec`, the flags of `firth train` and the metadata of a saved model all follow from `Options`.
`PhraseOptions` does the same for `Phrases`, `firth phrases` and saved phrases.
"""

import dataclasses
import difflib
import inspect
import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Self

from firth import other_programs
from firth.errors import OptionError
from firth.messages import advice, option

_MOST = 2**63 - 1  # counts are 64-bit integers
MOST_SUMMED_WINDOW = 100
"""The largest window whose pairs are summed in one step: that of the Hogwild schedule; and with subwords."""

BOTH = "hierarchical_softmax+negative_sampling"
"""The objective that is the sum of two others, as gensim and word2vec.c train with `hs=1` and `negative` above 0."""

ENGLISH_CONNECTOR_WORDS = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "without"]
)
"""English articles, prepositions and conjunctions that may stand inside a phrase; gensim has the same words."""

CUSTOM = "custom"  # how a file names a score that is a function
SCORE_ARGUMENTS = ("worda_count", "wordb_count", "bigram_count", "len_vocab", "min_count", "corpus_word_count")
"""The keywords that a function for the score of a pair is called with; gensim has the same names."""


def limits(
    meaning: str,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    optional: bool = False,
    choices: tuple[str, ...] = (),
    pair: bool = False,
    kind: type = int,
) -> dict[str, Any]:
    """Return what is allowed: a range (inclusive, unless `open_low` excludes `low`) or one of `choices`.

    `pair` asks for two whole numbers in that range, the second not below the first. `kind` is the type of an optional
    number.
    """
    bounds = {"low": low, "high": high, "open_low": open_low}
    return {"meaning": meaning, **bounds, "optional": optional, "choices": choices, "pair": pair, "kind": kind}


def _option(default: Any, *arguments: Any, **keywords: Any) -> Any:
    """Declare a field with the arguments of `limits`."""
    return field(default=default, metadata=limits(*arguments, **keywords))


@dataclass(frozen=True, kw_only=True)
class Options:
    """The hyper-parameters of a model.

    Names and defaults are gensim's where gensim has an equivalent. Raises `OptionError` for a value of the wrong
    type or out of range; `Options.from_dict` also raises it for an unknown name, with the nearest known name.
    """

    vector_size: int = _option(
        100, "dimensions D of each vector; at most 8,192, up to which the kernels are tested", 1, 8192
    )
    architecture: str = _option(
        "skip_gram",
        "predict each word of the window from the word in its middle (skip_gram), or the word in the middle from the "
        "mean or sum of the others (cbow)",
        choices=("skip_gram", "cbow"),
    )
    cbow_mean: bool = _option(
        True,
        "for cbow: predict from the mean of the context's vectors (otherwise from their sum); the step of each vector "
        "is not divided by their number",
    )
    objective: str = _option(
        "negative_sampling",
        "loss function: negative sampling, hierarchical softmax over a Huffman tree of the words, the sum of these "
        "two, or the exact softmax",
        choices=("negative_sampling", "hierarchical_softmax", BOTH, "softmax"),
    )
    window: int = _option(
        5,
        "words m on either side of the center word; at most 32,767, because sentences are cut into parts of 32,768 "
        "words, and 100 for skip-gram with schedule hogwild and with subwords. A window ends with its sentence, and "
        "time is proportional to the words in windows",
        1,
        32_767,
    )
    shrink_windows: bool = _option(True, "draw each window's size uniformly from 1 to window (otherwise use window)")
    negative: int = _option(
        5,
        "noise words K drawn for each window; for cbow, for every two windows. 0 for none: for hierarchical softmax, "
        "which has none, and for softmax, which then starts from random vectors. At most 1,024, because the words of a "
        "window are compared with each other",
        0,
        1024,
    )
    ns_exponent: float = _option(0.75, "noise words are drawn in proportion to count ** ns_exponent", -4.0, 4.0)
    sample: float = _option(1e-3, "frequency above which words are randomly dropped; 0 keeps every word", 0.0, 1.0)
    min_count: int = _option(5, "drop words with a lower count; 0 and 1 keep every word", 0, _MOST)
    max_vocab: int | None = _option(None, "maximum vocabulary size; rarer words are dropped", 1, _MOST, optional=True)
    schedule: str = _option(
        "auto",
        "order of updates: blocks gives the same bits for any number of workers, hogwild is faster, and auto is blocks "
        "wherever it is available, except for hierarchical softmax; cbow, subwords and the sum of two objectives have "
        "no blocks and give the same bits with one worker only",
        choices=("auto", "blocks", "hogwild"),
    )
    blocks: int = _option(
        16,
        "schedule blocks only: most blocks P of rows; small corpora have fewer. At most 1,024, because a chunk has "
        "P x P buckets",
        1,
        1024,
    )
    unigram_intercept: bool = _option(True, "for softmax: add log P(o) to the score of the outside word o")
    center_power: float = _option(
        0.5, "for softmax: weight of a center is (number of its pairs) ** center_power; 1 is the plain loss", 0.0, 1.0
    )
    warm_epochs: int = _option(
        3,
        "for softmax: epochs of negative sampling at the start; 0 starts from random vectors, as negative=0 does",
        0,
        _MOST,
    )
    subwords: tuple[int, int] | None = _option(
        None,
        "lengths of the shortest and the longest character n-grams that have vectors of their own, as in fastText",
        1,
        100,
        optional=True,
        pair=True,
    )
    buckets: int = _option(2_000_000, "subwords only: n-grams are hashed to numbers below this", 1, 2**31 - 1)
    epochs: int = _option(5, "passes over the corpus, or for softmax over its center words", 1, 10_000)
    alpha: float = _option(  # at most what a float32 of the kernels holds
        None,
        "initial learning rate, for softmax that of the warm start; by default 0.05 for cbow with cbow_mean and "
        "negative sampling, as in word2vec.c, and 0.025 otherwise",
        0.0,
        3e38,
        open_low=True,
        optional=True,
        kind=float,
    )
    min_alpha: float = _option(1e-4, "final learning rate; the rate falls linearly", 0.0)
    seed: int = _option(1, "seed of all random draws", 0, _MOST)
    lowercase: bool = _option(False, "convert text to lower case")

    def __post_init__(self) -> None:
        _check_fields(self)
        _set_defaults(self)
        _check_combination(self)
        if self.subwords is not None:
            _check_subwords(self)
        if self.min_alpha > self.alpha:
            raise OptionError(
                f"{option('min_alpha', self.min_alpha)} is above {option('alpha', self.alpha)}: the learning rate "
                f"falls, so give a {option('min_alpha')} of at most {self.alpha}"
            )

    @property
    def has_nodes(self) -> bool:
        """Whether there is an output matrix with a row for each inner node of a Huffman tree."""
        return self.objective in ("hierarchical_softmax", BOTH)

    @property
    def has_outside(self) -> bool:
        """Whether there is an output matrix with a row for each word."""
        return self.objective != "hierarchical_softmax"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return options from names and values; raise `OptionError`, with what to use, for an unknown name."""
        names = [field_.name for field_ in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                raise unknown_option(name, [*names, "workers"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        subwords = None if self.subwords is None else list(self.subwords)
        return dataclasses.asdict(self) | {"subwords": subwords}


def _set_defaults(options: Any) -> None:
    """Replace values that stand for a default which depends on other options."""
    if options.negative == 0:
        object.__setattr__(options, "warm_epochs", 0)
    if options.alpha is None:
        is_mean = options.architecture == "cbow" and options.cbow_mean and options.objective == "negative_sampling"
        object.__setattr__(options, "alpha", 0.05 if is_mean else 0.025)
    if options.schedule == "auto":
        any_workers = options.architecture == "skip_gram" and not options.has_nodes and options.subwords is None
        object.__setattr__(options, "schedule", "blocks" if any_workers else "hogwild")


def _check_subwords(options: Options) -> None:
    """Raise `OptionError` for options that are not available with subwords."""
    subwords = option("subwords", pair_text(options.subwords))
    if options.objective == "softmax":
        raise OptionError(
            f"{option('objective', options.objective)} is not available with {subwords}: use "
            f"{option('objective', 'negative_sampling')} or {option('objective', 'hierarchical_softmax')}"
        )
    if options.schedule == "blocks":
        raise OptionError(
            f"{option('schedule', 'blocks')} is not available with {subwords}: words of several blocks share the rows "
            f"of n-grams. Use {option('schedule', 'hogwild')}, which gives the same bits with {option('workers', 1)}"
        )


@dataclass(frozen=True, kw_only=True)
class WalkOptions:
    """The options of `RandomWalks`; names and meanings are those of node2vec (Grover and Leskovec 2016).

    Raises `OptionError` for a value of the wrong type or out of range.
    """

    walks_per_node: int = _option(10, "walks that start at each node", 1, 100_000)
    walk_length: int = _option(
        80, "nodes in a walk; at most 16,383, because a block of 32,768 tokens holds two walks at least", 2, 16_383
    )
    p: float = _option(1.0, "return parameter: below 1, walks tend to return to the previous node", 1e-9, 1e9)
    q: float = _option(
        1.0,
        "in-out parameter: below 1, walks tend to move away from the previous node; above 1, to stay near it",
        1e-9,
        1e9,
    )

    def __post_init__(self) -> None:
        _check_fields(self)


@dataclass(frozen=True, kw_only=True)
class PhraseOptions:
    """The options of `Phrases`; names and defaults are gensim's, except for `max_vocab`.

    `scoring` may also be a function that takes the keywords in `SCORE_ARGUMENTS` and returns a number.

    Raises `OptionError` for a value of the wrong type or out of range.
    """

    min_count: int = _option(5, "form no phrase that occurs less often; the default score subtracts it", 1, _MOST)
    threshold: float = _option(10.0, "form a phrase if its score is higher; from -1 to 1 for npmi")
    scoring: str | Callable[..., float] = _option(  # noqa: RUF009 - the rule takes a union for a call
        "default",
        "score of a pair: that of word2phrase, or normalized pointwise mutual information",
        choices=("default", "npmi"),
    )
    connector_words: frozenset[str] = _option(
        frozenset(), "words that may stand inside a phrase and cannot begin or end it"
    )
    delimiter: str = _option("_", "text between the words of a phrase")
    max_vocab: int | None = _option(
        40_000_000, "maximum number of words and pairs counted; the rarest pairs are dropped", 1, _MOST, optional=True
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "connector_words", _checked_words("connector_words", self.connector_words))
        _check_fields(self)
        if callable(self.scoring):
            _check_score(self.scoring)
        if not self.delimiter:
            raise OptionError(f"{option('delimiter', repr(''))} is not allowed: give at least one character, as in '_'")
        if callable(self.scoring):
            return
        low, high = (0.0, math.inf) if self.scoring == "default" else (-1.0, 1.0)
        if not low <= self.threshold <= high or (self.scoring == "default" and self.threshold == 0):
            raise OptionError(
                f"{option('threshold', f'{self.threshold:g}')} is not allowed with {option('scoring', self.scoring)}: "
                + ("give a number above 0" if self.scoring == "default" else "give a number from -1 to 1, such as 0.5")
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return options from names and values; raise `OptionError`, with what to use, for an unknown name."""
        names = [field_.name for field_ in dataclasses.fields(cls)]
        for name in values:
            if name in other_programs.PHRASES:
                raise OptionError(f"unknown option {name!r}: {other_programs.PHRASES[name]}")
            if name not in names:
                raise unknown_option(name, [*names, "workers"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        scoring = CUSTOM if callable(self.scoring) else self.scoring
        return dataclasses.asdict(self) | {"connector_words": sorted(self.connector_words), "scoring": scoring}


def _check_combination(options: Options) -> None:
    """Raise `OptionError` for an architecture, an objective and a schedule that do not go together."""
    cbow = option("architecture", "cbow")
    if options.architecture == "cbow" and options.objective == "softmax":
        raise OptionError(
            f"{option('objective', 'softmax')} is not available with {cbow}: the exact softmax sums the pairs of each "
            "center word, but a context of several words rarely occurs twice. Use "
            f"{option('objective', 'negative_sampling')}, or {option('architecture', 'skip_gram')}"
        )
    is_summed = options.architecture == "skip_gram" and options.schedule == "hogwild"
    if options.window > MOST_SUMMED_WINDOW and (is_summed or options.subwords is not None):
        given, blocks = option("schedule", "hogwild"), option("schedule", "blocks")
        if options.subwords:
            given, blocks = option("subwords", pair_text(options.subwords)), f"{blocks} without {option('subwords')}"
        advice = "" if options.objective == BOTH else f", or use {blocks}"
        raise OptionError(
            f"{option('window', options.window)} is not available with {given}, which sums many pairs in one step and "
            f"would diverge: give at most {MOST_SUMMED_WINDOW}{advice}"
        )
    if options.negative == 0 and options.objective in ("negative_sampling", BOTH):
        raise OptionError(
            f"{option('negative', 0)} is not allowed: give at least 1 with {option('objective', options.objective)}, "
            f"or use {option('objective', 'hierarchical_softmax')}, which is hs=1 and negative=0 in gensim"
        )
    without_blocks = {cbow: options.architecture == "cbow", option("objective", BOTH): options.objective == BOTH}
    if options.schedule == "blocks" and any(without_blocks.values()):
        name = next(name for name, is_given in without_blocks.items() if is_given)
        raise OptionError(
            f"{option('schedule', 'blocks')} is not available with {name}: give {option('schedule', 'hogwild')}, with "
            f"{option('workers', 1)} for the same bytes in every run"
        )


def _check_fields(options: Any) -> None:
    """Check each field of a dataclass of options whose limits are declared, and store it as a plain Python value."""
    for field_ in dataclasses.fields(options):
        if type(field_.default) is not frozenset and not (field_.name == "scoring" and callable(options.scoring)):
            value = checked(field_.name, getattr(options, field_.name), type(field_.default), field_.metadata)
            object.__setattr__(options, field_.name, value)


def _check_score(scoring: Callable[..., float]) -> None:
    """Raise `OptionError` for a function that does not take the keywords of a score."""
    try:
        inspect.signature(scoring).bind(**dict.fromkeys(SCORE_ARGUMENTS))
    except (TypeError, ValueError):  # wrong parameters, or a function whose parameters are unknown
        raise OptionError(
            f"{option('scoring', shortened(scoring))} is not allowed: give a function that takes the keywords "
            + ", ".join(SCORE_ARGUMENTS)
        ) from None


def _checked_words(name: str, words: Any) -> frozenset[str]:
    """Return words as a set; "english" stands for `ENGLISH_CONNECTOR_WORDS`."""
    if isinstance(words, str) and words == "english":
        return ENGLISH_CONNECTOR_WORDS
    if isinstance(words, Iterable) and not isinstance(words, (str, bytes, Mapping)):
        listed = list(words)
        if all(isinstance(word, str) and word for word in listed):
            return frozenset(map(str, listed))
    raise OptionError(f"{option(name, shortened(words))} is not allowed: give a set of words, or 'english'")


def range_text(limits: Mapping[str, Any]) -> str:
    """Return the allowed range as help and documentation show it: "1 to 100", "at least 0", "above 0" or nothing."""
    low, high = limits["low"], limits["high"]
    if low is None:
        return ""
    if high is None or high >= 2**31:
        return f"above {_number(low)}" if limits["open_low"] else f"at least {_number(low)}"
    return f"{_number(low)} to {_number(high)}"


def _number(limit: float) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def unknown_option(name: object, names: list[str]) -> OptionError:
    """Return the error for an option that is not in `names`, with what to use, the nearest name, or all names."""
    text = f"unknown option {shortened(name)}"
    if name in other_programs.FOREIGN_NAMES:
        return OptionError(f"{text}: {other_programs.answer(str(name))}")
    if nearest := difflib.get_close_matches(str(name)[:_LONGEST_VALUE], names, n=1):
        return OptionError(f"{text}: did you mean {nearest[0]!r}?")
    return OptionError(f"{text}; options are {', '.join(names)}")


def checked(name: str, value: Any, kind: type, limits: Mapping[str, Any]) -> Any:
    """Return `value` as `kind`; raise `OptionError` if the `limits` do not allow it."""
    if limits["optional"]:
        if value is None:
            return None
        kind = limits["kind"]
    if limits["pair"]:
        return _checked_pair(name, value, limits)
    number = _as_kind(value, kind)
    if number is None or not _within(number, limits):
        meaning = _meaning(number, limits)
        raise OptionError(f"{option(name, shortened(value))} is not allowed: give {_allowed(kind, limits)} ({meaning})")
    return number


def _meaning(number: Any, limits: Mapping[str, Any]) -> str:
    """Return what an option means, in short; in full for a number that is too high, because it gives the reason."""
    meaning = str(limits["meaning"])
    is_high = not limits["choices"] and None not in (number, limits["high"]) and number > limits["high"]
    return meaning if is_high else re.split(r"; |\. ", meaning)[0]


def _checked_pair(name: str, value: Any, limits: Mapping[str, Any]) -> tuple[int, int]:
    """Return two whole numbers as a tuple; raise `OptionError` if the `limits` do not allow them."""
    is_pair = isinstance(value, (tuple, list)) and len(value) == 2
    first, second = (_as_kind(each, int) for each in value) if is_pair else (None, None)
    if first is not None and second is not None and limits["low"] <= first <= second <= limits["high"]:
        return first, second
    shown = shortened(value) if first is None or second is None else pair_text((first, second))
    raise OptionError(
        f"{option(name, shown)} is not allowed: give two whole numbers{_range(limits)}, the second not below the "
        f"first, such as {option(name, pair_text((3, 6)))} ({limits['meaning']})"
    )


def pair_text(pair: tuple[int, int] | None) -> str:
    """Return a pair of numbers as the user writes it: (3, 6), or 3-6 on the command line."""
    return str(pair) if pair is None else advice(f"({pair[0]}, {pair[1]})", f"{pair[0]}-{pair[1]}")


def whole(name: str, value: Any, meaning: str, low: int | None = None, *, optional: bool = False) -> Any:
    """Return a whole number as a Python int, or None if it is `optional`; raise `OptionError` for anything else."""
    return checked(name, value, int, limits(meaning, low, optional=optional))


def _as_kind(value: Any, kind: type) -> Any:
    """Return `value` as `kind`, or None: 2.0 is not an int, True is not a number; NumPy scalars are accepted."""
    if kind is bool:
        return bool(value) if type(value).__name__ in {"bool", "bool_"} else None
    if kind is str:
        return str(value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        return None
    try:
        return kind(value)
    except (OverflowError, TypeError, ValueError):  # too large for a float, or a timedelta64, which is an Integral
        return None


def _within(number: Any, limits: Mapping[str, Any]) -> bool:
    if limits["choices"]:
        return number in limits["choices"]
    low, high = limits["low"], limits["high"]
    if isinstance(number, float) and not math.isfinite(number):
        return False
    above = low is None or number > low or (number == low and not limits["open_low"])
    return above and (high is None or number <= high)


def _allowed(kind: type, limits: Mapping[str, Any]) -> str:
    if kind is bool:
        return "True or False"
    if kind is str:
        return " or ".join(map(repr, limits["choices"])) or "a string"
    noun = "a whole number" if kind is int else "a number"
    return noun + _range(limits) + (advice(" or None") if limits["optional"] else "")


def _range(limits: Mapping[str, Any]) -> str:
    if limits["low"] is None:
        return ""
    low, high = (None if limit is None else _number(limit) for limit in (limits["low"], limits["high"]))
    if limits["open_low"]:
        return f" above {low}" + ("" if high is None else f", at most {high}")
    return f" of at least {low}" if high is None else f" from {low} to {high}"


_LONGEST_VALUE = 100  # characters


class _Shortened(reprlib.Repr):
    """Short representations for messages: long values are cut."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlong, self.maxother = 2, _LONGEST_VALUE, _LONGEST_VALUE

    def repr1(self, x: Any, level: int) -> str:
        """Return the representation of one value."""
        if isinstance(x, (str, bytes, bytearray)):
            return repr(x) if len(x) <= _LONGEST_VALUE else f"{x[:_LONGEST_VALUE]!r}... ({len(x):,} long)"
        try:
            return " ".join(super().repr1(x, level).split())  # that of a table has several lines
        except ValueError:  # an int with more digits than Python prints
            return f"<{type(x).__name__} of more than 4,000 digits>"


shortened = _Shortened().repr
"""Return a representation of any value in about a hundred characters."""
