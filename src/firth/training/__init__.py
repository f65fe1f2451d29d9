"""Training.

registry.py         the objectives, and what each must provide; makes the trainer for a model's options
loop/               what every objective shares: engines, epochs, state, checkpoints, progress, signals
negative_sampling/  the window and the block schedule, with their kernels
softmax/            the exact softmax: co-occurrence counts, passes over the vocabulary, optimiser steps
draws.py            numbered random draws;  sampling.py  tables of probabilities;  guards.py  checks of ids
expected_pairs.py   how many pairs a corpus makes, for estimates of memory
"""
