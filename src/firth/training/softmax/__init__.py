"""The exact softmax: co-occurrence counts, loss and gradients, optimiser steps, and training."""
