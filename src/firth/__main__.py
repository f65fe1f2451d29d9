"""`python -m firth` is the command line."""

import sys

from firth.cli import main

sys.exit(main())
