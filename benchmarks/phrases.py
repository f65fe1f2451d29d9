"""Times Phrases in firth and gensim on the same text, in alternation, and compares what they find.

    python benchmarks/phrases.py wiki.txt [--runs 3] [--connector-words]

The gain is the median of the ratios of neighbouring runs. Exit status: 0 if the vocabulary, the scores and every joined
sentence are the same, 1 if they are not.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gensim
from gensim.models.phrases import ENGLISH_CONNECTOR_WORDS
from gensim.models.phrases import Phrases as GensimPhrases
from gensim.models.word2vec import LineSentence

from firth import Phrases

LONGEST = 10**9  # words of a sentence, so that gensim does not cut any


def main() -> int:
    """Fit both, print the times, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, help="a text file with a sentence on each line")
    parser.add_argument("--runs", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--connector-words", action="store_true", help="with gensim's English connector words")
    arguments = parser.parse_args()
    if arguments.runs < 1 or not arguments.corpus.is_file():
        parser.error("give a text file, and --runs of at least 1")
    words = ENGLISH_CONNECTOR_WORDS if arguments.connector_words else frozenset()
    text = LineSentence(str(arguments.corpus), max_sentence_length=LONGEST)
    times = []
    for run in range(arguments.runs):
        ours, seconds = timed(lambda: Phrases(connector_words=words).fit(arguments.corpus, progress=False))
        theirs, gensim_seconds = timed(lambda: GensimPhrases(text, connector_words=words))
        times.append((seconds, gensim_seconds))
        print(f"run {run + 1}: firth {seconds:.2f} s, gensim {gensim.__version__} {gensim_seconds:.2f} s", flush=True)
    gain = statistics.median(theirs_ / ours_ for ours_, theirs_ in times)
    print(f"{ours.corpus['raw_words']:,} words, {ours.corpus['vocab_size']:,} distinct words and pairs: {gain:.1f} x")
    return compare(ours, theirs, arguments.corpus, text)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result and the wall time."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def compare(ours: Phrases, theirs: GensimPhrases, corpus: Path, text: LineSentence) -> int:
    """Print how many results are the same; return the exit status."""
    exported = theirs.export_phrases()
    sentences = list(zip(ours.transform(corpus), (theirs[sentence] for sentence in text), strict=True))
    differ = sum(one != other for one, other in sentences)
    same_vocabulary, same_scores = ours.corpus["vocab_size"] == len(theirs.vocab), ours.scores == exported
    print(f"vocabulary {'the same' if same_vocabulary else 'DIFFERENT'}")
    print(f"{len(exported):,} phrases and their scores {'the same' if same_scores else 'DIFFERENT'}")
    print(f"{len(sentences):,} sentences, {differ:,} different")
    return 0 if same_vocabulary and same_scores and not differ else 1


if __name__ == "__main__":
    sys.exit(main())
