"""Finds the phrases of a text that was read: counts the candidates, and scores those that are frequent enough."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.messages import counted, option
from firth.options import PhraseOptions
from firth.phrases.collisions import MergedCounts, merge_same_texts
from firth.phrases.counting import CountedText, count_candidates
from firth.phrases.id_text import IdText
from firth.phrases.joining import Parts
from firth.phrases.scoring import Scores, npmi_scores, word2phrase_scores
from firth.training.loop.progress import Reporter


@dataclass(frozen=True)
class Found:
    """How often the text of a phrase occurs in the corpus, and its score."""

    count: int
    score: float


@dataclass(frozen=True)
class FoundPhrases:
    """The phrases of a text, highest score first (then by their words), and what was counted.

    phrases        the words of each phrase, its count and its score
    vocab_size     number of distinct words and pairs
    pairs_dropped  how often a pair was dropped because of `max_vocab`
    """

    phrases: Mapping[Parts, Found]
    vocab_size: int
    pairs_dropped: int


def find_phrases(text: IdText, options: PhraseOptions, workers: int, report: Reporter) -> FoundPhrases:
    """Find the phrases of a text; arguments and exceptions are those of `count_candidates`."""
    report.stage("counting", text.tokens.n_words)
    text_counts = count_candidates(text, options, workers=workers, progress=report.advance)
    if text_counts.dropped:
        limit = option("max_vocab", options.max_vocab)
        report.warn(
            f"rare pairs were dropped {counted(text_counts.dropped, 'time')} because of {limit}: counts of pairs may "
            "be too low; give a larger limit if memory allows"
        )
    merged = merge_same_texts(text_counts, options.delimiter)
    candidates = np.flatnonzero(merged.candidates >= options.min_count)
    scores = _scores(text_counts, merged, candidates, options)
    is_phrase = scores > options.threshold
    candidates, scores = candidates[is_phrase], scores[is_phrase]
    found = map(Found, merged.candidates[candidates].tolist(), scores.tolist())
    phrases = zip(map(text_counts.parts, candidates.tolist()), found, strict=True)
    in_order = dict(sorted(phrases, key=lambda pair: (-pair[1].score, pair[0])))
    return FoundPhrases(in_order, merged.vocab_size, text_counts.dropped)


def _scores(text: CountedText, merged: MergedCounts, candidates: NDArray[np.intp], options: PhraseOptions) -> Scores:
    first_ids, _, second_ids = text.ids(candidates)
    first, second, pair = merged.words[first_ids], merged.words[second_ids], merged.candidates[candidates]
    if options.scoring == "npmi":
        return npmi_scores(first, second, pair, text.n_words)
    return word2phrase_scores(first, second, pair, merged.vocab_size, options.min_count)
