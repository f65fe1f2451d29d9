"""Phrases: words that occur together unusually often are found, scored, and joined into one.

`counting` counts pairs of words, `collisions` merges those with the same text, `scoring` scores them, `finding` puts
the three together, and `joining` joins phrases. `detector` has the public class; `files` phrases whole files.
"""

from firth.options import ENGLISH_CONNECTOR_WORDS
from firth.phrases.detector import PhrasedSentences, Phrases
from firth.phrases.files import PassSummary, phrase_files

__all__ = ["ENGLISH_CONNECTOR_WORDS", "PassSummary", "PhrasedSentences", "Phrases", "phrase_files"]
