"""Subwords: skip-gram and CBOW, where the vector of a word is composed of rows of character n-grams."""
