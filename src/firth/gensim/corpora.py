"""Corpora that can be iterated over repeatedly, one list of words at a time: lines of files, text8, Brown."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from types import GeneratorType
from typing import Any

from firth.errors import CorpusError
from firth.formats.streams import is_compressed, reading
from firth.messages import counted

logger = logging.getLogger(__name__)

MAX_WORDS_IN_BATCH = 10_000
"""The longest sentence that these corpora yield; a longer line is cut."""

_CHUNK_BYTES = 2**20


class LineSentence:
    """The lines of a file, plain or compressed, or of an open file that can be rewound; words are split at whitespace.

    `limit` is the number of lines to read, None for all. A line of more than `max_sentence_length` words is cut.
    """

    def __init__(self, source: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None):
        self.source, self.max_sentence_length, self.limit = source, max_sentence_length, limit

    def __iter__(self) -> Iterator[list[str]]:
        if hasattr(self.source, "seek"):
            self.source.seek(0)
            yield from _sentences(islice(self.source, self.limit), self.max_sentence_length)
            return
        with reading(Path(self.source)) as lines:
            yield from _sentences(islice(lines, self.limit), self.max_sentence_length)


class PathLineSentences:
    """The lines of all files in a folder, in alphabetical order of their names, or of one file; see `LineSentence`."""

    def __init__(
        self, source: str | PathLike[str], max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None
    ):
        self.source, self.max_sentence_length, self.limit = source, max_sentence_length, limit
        path = Path(source)
        if not path.is_file() and not path.is_dir():
            raise CorpusError(f"{path} is neither a file nor a folder: give the path of one")
        found = [path] if path.is_file() else sorted(path.iterdir())
        self.input_files = [str(file) for file in found]

    def __iter__(self) -> Iterator[list[str]]:
        for file in self.input_files:
            yield from LineSentence(file, self.max_sentence_length, self.limit)


class Text8Corpus:
    """A file with a single line of words, such as text8, cut into sentences of `max_sentence_length` words."""

    def __init__(self, fname: str | PathLike[str], max_sentence_length: int = MAX_WORDS_IN_BATCH):
        self.fname, self.max_sentence_length = fname, max_sentence_length

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        for more in self._chunks():
            words += more
            whole = len(words) - len(words) % self.max_sentence_length
            for first in range(0, whole, self.max_sentence_length):
                yield words[first : first + self.max_sentence_length]
            words = words[whole:]
        if words:
            yield words

    def _chunks(self) -> Iterator[list[str]]:
        """Yield the words of the file, about a million bytes at a time."""
        rest = b""
        with reading(Path(self.fname)) as file:
            while chunk := file.read(_CHUNK_BYTES):
                complete, space, last = (rest + chunk).rpartition(b" ")
                rest = last if space else rest + chunk
                yield complete.decode().split()
        yield rest.decode().split()


class BrownCorpus:
    """The Brown corpus of NLTK's data: every file of a folder; words are "token/tag", with two letters of the tag."""

    def __init__(self, dirname: str | PathLike[str]):
        self.dirname = dirname

    def __iter__(self) -> Iterator[list[str]]:
        for file in sorted(Path(self.dirname).iterdir()):
            if file.is_file():
                for line in LineSentence(file):
                    if words := [_tagged(word) for word in line if _has_word_tag(word)]:
                        yield words


def readable(corpus_iterable: Any, corpus_file: Any) -> Any:
    """Return the corpus as firth reads it fastest: the path of a file or a list of them, or the iterable itself.

    Raises `TypeError` as gensim does, for neither or both, and for a compressed or missing `corpus_file`.
    """
    if (corpus_iterable is None) == (corpus_file is None):
        raise TypeError("give either an iterable of sentences or corpus_file, the path of a text file")
    if corpus_file is not None:
        return _checked_file(corpus_file)
    if not isinstance(corpus_iterable, Iterable):
        raise TypeError(f"the sentences are of type {type(corpus_iterable).__name__}: give an iterable of word lists")
    if type(corpus_iterable) is PathLineSentences and corpus_iterable.limit is None:
        return [Path(file) for file in corpus_iterable.input_files]
    if type(corpus_iterable) is LineSentence and corpus_iterable.limit is None:
        source = corpus_iterable.source
        return Path(source) if isinstance(source, (str, PathLike)) else corpus_iterable
    return corpus_iterable


def _checked_file(corpus_file: Any) -> Path:
    if not isinstance(corpus_file, (str, PathLike)) or not Path(corpus_file).is_file():
        raise TypeError(f"corpus_file={corpus_file!r} is not the path of a file: give the path of a text file")
    if is_compressed(Path(corpus_file)):
        raise TypeError(f"corpus_file={str(corpus_file)!r} is compressed: give LineSentence({str(corpus_file)!r})")
    return Path(corpus_file)


def refuse_generator(corpus: Any, passes: int) -> None:
    """Raise `TypeError` for a generator, which can be read only once, if more than one pass is needed."""
    if isinstance(corpus, GeneratorType) and passes > 1:
        times = counted(passes, "time")
        raise TypeError(f"a generator cannot be read {times}: give a list, or an object that can start again")


def are_files(corpus: Any) -> bool:
    """Return whether `readable` returned paths."""
    return isinstance(corpus, Path) or (
        isinstance(corpus, list) and bool(corpus) and all(isinstance(each, Path) for each in corpus)
    )


def sentences_of(corpus: Any) -> Iterable[Any]:
    """Return the sentences of what `readable` returned."""
    if isinstance(corpus, Path):
        return LineSentence(corpus)
    return chain.from_iterable(map(LineSentence, corpus)) if are_files(corpus) else corpus


def word_lists(corpus: Any) -> Any:
    """Return a corpus for training: paths as they are; a sentence that is a string is a list of its letters."""
    if are_files(corpus):
        return corpus
    return (list(sentence) if isinstance(sentence, str) else sentence for sentence in corpus)


def _has_word_tag(word: str) -> bool:
    """Return whether a word is "token/tag" with a tag of letters, as words have and punctuation has not."""
    parts = word.split("/")
    return len(parts) == 2 and parts[1][:2].isalpha()


def _tagged(word: str) -> str:
    token, tag = word.split("/")
    return f"{token.lower()}/{tag[:2]}"


def _sentences(lines: Iterable[str | bytes], longest: int) -> Iterator[list[str]]:
    for line in lines:
        words = (line.decode() if isinstance(line, bytes) else line).split()
        for first in range(0, len(words), longest):
            yield words[first : first + longest]
