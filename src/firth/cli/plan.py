"""`firth plan`: the memory, disk, network and time of a training run, before it starts."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from firth import reports, terminal
from firth.cli.exits import UsageError
from firth.cli.files import check_folder
from firth.cli.flags import AsJson, file_name, number, with_options
from firth.options import Options

_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)([kmgt]?)(b?)", re.IGNORECASE)
_PLANNED = (
    "architecture", "objective", "window", "shrink_windows", "negative", "sample", "schedule", "blocks", "warm_epochs",
    "epochs",
)  # fmt: skip
"""The options that change memory or time."""


def _amount(text: str, name: str) -> tuple[int, bool]:
    """Return the number that a text such as 1.5G stands for, and whether it is a number of bytes: 1.5GB."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{name} {text!r} is not a size: give a number such as 17M, 100G, or 600GB of text")
    if found[3] and not found[2]:
        raise UsageError(
            f"{name} {text!r} is not a size: write {found[1]}G for 10^9 words, or {found[1]}GB for bytes of text"
        )
    value = float(re.sub("[_,]", "", found[1])) * _PREFIXES[found[2].lower()]
    return round(value), bool(found[3])


@with_options(Options, only=_PLANNED)
def plan(
    words: Annotated[
        str,
        typer.Argument(
            metavar="SIZE", help="Size of the corpus: words (17M, 100G), or bytes of text (600GB), which are converted."
        ),
    ],
    vocabulary: Annotated[
        str, typer.Argument(metavar="V", help="Number of different words that are trained (70k, 5M).")
    ],
    vector_size: Annotated[
        int, typer.Argument(help="Dimensions of each vector.", **(number(int) | {"metavar": "D"}))
    ] = 100,
    nodes: Annotated[int, typer.Option(help="Number of machines [1 to 1,024].", **number(int))] = 1,
    cores: Annotated[
        int | None, typer.Option(help="Cores of each machine.", show_default="those of this one", **number(int))
    ] = None,
    memory_gb: Annotated[
        float | None,
        typer.Option(help="Free memory of each machine, in GB.", show_default="that of this one", **number(float)),
    ] = None,
    network_gbits: Annotated[
        float, typer.Option(help="Speed of the network in each direction, in Gb/s.", **number(float))
    ] = 10.0,
    sentence_words: Annotated[int, typer.Option(help="Words of a sentence, on average.", **number(int))] = 20,
    speeds: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Use the speeds in this file instead of measuring this machine.",
            **file_name("speeds cannot be read from standard input"),
        ),
    ] = None,
    write_speeds: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the speeds that were measured to this file.",
            **file_name("speeds cannot be written to standard output"),
        ),
    ] = None,
    json: AsJson = False,
    **options: Any,
) -> None:
    """Estimate the memory, disk, network and time of a training run, on one machine and on several.

    The speed of this machine is measured, which takes some seconds. The result shows the corpus, the machine and its
    speeds, one line each for 1, 2, 4 ... machines, what the last of them needs, and advice.
    """
    from firth.planning import Machines, Speeds, advice, plan, words_of_text  # here, because it slows down `--help`

    n_words, is_bytes = _amount(words, "SIZE")
    V, is_wrong = _amount(vocabulary, "V")
    if is_wrong:
        raise UsageError(f"V {vocabulary!r} is a number of bytes: give a number of words, such as 70k or 5M")
    if write_speeds is not None:
        check_folder(write_speeds)
    given: dict[str, Any] = {"cores": cores, "memory_gb": memory_gb}
    given = {name: value for name, value in given.items() if value is not None}
    machines = Machines(nodes=nodes, network_gbits=network_gbits, **given)
    found = plan(
        words_of_text(n_words) if is_bytes else n_words,
        V,
        Options(vector_size=vector_size, **options),
        machines,
        None if speeds is None else Speeds.load(speeds),
        sentence_words=sentence_words,
    )
    if write_speeds is not None:
        found.speeds.save(write_speeds)
    lines = advice(found)
    terminal.write(terminal.as_json(found.to_dict() | {"advice": lines}) if json else reports.plan_lines(found, lines))
