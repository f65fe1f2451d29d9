"""The long part of the tests: campaigns of independent cases, each made from a seed (see `__main__`)."""
