"""Kernels: declared once, compiled once per machine by Numba, kept on disk, and loaded without Numba."""
