"""The exact softmax: co-occurrence counts, passes over the vocabulary, steps."""
