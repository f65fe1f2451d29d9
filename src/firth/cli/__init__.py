"""The command line: each command parses its arguments, calls the public API and prints what comes back.

The exit code is 0 for success, 1 for failure, 2 for wrong use, 130 after Ctrl-C and 143 after SIGTERM. An error
is one line on standard error; `--debug` shows the traceback.
"""

from firth.cli.checks import demo, gradcheck
from firth.cli.conversion import convert
from firth.cli.inspection import info
from firth.cli.judging import evaluate
from firth.cli.parameters import WritingCommand
from firth.cli.program import app, main
from firth.cli.queries import analogy, similar
from firth.cli.training import TrainingCommand, train

__all__ = ["app", "main"]

app.command(cls=TrainingCommand)(train)
app.command()(similar)
app.command()(analogy)
app.command()(evaluate)
app.command()(info)
app.command(cls=WritingCommand)(convert)
app.command()(gradcheck)
app.command()(demo)
