"""Negative sampling: both schedules, their kernels and tables."""
