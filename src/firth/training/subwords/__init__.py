"""Subwords: skip-gram with negative sampling, where a center vector is composed of rows of character n-grams."""
