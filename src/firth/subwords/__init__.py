"""Subwords: the character n-grams of words, and vectors composed of their rows, as in fastText.

ngrams.py     the n-grams of a word, and their numbers
composing.py  vectors from the rows of n-grams, also of words that are not in the vocabulary
"""

from firth.subwords.composing import SubwordVectors
from firth.subwords.ngrams import LONGEST_NGRAM, NgramLists, NgramScheme

__all__ = ["LONGEST_NGRAM", "NgramLists", "NgramScheme", "SubwordVectors"]
