"""Writes text with its phrases joined, after one or several passes over its ids; the text is read only once."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from firth.errors import CorpusError, OptionError
from firth.formats.streams import writing_set
from firth.messages import option
from firth.options import PhraseOptions, whole
from firth.phrases.finding import FoundPhrases, count_text, find_phrases
from firth.phrases.id_text import EVERY_WORD, IdText, id_text
from firth.phrases.joining import IdJoiner, phrase_rows
from firth.resources import checked_workers
from firth.text import END, CorpusInput, ReadOptions, check_corpus, read_corpus
from firth.text.sources import is_files
from firth.text.store import StoreBuilder
from firth.training.loop.progress import Reporter, reporter
from firth.training.run import report_reading


class PassSummary(NamedTuple):
    """The number of phrases that a pass found, how often it joined one, and the number of words after it.

    highest  the text and the score of the phrases with the highest scores, at most five
    """

    phrases: int
    joined: int
    n_words: int
    highest: list[tuple[str, float]]


def phrase_files(
    corpus: CorpusInput,
    output: str | os.PathLike[str],
    options: PhraseOptions,
    *,
    passes: int = 1,
    workers: int | None = None,
    progress: bool | None = None,
    **reading: Any,
) -> list[PassSummary]:
    """Find the phrases of files, and write the text with phrases joined; return a summary of each pass.

      corpus   files of text or tables, as for `Word2Vec.fit`
      output   a text file with a sentence on each line and a space between words, written atomically and compressed
               according to its suffix. Lines without words are left out
      passes   each pass after the first finds and joins phrases of the joined text, up to twice as long
      workers, progress
               as for `Phrases`
      reading  how to read the files: the fields of `firth.text.ReadOptions`, such as `column` and `encoding`

    Raises `OptionError` for a value that is not allowed, what `Phrases.fit` raises, and `OSError` if the file cannot
    be written. An earlier file is then unchanged.
    """
    passes, workers = whole("passes", passes, "how often phrases are found and joined", 1), checked_workers(workers)
    how = ReadOptions(**reading)
    _check(corpus, options, how)
    summaries = []
    with reporter(progress) as report, writing_set(output) as (file,), ExitStack() as stores:
        text = _read(corpus, workers, how, report, stores)
        for _ in range(passes):
            found = find_phrases(count_text(text, options, workers, report), options)
            rows = phrase_rows(found.phrases, options.delimiter)
            joiner = IdJoiner(text.words, rows, options.connector_words)
            report.stage("joining", text.tokens.n_words)
            text = _joined(joiner, text, report)
            stores.callback(text.tokens.close)
            summaries.append(_summary(found, joiner, text, options))
        report.stage("writing", text.tokens.n_words)
        for line in _lines(text, report):
            file.write(line)
    return summaries


def _check(corpus: CorpusInput, options: PhraseOptions, how: ReadOptions) -> None:
    """Raise any error that can be found before reading."""
    if options.delimiter.split() != [options.delimiter]:
        raise OptionError(
            f"{option('delimiter', repr(options.delimiter))} is not allowed: whitespace separates words in a text, so "
            "give other characters, such as '_'"
        )
    if not is_files(corpus):
        raise CorpusError(
            f"the corpus is of type {type(corpus).__name__}: give files here, and token lists to Phrases(...).fit"
        )
    check_corpus(corpus, how)


def _read(corpus: CorpusInput, workers: int, how: ReadOptions, report: Reporter, stores: ExitStack) -> IdText:
    report.stage("reading", None)
    read = read_corpus(corpus, EVERY_WORD, how, workers=workers, progress=report.advance)
    stores.callback(read.tokens.close)
    report_reading(read, report)
    return id_text(read)


def _joined(joiner: IdJoiner, text: IdText, report: Reporter) -> IdText:
    """Return the text with phrases joined, and close the store of the old one."""
    counts, builder = np.zeros(len(joiner.words), np.int64), StoreBuilder()
    same, done = np.arange(len(counts), dtype=np.int32), 0
    try:
        for ids in joiner.blocks(text.tokens):
            words = ids[ids != END]
            np.add.at(counts, words, 1)
            builder.append(ids, same)
            done += len(words)
            report.advance(done, text.tokens.n_words)
        text.tokens.close()
        return IdText(joiner.words, counts, builder.finish(same))
    except BaseException:
        builder.close()
        raise


def _lines(text: IdText, report: Reporter) -> Iterator[bytes]:
    """Yield the text block by block: a space after each word, or a newline after the last of a sentence."""
    names = [*text.words, "\n"]  # END is -1, the last
    space = ""
    for block in range(text.tokens.n_blocks):
        ids = text.tokens.read_block(block).tolist()
        lines = f"{space}{' '.join(map(names.__getitem__, ids))} ".replace(" \n ", "\n")
        space = " " if lines.endswith(" ") else ""  # of a sentence that the next block continues
        yield lines.removesuffix(" ").encode()
        report.advance(text.tokens.n_words * (block + 1) // text.tokens.n_blocks, text.tokens.n_words)
    if space:
        yield b"\n"


def _summary(found: FoundPhrases, joiner: IdJoiner, text: IdText, options: PhraseOptions) -> PassSummary:
    highest = [(options.delimiter.join(parts), phrase.score) for parts, phrase in islice(found.phrases.items(), 5)]
    return PassSummary(len(found.phrases), joiner.joined, text.tokens.n_words, highest)
