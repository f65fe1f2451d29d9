"""Holds out text for validation: a part of the corpus, or another text."""

from dataclasses import replace
from typing import Any, TypeGuard, cast

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.text.choosing import KnownWords
from firth.text.corpus import Corpus, CorpusInput
from firth.text.reading import read_corpus
from firth.text.sentences import Tokenizer
from firth.text.sources import is_files
from firth.text.store import TokenStore


def hold_out(
    corpus: Corpus,
    validation: CorpusInput | float,
    options: Options,
    workers: int,
    *,
    tokenizer: Tokenizer | None = None,
    max_input_bytes: int | None = None,
) -> tuple[Corpus, TokenStore]:
    """Return the corpus to train on, and the tokens to validate on.

      validation  a fraction in (0, 1): that share of the corpus, its last blocks of tokens, is held out. Anything
                  else is read by `read_corpus`, and words outside the vocabulary of `corpus` are skipped
      tokenizer, max_input_bytes
                  as in `read_corpus`, if `validation` is files

    The vocabulary and its counts stay those of the whole `corpus`. Raises `OptionError` for a number outside (0, 1),
    and `CorpusError` if either part would be empty.
    """
    if _is_number(validation):
        check_validation(validation)
        return _last_part(corpus, validation)
    reading = {"tokenizer": tokenizer, "max_input_bytes": max_input_bytes} if is_files(validation) else {}
    return corpus, _other_text(corpus, cast(CorpusInput, validation), options, workers=workers, **reading)


def check_validation(validation: CorpusInput | float | None) -> None:
    """Raise `OptionError` for a number that is not a fraction in (0, 1)."""
    if _is_number(validation) and not 0 < validation < 1:
        raise OptionError(
            f"{option('validation', repr(validation))} is not allowed: give a fraction between 0 and 1, or a text"
        )


def _is_number(validation: object) -> TypeGuard[float]:
    return isinstance(validation, (int, float)) and not isinstance(validation, bool)


def _last_part(corpus: Corpus, fraction: float) -> tuple[Corpus, TokenStore]:
    tokens = corpus.tokens
    cut = min(round(tokens.n_blocks * (1 - fraction)), tokens.n_blocks - 1)
    if cut < 1:
        raise CorpusError(
            f"the corpus has {counted(tokens.n_blocks, 'block')} of tokens, too few to hold out {fraction:g} of it: "
            f"give a longer corpus, or another text as {option('validation')}"
        )
    head, tail = tokens.split(cut)
    share = head.n_words / tokens.n_words
    return replace(corpus, tokens=head, raw_words=round(corpus.raw_words * share)), tail


def _other_text(corpus: Corpus, validation: CorpusInput, options: Options, **reading: Any) -> TokenStore:
    """Read a text with the vocabulary of another."""
    known = KnownWords(corpus.vocabulary, options, name="the validation text")
    return read_corpus(validation, known, **reading).tokens
