"""Settings for every test."""

import signal

from hypothesis import settings

# A machine that is busy with something else is no failure; pytest-timeout stops what hangs.
settings.register_profile("firth", deadline=None)
settings.load_profile("firth")

# Shells start what runs in the background with Ctrl-C ignored; tests of interrupts must not depend on that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
