"""Training: one folder for each objective, and what objectives share.

run.py              runs a fit: reads, sets validation text aside, trains, validates, records
arguments.py        checks the arguments of `fit`: names and callbacks
registry.py         the objectives, and what each provides; makes the trainer for a model's options
loop/               what every objective shares: tasks, trainer, state, checkpoints, progress, signals
windows/            what objectives share that go through the windows of the text
cbow/               CBOW with negative sampling
negative_sampling/  the window and the block schedule, with their kernels
softmax/            the exact softmax: co-occurrence counts, passes over the vocabulary, optimiser steps
draws.py            numbered random draws;  sampling.py  tables of probabilities;  guards.py  checks of ids
expected_pairs.py   the number of pairs in a corpus, for estimates of memory
"""
