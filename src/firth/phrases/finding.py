"""Finds phrases among the candidates of a text: scores those that are frequent enough."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firth.messages import counted, option
from firth.options import PhraseOptions
from firth.phrases.adding import add_counts
from firth.phrases.collisions import MergedCounts, merge_same_texts
from firth.phrases.counting import CountedText, count_candidates
from firth.phrases.id_text import IdText
from firth.phrases.joining import Parts
from firth.phrases.scoring import Scores, custom_scores, npmi_scores, word2phrase_scores
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


def count_text(
    text: IdText, options: PhraseOptions, workers: int, report: Reporter, earlier: CountedText | None = None
) -> CountedText:
    """Count the candidates of a text, add those counted `earlier`, and report it; raises as `count_candidates` does."""
    report.stage("counting", text.tokens.n_words)
    counts = count_candidates(text, options, workers=workers, progress=report.advance)
    if earlier is not None:
        counts = add_counts(earlier, counts, options)
    if counts.dropped:
        limit = option("max_vocab", options.max_vocab)
        report.warn(
            f"rare pairs were dropped {counted(counts.dropped, 'time')} because of {limit}: counts of pairs may be too "
            "low; give a larger limit if memory allows"
        )
    return counts


def find_phrases(text_counts: CountedText, options: PhraseOptions) -> FoundPhrases:
    """Find the phrases of a text whose candidates were counted; raises what `custom_scores` raises."""
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
    if callable(options.scoring):
        sizes = merged.vocab_size, options.min_count, text.n_words
        return custom_scores(options.scoring, first, second, pair, *sizes)
    if options.scoring == "npmi":
        return npmi_scores(first, second, pair, text.n_words)
    return word2phrase_scores(first, second, pair, merged.vocab_size, options.min_count)
