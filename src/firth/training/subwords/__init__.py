"""Subwords: skip-gram, where a center vector is composed of rows of character n-grams."""
