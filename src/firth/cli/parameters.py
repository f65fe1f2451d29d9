"""Arguments and flags that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from firth.cli.flags import at_least, number_parser
from firth.formats import FORMATS
from firth.text.opening import STDIN

WRITABLE = {name: known for name, known in FORMATS.items() if known.write is not None}


def _checked_name(name: str | None) -> str | None:
    if name is None or name in WRITABLE:
        return name
    reason = "is only read" if name in FORMATS else "is unknown"
    raise typer.BadParameter(f"{name!r} {reason}: give one of {', '.join(map(repr, WRITABLE))}")


def file_name(refusal: str, kind: str = "file") -> dict[str, Any]:
    """Return how typer is to read a path: `-`, which is no path but a stream elsewhere, is refused."""

    def path(text: Any) -> Path:
        if text == STDIN:
            raise typer.BadParameter(f"{refusal}: give the name of a {kind} (./- is a {kind} named -)")
        return Path(text)

    return {"parser": path}


class WritingCommand(TyperCommand):
    """A command that writes vectors: its help ends with the formats it can write."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """List the name, the suffixes and the description of each format."""
        rows = [
            (name, f"{known.description} [{', '.join(known.suffixes) or 'no suffix'}]")
            for name, known in WRITABLE.items()
        ]
        with formatter.section("Formats"):
            formatter.write_dl(rows)


FileFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        callback=_checked_name,
        help="How to write it: native is a model that firth can read whole, the others are vectors for any tool; "
        "see below.",
        show_default="by the suffix",
    ),
]
VECTORS_READ = file_name("vectors cannot be read from standard input")
VECTORS_WRITTEN = file_name("vectors cannot be written to standard output")
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model, or vectors in any format.", **VECTORS_READ)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TopN = Annotated[int, typer.Option("--topn", "-n", help="How many answers to print.", **at_least(1))]
Workers = Annotated[
    int | None,
    typer.Option(help="Threads [1 to 1024].", show_default="the cores this process may use", **number_parser(int)),
]
RestrictVocab = Annotated[
    int | None,
    typer.Option(help="Search only the first, most frequent words.", show_default="every word", **at_least(1)),
]
