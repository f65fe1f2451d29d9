"""Settings for every test."""

from hypothesis import settings

# A machine that is busy with something else is no failure; pytest-timeout stops what hangs.
settings.register_profile("firth", deadline=None)
settings.load_profile("firth")
