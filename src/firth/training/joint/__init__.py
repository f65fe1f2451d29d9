"""Hierarchical softmax and negative sampling at once: the sum of both losses, by their own steps in turn."""
