"""Arguments and flags that several commands share, and one flag for each field of a dataclass of options."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from firth.formats import FORMATS
from firth.options import checked, limits, range_text
from firth.text.opening import STDIN


def number(kind: type) -> dict[str, Any]:
    """Return the settings of a number; text that is not a number is kept, so that `checked` rejects it."""

    def number_or_text(text: Any) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text

    return {"parser": number_or_text, "metavar": "INTEGER" if kind is int else "FLOAT"}


def at_least(low: int) -> dict[str, Any]:
    """Return the settings of a whole number of at least `low`."""
    return number(int) | _checked(int, low=low)


def one_of(*choices: str) -> dict[str, Any]:
    """Return the settings of a value from `choices`."""
    return {"metavar": "|".join(choices)} | _checked(str, choices=choices)


def _checked(kind: type, **allowed: Any) -> dict[str, Any]:
    def check(flag: typer.CallbackParam, value: Any) -> Any:
        meaning: str = flag.help.rstrip(".")  # type: ignore[attr-defined]
        meaning = meaning[0].lower() + meaning[1:]
        return None if value is None else checked(str(flag.name), value, kind, limits(meaning, **allowed))

    return {"callback": check}


def file_name(refusal: str, kind: str = "file") -> dict[str, Any]:
    """Return the settings of a path; `-`, which means standard input or output elsewhere, is rejected."""

    def path(text: Any) -> Path:
        if text == STDIN:
            raise typer.BadParameter(f"{refusal}: give the name of a {kind} (./- is a {kind} named -)")
        return Path(text)

    return {"parser": path}


def _writable_format(name: str | None) -> str | None:
    if name is None or name in _WRITABLE:
        return name
    reason = "can only be read" if name in FORMATS else "is unknown"
    raise typer.BadParameter(f"{name!r} {reason}: give one of {', '.join(map(repr, _WRITABLE))}")


_WRITABLE = {name: known for name, known in FORMATS.items() if known.write is not None}
VECTORS_READ = file_name("vectors cannot be read from standard input")
VECTORS_WRITTEN = file_name("vectors cannot be written to standard output")

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model, or vectors in any format.", **VECTORS_READ)]
FileFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        callback=_writable_format,
        help="Output format (listed below). native holds a whole model; the others hold vectors for other programs.",
        show_default="from the suffix",
    ),
]
CorpusFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="CORPUS",
        help="Text files (also .gz, .bz2, .xz and .zst), folders, or patterns; - is standard input. "
        "Each line is a sentence. Or tables, with --column: Parquet, Arrow, CSV, TSV or JSON Lines.",
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column of tables that holds the sentences: texts, lists of words, or lists of whole numbers.",
        show_default="none",
    ),
]
TextEncoding = Annotated[str, typer.Option(metavar="NAME", help="Encoding of text files, CSV and JSON.")]
OutputVectors = Annotated[
    Path, typer.Option("--output", "-o", metavar="PATH", help="The output file or folder.", **VECTORS_WRITTEN)
]
StartVectors = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Vectors or a model, in any format: words of the corpus that the file has start from its vectors.",
        **VECTORS_READ,
    ),
]
Freeze = Annotated[
    bool,
    typer.Option(
        "--freeze",
        help="Keep the vectors of --init as they are. The vectors of other words, and all outside vectors or tree "
        "nodes, are trained.",
    ),
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder for checkpoints, written every few minutes, after each epoch and after Ctrl-C.",
        **file_name("checkpoints cannot be written to standard output", "folder"),
    ),
]
CheckpointMinutes = Annotated[
    float | None, typer.Option(help="Minutes between checkpoints.", show_default="10", **number(float))
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Resume from the newest checkpoint; without one, start from the beginning.")
]
MaxInputBytes = Annotated[
    int | None,
    typer.Option(
        help="Maximum bytes of decompressed text, all files together.", show_default="no limit", **number(int)
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Hide progress.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only warnings and errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TopN = Annotated[int, typer.Option("--topn", "-n", help="Number of words to print.", **at_least(1))]
Workers = Annotated[
    int | None, typer.Option(help="Number of threads [1 to 1024].", show_default="all available cores", **number(int))
]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="Train on a Ray cluster: its address, or auto for the one that runs on this machine, or for a new one. "
        "All its machines must see the corpus and the folder of --checkpoint.",
    ),
]
ClusterNodes = Annotated[
    int | None,
    typer.Option(
        help="With --cluster: how many machines train, each with --workers threads.", show_default="all", **number(int)
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="With --cluster: train even if the cluster does not require a token.")
]
NodeFiles = Annotated[
    bool,
    typer.Option(
        "--node-files",
        help="With --cluster: each machine looks up the paths of the corpus, and reads the files that it alone has.",
    ),
]
RestrictVocab = Annotated[
    int | None,
    typer.Option(help="Search only this many of the most frequent words.", show_default="all", **at_least(1)),
]


class CommandWithFormats(TyperCommand):
    """A command that writes vectors: its help ends with the list of formats."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the name, the description and the suffixes of each format."""
        rows = [
            (name, f"{known.description} [{', '.join(known.suffixes) or 'no suffix'}]")
            for name, known in _WRITABLE.items()
        ]
        with formatter.section("Formats"):
            formatter.write_dl(rows)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFlags:
    """The flags of a training run: threads, the vectors to start from, checkpoints, and what is printed."""

    workers: Workers = None
    init: StartVectors = None
    freeze: Freeze = False
    checkpoint: CheckpointFolder = None
    checkpoint_minutes: CheckpointMinutes = None
    resume: Resume = False
    no_progress: NoProgress = False
    quiet: Quiet = False

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `Word2Vec.fit` that they set."""
        names = ("init", "freeze", "checkpoint", "checkpoint_minutes", "resume")
        progress = False if self.no_progress or self.quiet else None
        return {name: getattr(self, name) for name in names} | {"progress": progress}


def with_run_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with `**options`: one flag for each field of `RunFlags` takes the place of its argument `run`.

    The flags come after the others.
    """
    signature = inspect.signature(command)
    *own, options = (parameter for parameter in signature.parameters.values() if parameter.name != "run")
    flags = inspect.signature(RunFlags).parameters

    @functools.wraps(command)
    def with_run(**given: Any) -> None:
        command(run=RunFlags(**{name: given.pop(name) for name in flags}), **given)

    with_run.__signature__ = signature.replace(parameters=[*own, *flags.values(), options])  # type: ignore[attr-defined]
    return with_run


def with_options(
    options: type[Any], only: Collection[str] = (), **defaults: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that replaces `**options` of a command by one flag for each field of a dataclass.

    The flags come after the first three parameters. Sets of words are left to the command. `only` names the fields,
    unless it is empty. `defaults` replace those of some fields.
    """

    def add_flags(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        flags = [
            _flag(field, defaults.get(field.name, field.default))
            for field in dataclasses.fields(options)
            if type(field.default) is not frozenset and field.name in (only or [field.name])
        ]
        parameters = [*own[:3], *flags, *own[3:]]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return add_flags


def _pair_or_text(text: Any) -> Any:
    """Return 3-6 as a pair of numbers; other text is kept, so that `checked` rejects it."""
    first, _, second = str(text).partition("-")
    return (int(first), int(second)) if first.isdecimal() and second.isdecimal() else text


_NUMBERS = (int, float, int | None, float | None)
_ABSENT = {"subwords": "none", "alpha": "0.05 or 0.025"}
"""What the help shows as the default of an option whose default is None, if not "no limit"."""


def _flag(option: "dataclasses.Field[Any]", default: Any) -> inspect.Parameter:
    meaning, optional, choices = (option.metadata[key] for key in ("meaning", "optional", "choices"))
    kind: Any = option.metadata["kind"] | None if optional else type(option.default)
    allowed = range_text(option.metadata)
    settings: dict[str, Any] = {"metavar": "|".join(choices)} if choices else {}
    if option.metadata["pair"]:
        kind, settings = Any, {"parser": _pair_or_text, "metavar": "MIN-MAX"}
    information = typer.Option(
        help=f"{meaning[0].upper()}{meaning[1:]}{allowed and f' [{allowed}]'}.",
        show_default=_ABSENT.get(option.name, "no limit") if default is None else True,
        **(number(float if kind in (float, float | None) else int) if kind in _NUMBERS else settings),
    )
    annotation = Annotated[kind, information]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
