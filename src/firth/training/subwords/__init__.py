"""Subwords: negative sampling for skip-gram and CBOW, where the vector of a word is composed of rows of n-grams."""
