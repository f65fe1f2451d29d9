"""The long tests: campaigns of independent cases, each generated from a seed (see `__main__`)."""
