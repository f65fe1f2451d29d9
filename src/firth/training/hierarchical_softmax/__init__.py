"""Hierarchical softmax for skip-gram: tree, schedules, kernels."""
