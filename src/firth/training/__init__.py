"""Training: kernels (all Numba) <- engines, one for each objective <- trainer (epochs, threads, progress)."""
