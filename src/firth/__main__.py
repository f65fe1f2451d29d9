"""Runs the command line for `python -m firth`."""

import sys

from firth.cli import main

sys.exit(main())
