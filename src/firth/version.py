"""The version of firth, for `firth.__version__` and for the files that record it."""

__version__ = "0.1.0"
