"""Setting text aside: a part of the corpus, or another text, for a loss on words that were not trained on."""

from dataclasses import replace
from typing import Any

import numpy as np

from firth.errors import CorpusError, OptionError
from firth.messages import counted, option
from firth.options import Options
from firth.text.reading import Corpus, is_files, read_corpus
from firth.text.sentences import Tokenizer
from firth.text.store import DROPPED, StoreBuilder, TokenStore


def hold_out(
    corpus: Corpus,
    validation: Any,
    options: Options,
    workers: int,
    *,
    tokenizer: Tokenizer | None = None,
    max_input_bytes: int | None = None,
) -> tuple[Corpus, TokenStore]:
    """Return the corpus to train on, and the tokens to validate on.

      validation  a fraction in (0, 1): that share of the corpus, its last blocks of tokens, is set aside.
                  Anything else is read as a corpus of its own, as `read_corpus` does; its words outside the
                  vocabulary of `corpus` are left out
      tokenizer, max_input_bytes
                  hold for the files of such a corpus as they do for those of `corpus`, by themselves

    The vocabulary and its counts stay those of the whole of `corpus`. Raises `OptionError` for a number that is no
    such fraction, and `CorpusError` if nothing would be left on either side.
    """
    if not _is_number(validation):
        reading = {"tokenizer": tokenizer, "max_input_bytes": max_input_bytes} if is_files(validation) else {}
        return corpus, _other_text(corpus, validation, options, workers=workers, **reading)
    check_validation(validation)
    return _last_part(corpus, float(validation))


def check_validation(validation: Any) -> None:
    """Raise `OptionError` for a number that is no fraction in (0, 1)."""
    if _is_number(validation) and not 0 < validation < 1:
        raise OptionError(
            f"{option('validation', repr(validation))} is not allowed: give a fraction between 0 and 1, or a text"
        )


def _is_number(validation: Any) -> bool:
    return isinstance(validation, (int, float)) and not isinstance(validation, bool)


def _last_part(corpus: Corpus, fraction: float) -> tuple[Corpus, TokenStore]:
    tokens = corpus.tokens
    cut = min(round(tokens.n_blocks * (1 - fraction)), tokens.n_blocks - 1)
    if cut < 1:
        raise CorpusError(
            f"the corpus has {counted(tokens.n_blocks, 'block')} of tokens, too few to set {fraction:g} of it aside: "
            f"give a longer corpus, or a text of its own as {option('validation')}"
        )
    head, tail = tokens.split(cut)
    share = head.n_words / tokens.n_words
    return replace(corpus, tokens=head, raw_words=round(corpus.raw_words * share)), tail


def _other_text(corpus: Corpus, validation: Any, options: Options, **reading: Any) -> TokenStore:
    """Read a text with the vocabulary of another."""
    everything = replace(options, min_count=1, max_vocab=None)
    other = read_corpus(validation, everything, **reading)
    places = corpus.vocabulary.key_to_index
    new_ids = np.array([places.get(key, DROPPED) for key in other.vocabulary.index_to_key], np.int32)
    if not (new_ids != DROPPED).any():
        other.tokens.close()
        raise CorpusError(
            f"the vocabulary of the corpus has none of the words of the validation text "
            f"({counted(len(new_ids), 'distinct word')}): give a text of the same kind"
        )
    builder = StoreBuilder()
    with other.tokens as tokens:
        for block in range(tokens.n_blocks):
            builder.append(tokens.read_block(block))
    return builder.finish(new_ids)
