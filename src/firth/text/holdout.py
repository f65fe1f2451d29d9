"""Holds out text for validation: a part of the corpus, or another text."""

from dataclasses import replace
from typing import Any, TypeGuard, cast

import numpy as np

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.text.ids import DROPPED
from firth.text.reading import Corpus, read_corpus
from firth.text.sentences import Tokenizer
from firth.text.sources import CorpusInput, is_files
from firth.text.store import StoreBuilder, TokenStore


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
    other = read_corpus(validation, replace(options, min_count=1, max_vocab=None), **reading)
    ids = corpus.vocabulary.key_to_index
    new_ids = np.array([ids.get(key, DROPPED) for key in other.vocabulary.index_to_key], np.int32)
    with other.tokens as tokens:
        if not (new_ids != DROPPED).any():
            raise CorpusError(
                f"the vocabulary of the corpus has none of the {counted(len(new_ids), 'distinct word')} of the "
                "validation text: give a text of the same kind"
            )
        builder = StoreBuilder()
        for block in range(tokens.n_blocks):
            builder.append(tokens.read_block(block), new_ids)
    return builder.finish(np.arange(len(corpus.vocabulary), dtype=np.int32))
