"""`firth train`: train a model on text and write it, also after an interrupt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth import other_programs, reports, terminal
from firth.cli.exits import UsageError, exit_code
from firth.cli.explore import NoBrowser, PagePort, check_port, missing_extra, open_page
from firth.cli.files import left_out, output_format, parts_of, refuse_to_overwrite, where_saved, write
from firth.cli.flags import (
    ClusterAddress,
    ClusterNodes,
    Column,
    CommandWithFormats,
    CorpusFiles,
    FileFormat,
    Insecure,
    MaxInputBytes,
    NodeFiles,
    OutputVectors,
    RunFlags,
    TextEncoding,
    with_options,
    with_run_flags,
)
from firth.errors import FirthError
from firth.formats import Format
from firth.messages import counted
from firth.options import Options
from firth.text.opening import STDIN, UTF8

if TYPE_CHECKING:
    from firth.model import Word2Vec


class TrainCommand(CommandWithFormats):
    """`firth train`; for a flag of word2vec.c or another program, the error names the flag to use."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raise `UsageError` for a flag of another program, then parse."""
        known = {flag for parameter in self.params for flag in [*parameter.opts, *parameter.secondary_opts]}
        for word in args[: args.index("--")] if "--" in args else args:
            flag = word.partition("=")[0]
            if flag.startswith("-") and flag not in known:
                _refuse_other_programs(flag, known, ctx)
        return super().parse_args(ctx, args)


def _refuse_other_programs(flag: str, known: set[str], ctx: Any) -> None:
    name = flag.lstrip("-").replace("-", "_")
    if f"-{flag}" in known:
        raise UsageError(f"no such option {flag}: write it with two dashes, -{flag}", ctx=ctx)
    if name in other_programs.FOREIGN_NAMES:
        raise UsageError(f"no such option {flag}: {other_programs.answer(name)}", ctx=ctx)


@with_options(Options)
@with_run_flags
def train(
    corpus: CorpusFiles,
    output: OutputVectors,
    file_format: FileFormat = None,
    column: Column = None,
    encoding: TextEncoding = UTF8,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|FRACTION",
            help="Validation text, or the fraction of the corpus to hold out. After every epoch the loss of its pairs "
            "is reported: that of the exact softmax, or for hierarchical softmax that of its tree.",
        ),
    ] = None,
    max_input_bytes: MaxInputBytes = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show losses, moving words and neighbours in the browser while it trains.")
    ] = False,
    port: PagePort = None,
    no_browser: NoBrowser = False,
    cluster: ClusterAddress = None,
    nodes: ClusterNodes = None,
    insecure: Insecure = False,
    node_files: NodeFiles = False,
    *,
    run: RunFlags,
    **options: Any,
) -> None:
    """Train word vectors on text and write them to a file.

    Ctrl-C and SIGTERM stop training and save the current vectors. With --checkpoint they save a checkpoint instead:
    run the same command with --resume to continue. The final file is the same as without the interruption, but with
    several workers under the Hogwild schedule it differs slightly in every run.
    """
    from firth.model import Word2Vec  # here, because it would slow down `firth --help`

    model = Word2Vec(**options, workers=run.workers)
    written_as = output_format(output, file_format)
    refuse_to_overwrite(corpus, parts_of(output, written_as))
    if validation == STDIN and STDIN in corpus:
        raise UsageError("- is both the corpus and --validation, but standard input is read only once: give a file")
    with _page(watch, port, no_browser, output.name) as callbacks:
        fit_and_write(
            model,
            corpus[0] if len(corpus) == 1 else corpus,
            output,
            written_as,
            run,
            callbacks=callbacks,
            column=column,
            encoding=encoding,
            validation=_fraction_or_path(validation),
            max_input_bytes=max_input_bytes,
            cluster=cluster,
            nodes=nodes,
            insecure=insecure,
            node_files=node_files,
        )


@contextmanager
def _page(watch: bool, port: int | None, no_browser: bool, name: str) -> Iterator[list[Any]]:
    """Serve the page of the run if it is watched; yield the callbacks that feed it."""
    if not watch:
        if port is not None or no_browser:
            raise UsageError(f"{'--port' if port is not None else '--no-browser'} needs --watch")
        yield []
        return
    check_port(port)
    try:
        from firth.explore.watching import watched
    except ImportError as error:
        raise missing_extra() from error
    with TemporaryDirectory(prefix="firth-watch-") as folder:

        def ready(access: Any) -> None:
            terminal.write_error(f"watch the training at {access.address}")
            open_page(access, None if no_browser else Path(folder))

        with watched(name, port or 0, ready) as feed:
            yield [feed]


def fit_and_write(
    model: "Word2Vec", corpus: Any, output: Path, written_as: Format, run: RunFlags, **arguments: Any
) -> None:
    """Train a model with these arguments of `fit`, write it, and print a summary; write it also after an interrupt."""
    if written_as.name == "fasttext-bin" and model.options.has_nodes and model.options.has_outside:
        raise UsageError("fastText's .bin has room for one output matrix, and this model has two: use another format")
    try:
        model.fit(corpus, **run.arguments(), **arguments)
    except (KeyboardInterrupt, SystemExit) as interrupt:
        if run.checkpoint is not None and any(run.checkpoint.glob("checkpoint-*.firth")):
            after = "" if arguments.get("cluster") else f" {_after(model)}"
            terminal.write_error(f"interrupted{after}; --resume continues from {run.checkpoint}")
        elif arguments.get("cluster") is not None:
            why = "a cluster needs --checkpoint for that" if run.checkpoint is None else "--resume starts again"
            terminal.write_error(f"interrupted; nothing was saved: {why}")
        else:
            _save_interrupted(model, output, written_as)
        raise typer.Exit(exit_code(interrupt)) from None
    write(model, output, written_as)
    if not run.quiet:
        terminal.write(reports.training_summary(model))
        terminal.write(f"saved       {where_saved(output, written_as)}")
        if lost := left_out(model, written_as):
            terminal.write(f"not saved   {', '.join(lost)}: only the native format stores them")


def _fraction_or_path(text: str | None) -> float | str | None:
    """Return a fraction as a float; a file named 0.1 is given as ./0.1."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _save_interrupted(model: "Word2Vec", output: Path, written_as: Format) -> None:
    if not _is_trained(model):
        terminal.write_error("interrupted before training started; nothing was saved")
        return
    write(model, output, written_as)
    lost = left_out(model, written_as)
    saved = where_saved(output, written_as) + (f", without {', '.join(lost)}" if lost else "")
    terminal.write_error(f"interrupted {_after(model)}; saved the vectors in {saved}")


def _after(model: "Word2Vec") -> str:
    return f"after {len(model.history)} of {counted(model.options.epochs, 'epoch')}"


def _is_trained(model: "Word2Vec") -> bool:
    """Return whether training changed anything: until the first update the output matrix is zero."""
    try:
        return bool((model.outside if model.options.has_outside else model.nodes).any())
    except FirthError:  # there is no vocabulary yet
        return False
