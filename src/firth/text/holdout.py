"""Holds out text for validation: a part of the corpus, or another text."""

import os
from dataclasses import replace
from typing import Any, TypeGuard, cast

import numpy as np

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.text.choosing import KnownWords
from firth.text.corpus import Corpus, CorpusInput
from firth.text.frames import is_column, is_table
from firth.text.how import ReadOptions
from firth.text.inputs import has_files, is_plain_text
from firth.text.opening import UTF8
from firth.text.pair_table import PairTable
from firth.text.pairs import store_of
from firth.text.reading import check_corpus, read_corpus
from firth.text.store import TokenStore

_HELD_OUT = 2**32 - 6  # seed of the choice of pairs


def hold_out(
    corpus: Corpus,
    validation: CorpusInput | float,
    options: Options,
    workers: int,
    how: ReadOptions | None = None,
) -> tuple[Corpus, TokenStore]:
    """Return the corpus to train on, and the tokens to validate on.

      validation  a fraction in (0, 1): that share of the corpus, its last blocks of tokens, is held out. Anything
                  else is read by `read_corpus`, and words outside the vocabulary of `corpus` are skipped
      how         as in `read_corpus`, as far as it applies to `validation`

    The vocabulary and its counts stay those of the whole `corpus`. Raises `OptionError` for a number outside (0, 1),
    and `CorpusError` if either part would be empty.
    """
    if _is_number(validation):
        check_validation(validation, how or ReadOptions())
        return _last_part(corpus, validation)
    applicable = how_to_validate(validation, how or ReadOptions())
    known = KnownWords(corpus.vocabulary, options, name="the validation text")
    return corpus, read_corpus(cast(CorpusInput, validation), known, applicable, workers=workers).tokens


def how_to_validate(validation: Any, how: ReadOptions) -> ReadOptions:
    """Return the options of reading the corpus that apply to a validation text too: those of its kind of input."""
    without: dict[str, Any] = {"offsets": None}
    if not has_files(validation):
        without |= {"max_input_bytes": None, "encoding": UTF8}
        if not is_table(validation):
            without |= {"column": None, "tokenizer": None}
    if how.column is not None and (is_column(validation) or is_plain_text(validation)):
        without["column"] = None
    return replace(how, **without)


def check_validation(
    validation: CorpusInput | float | None, how: ReadOptions, apart: str | os.PathLike[str] | None = None
) -> None:
    """Raise `OptionError` for a number that is not a fraction in (0, 1), and for a text what `check_corpus` raises."""
    if _is_number(validation) and not 0 < validation < 1:
        raise OptionError(
            f"{option('validation', repr(validation))} is not allowed: give a fraction between 0 and 1, or a text"
        )
    check_corpus(validation, how_to_validate(validation, how), apart=apart)


def _is_number(validation: object) -> TypeGuard[float]:
    return isinstance(validation, (int, float)) and not isinstance(validation, bool)


def _last_part(corpus: Corpus, fraction: float) -> tuple[Corpus, TokenStore]:
    tokens = corpus.tokens
    if tokens.pairs is not None:
        return _some_pairs(corpus, tokens.pairs, fraction)
    cut = min(round(tokens.n_blocks * (1 - fraction)), tokens.n_blocks - 1)
    if cut < 1:
        raise CorpusError(
            f"the corpus has {counted(tokens.n_blocks, 'block')} of tokens, too few to hold out {fraction:g} of it: "
            f"give a longer corpus, or another text as {option('validation')}"
        )
    head, tail = tokens.split(cut)
    share = head.n_words / tokens.n_words
    return replace(corpus, tokens=head, raw_words=round(corpus.raw_words * share)), tail


def _some_pairs(corpus: Corpus, table: PairTable, fraction: float) -> tuple[Corpus, TokenStore]:
    """Hold out a random share of the rows of pairs, the same in every run."""
    n = len(table)
    held_out = round(n * fraction)
    if not 0 < held_out < n:
        raise CorpusError(
            f"the corpus has {counted(n, 'pair')}, too few to hold out {fraction:g} of them: give more, or other pairs "
            f"as {option('validation')}"
        )
    rows = np.random.default_rng(_HELD_OUT).permutation(n)
    head, tail = (store_of(table.taken(np.sort(some))) for some in (rows[held_out:], rows[:held_out]))
    return replace(corpus, tokens=head, raw_words=head.n_words), tail
