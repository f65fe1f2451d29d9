"""The command line: each command parses its arguments, calls the public API and prints what comes back.

The exit code is 0 for success, 1 for failure, 2 for wrong use and 130 after Ctrl-C. An error is one line on
standard error; `--debug` shows the traceback.
"""

import dataclasses
import enum
import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import firth
from firth import reports, terminal
from firth.errors import FirthError, FormatError, OptionError, UnknownWordError
from firth.options import ELSEWHERE, Options

if TYPE_CHECKING:
    from firth.formats.native import NativeFile
    from firth.model import Word2Vec
    from firth.vectors import Key, KeyedVectors

FAILURE, WRONG_USE, INTERRUPTED = 1, 2, 130

UsageError: Any = typer.BadParameter.__bases__[0]
"""What the parser raises for wrong use; typer gives no public name to it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (None: those of the process) and return the exit code."""
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    terminal.prepare_streams()
    try:
        code = app(args=words or ["--help"], prog_name="firth", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except Exception as error:
        if debug:
            traceback.print_exc()
        terminal.complain(_message(error))
        return WRONG_USE if isinstance(error, (UsageError, OptionError)) else FAILURE


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take `--debug` out, wherever it stands before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [word for word in arguments[:end] if word != "--debug"]
    return options + arguments[end:], len(options) < end


def _message(error: Exception) -> str:
    if isinstance(error, UsageError):
        return _usage_message(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if type(error).__module__.startswith("firth."):
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _usage_message(error: Any) -> str:
    name = str(getattr(error, "option_name", "")).lstrip("-").replace("-", "_")
    text = str(error.format_message()).rstrip(".")
    if name in ELSEWHERE:
        text = f"no such option: --{name}; here it is called {_flag(ELSEWHERE[name])}"
    return f"{text} (see {error.ctx.command_path} --help)" if error.ctx else text


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


class _Commands(TyperGroup):
    """The commands, with an interrupt and a closed pipe treated alike in every version of typer."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILURE) from None
        except KeyboardInterrupt:
            terminal.complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    help="Train word vectors, ask them questions, and turn their files into one another.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        terminal.say(f"firth {firth.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Declare the global options; `main` has taken `--debug` out."""


# --- files


class Format(enum.StrEnum):
    """How vectors are written down."""

    NATIVE = "native"
    TEXT = "word2vec-text"
    BINARY = "word2vec-binary"


SUFFIXES = {
    ".firth": Format.NATIVE,
    ".safetensors": Format.NATIVE,
    ".txt": Format.TEXT,
    ".vec": Format.TEXT,
    ".bin": Format.BINARY,
}

FileFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="How to write it: a model that firth can read whole, or vectors for any tool.",
        show_default="by the suffix: " + ", ".join(SUFFIXES),
    ),
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model, or vectors in any format.")]
NoHeader = Annotated[
    bool, typer.Option("--no-header", help="The file is text without a first line of sizes, as GloVe's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TopN = Annotated[int, typer.Option("--topn", "-n", min=1, help="How many answers to print.")]
Workers = Annotated[
    int | None, typer.Option(help="Threads [at least 1].", show_default="the cores this process may use")
]
RestrictVocab = Annotated[
    int | None,
    typer.Option(min=1, help="Search only the first, most frequent words.", show_default="every word"),
]


def _format(path: Path, chosen: Format | None) -> Format:
    """Return the chosen format, or that of the suffix before any of compression (.gz ...)."""
    from firth.formats.streams import is_compressed

    packed = is_compressed(path)
    found = chosen or SUFFIXES.get((path.with_suffix("") if packed else path).suffix.lower())
    if found is None:
        raise UsageError(
            f"the name {str(path)!r} does not tell the format: end it in {', '.join(SUFFIXES)}, or give --format"
        )
    if packed and found is Format.NATIVE:
        raise UsageError(f"{path}: the native format is never compressed; leave out {path.suffix}")
    return found


def _check_output(path: Path) -> None:
    """Raise `OSError` now if `path` could not be written after hours of training."""
    if path.is_dir():
        raise IsADirectoryError(0, "is a folder: give the name of a file to write in it", str(path))
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(0, "no such folder to write in", str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(0, "this folder may not be written in", str(folder))


def _is_native(path: Path) -> bool:
    from firth.formats import sniff

    return sniff.is_safetensors(sniff.read_head(path))


def _read_vectors(path: Path, no_header: bool) -> "KeyedVectors":
    if _is_native(path):
        return firth.KeyedVectors.load(path)
    return firth.KeyedVectors.load_word2vec_format(path, no_header=no_header)


def _write(model: "Word2Vec | KeyedVectors", path: Path, file_format: Format) -> None:
    if file_format is Format.NATIVE:
        model.save(path)
        return
    vectors = model if isinstance(model, firth.KeyedVectors) else model.wv
    vectors.save_word2vec_format(path, binary=file_format is Format.BINARY)


def _where_saved(path: Path, file_format: Format) -> str:
    return f"{path} ({file_format}, {terminal.size(path.stat().st_size)})"


# --- train


def train(
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS",
            help="Text files (.gz, .bz2, .xz and .zst too), folders, patterns; - is standard input. "
            "A line is a sentence.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    file_format: FileFormat = None,
    workers: Workers = None,
    validation: Annotated[
        str | None,
        typer.Option(
            "--validation",
            metavar="TEXT|FRACTION",
            help="A text to validate on, or the fraction of the corpus to set aside: after every epoch the exact "
            "softmax loss of its pairs is shown.",
            show_default="none",
        ),
    ] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show no progress.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing, unless something goes wrong.")] = False,
    **options: Any,
) -> None:
    """Train vectors on text and write them to a file.

    Ctrl-C stops the training and writes what has been learnt so far.
    """
    checked = Options(**options)
    written_as = _format(output, file_format)
    _check_output(output)
    _refuse_to_overwrite(corpus, output)
    model = firth.Word2Vec(**checked.to_dict(), workers=workers)
    try:
        model.fit(
            corpus[0] if len(corpus) == 1 else corpus,
            validation=_fraction_or_path(validation),
            progress=False if no_progress or quiet else None,
        )
    except KeyboardInterrupt:
        _save_interrupted(model, output, written_as)
        raise typer.Exit(INTERRUPTED) from None
    _write(model, output, written_as)
    if not quiet:
        terminal.say(reports.training_summary(model))
        terminal.say(f"saved       {_where_saved(output, written_as)}")


def _fraction_or_path(text: str | None) -> float | str | None:
    """Return a number as a number; a file of that name is meant by ./0.1."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _refuse_to_overwrite(corpus: list[str], output: Path) -> None:
    inputs = [Path(name).resolve() for name in corpus]
    if output.exists() and any(output.resolve().is_relative_to(place) for place in inputs):
        raise UsageError(f"{output} is part of the corpus, and would be overwritten: name another file")


def _save_interrupted(model: "Word2Vec", output: Path, written_as: Format) -> None:
    if not _has_learnt(model):
        terminal.complain("interrupted before anything was learnt; nothing was saved")
        return
    _write(model, output, written_as)
    epochs = f"{len(model.history)} of {model.options.epochs} epochs"
    where = _where_saved(output, written_as)
    terminal.complain(f"interrupted after {epochs}; saved what was learnt in {where}")


def _has_learnt(model: "Word2Vec") -> bool:
    """Tell whether training took a step: until then the outside matrix is zero."""
    try:
        return bool(model.outside.any())
    except FirthError:  # there is no vocabulary yet
        return False


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace `**options` of a command by a flag for each field of `Options`."""
    signature = inspect.signature(command)
    flags = [_parameter(option) for option in dataclasses.fields(Options)]
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "options"]
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*keywords[:3], *flags, *keywords[3:]]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(option: "dataclasses.Field[Any]") -> inspect.Parameter:
    optional = option.metadata["optional"]
    kind: Any = int | None if optional else type(option.default)
    limits = _limits(option)
    meaning, choices = option.metadata["meaning"], option.metadata["choices"]
    if choices:
        kind = _choice(option.name, choices)
    information = typer.Option(
        help=f"{meaning[0].upper()}{meaning[1:]}{limits and f' [{limits}]'}.",
        show_default="no limit" if optional else True,
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[kind, information],
    )


def _choice(name: str, choices: tuple[str, ...]) -> Any:
    """Return a type whose values are `choices`: what typer makes a flag of few values from."""
    return enum.StrEnum(name, {choice: choice for choice in choices})


def _limits(option: "dataclasses.Field[Any]") -> str:
    low, high = option.metadata["low"], option.metadata["high"]
    if low is None:
        return ""
    if high is None:
        return f"above {low:g}" if option.metadata["open_low"] else f"at least {low:g}"
    return f"{low:g} to {high:g}" if high < 2**31 else f"at least {low:g}"


app.command("train")(_with_options(train))


# --- queries


@app.command()
def similar(
    model: ModelFile,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Words to be near to.", show_default=False)
    ] = None,
    negative: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="A word to be far from; may be repeated.", show_default="none"),
    ] = None,
    topn: TopN = 10,
    restrict_vocab: RestrictVocab = None,
    no_header: NoHeader = False,
    json: AsJson = False,
) -> None:
    """Print the words nearest to the words given.

    Nearest is by cosine, to the mean of the words; those of --negative are subtracted.
    """
    if not words and not negative:
        raise UsageError("give at least one WORD, or a word for --negative")
    vectors = _read_vectors(model, no_header)
    _print_nearest(vectors, words or [], negative or [], topn, restrict_vocab, json)


@app.command()
def analogy(
    model: ModelFile,
    a: Annotated[str, typer.Argument(metavar="A", help="as in man")],
    b: Annotated[str, typer.Argument(metavar="B", help="as in king")],
    c: Annotated[str, typer.Argument(metavar="C", help="as in woman")],
    topn: TopN = 5,
    restrict_vocab: RestrictVocab = None,
    no_header: NoHeader = False,
    json: AsJson = False,
) -> None:
    """Complete the analogy "A is to B as C is to ...".

    Prints the words nearest to B + C - A.
    """
    _print_nearest(_read_vectors(model, no_header), [b, c], [a], topn, restrict_vocab, json)


def _print_nearest(
    vectors: "KeyedVectors",
    positive: list[str],
    negative: list[str],
    topn: int,
    restrict_vocab: int | None,
    json: bool,
) -> None:
    toward, away = ([_key(vectors, word) for word in words] for words in (positive, negative))
    found = list(vectors.most_similar(toward, away, topn=topn, restrict_vocab=restrict_vocab))
    if json:
        terminal.say(terminal.as_json([{"word": word, "cosine": cosine} for word, cosine in found]))
    elif found:
        terminal.say(terminal.columns([(word, f"{cosine:.4f}") for word, cosine in found]))


def _key(vectors: "KeyedVectors", word: str) -> "Key":
    """Return the key that `word` means: a whole number, where the keys are such."""
    if word in vectors or not len(vectors) or isinstance(vectors.index_to_key[0], str):
        return word
    try:
        return int(word)
    except ValueError:
        raise UnknownWordError(word, ()) from None


# --- evaluate


@app.command()
def evaluate(
    model: ModelFile,
    analogies: Annotated[
        list[Path] | None, typer.Option(help="A file of questions, as questions-words.txt; may be repeated.")
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(help="A file of pairs of words with people's scores, as WordSim-353; may be repeated."),
    ] = None,
    restrict_vocab: Annotated[int, typer.Option(min=1, help="Use only the first words.")] = 300000,
    case_insensitive: Annotated[
        bool, typer.Option("--case-insensitive/--case-sensitive", help="Compare in upper case.")
    ] = True,
    dummy4unknown: Annotated[
        bool, typer.Option("--dummy4unknown", help="Count what has an unknown word as wrong, or as cosine 0.")
    ] = False,
    no_header: NoHeader = False,
    json: AsJson = False,
) -> None:
    """Judge vectors by analogies and word similarity.

    Says beside each result how much of the file the vocabulary covers.
    """
    if not analogies and not pairs:
        raise UsageError("give a file for --analogies or for --pairs")
    for path in [*(analogies or []), *(pairs or [])]:
        path.open("rb").close()  # raises before the vectors are read, which may take long
    vectors = _read_vectors(model, no_header)
    settings = {
        "restrict_vocab": restrict_vocab,
        "case_insensitive": case_insensitive,
        "dummy4unknown": dummy4unknown,
    }
    answered = [_analogies(vectors, path, settings) for path in analogies or []]
    agreed = [_pairs(vectors, path, settings) for path in pairs or []]
    if json:
        terminal.say(terminal.as_json({"analogies": answered, "pairs": agreed}))
        return
    terminal.say(
        "\n\n".join([*map(reports.analogy_lines, answered), *([reports.pair_lines(agreed)] if agreed else [])])
    )


def _analogies(vectors: "KeyedVectors", path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    result = vectors.evaluate_word_analogies(path, **settings)
    sections = [
        {
            "section": section["section"],
            "correct": len(section["correct"]),
            "answered": len(section["correct"]) + len(section["incorrect"]),
            "covered": coverage.covered,
            "total": coverage.total,
        }
        for section, coverage in zip(result.sections, result.coverage, strict=True)
    ]
    return {"file": str(path), "score": result.score, "sections": sections, "skipped_lines": result.skipped}


def _pairs(vectors: "KeyedVectors", path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    result = vectors.evaluate_word_pairs(path, delimiter=None, **settings)
    measures = {
        name: {"correlation": correlation, "p": p}
        for name, (correlation, p) in [("pearson", result.pearson), ("spearman", result.spearman)]
    }
    counts = {"covered": result.covered, "total": result.total, "skipped_lines": result.skipped}
    return {"file": str(path), **measures, **counts}


# --- info, convert


@app.command()
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model, or vectors in any format.")],
    topn: Annotated[int, typer.Option("--topn", "-n", min=1, help="How many words to print.")] = 10,
    no_header: NoHeader = False,
    json: AsJson = False,
) -> None:
    """Say what a model or a file of vectors holds.

    The file is read to its end, so one that is cut or damaged is found out.
    """
    found = _native_info(file, topn) if _is_native(file) else _word2vec_info(file, topn, no_header)
    terminal.say(terminal.as_json(found) if json else reports.info_lines(found))


def _native_info(path: Path, topn: int) -> dict[str, Any]:
    from firth.formats.native import read_native

    native = read_native(path, outside=False)
    return {
        "file": str(path),
        "format": Format.NATIVE.value,
        "kind": "vectors" if native.options is None else "model",
        "bytes": path.stat().st_size,
        "words": len(native.keys),
        "vector_size": native.center.shape[1],
        "dtype": native.center.dtype.name,
        "total_count": None if native.counts is None else int(native.counts.sum()),
        "options": native.options,
        "history": native.history,
        "first_words": _first_words(native, topn),
    }


def _first_words(native: "NativeFile", topn: int) -> list[dict[str, Any]]:
    if native.counts is None:
        return [{"word": word} for word in native.keys[:topn]]
    pairs = zip(native.keys[:topn], native.counts[:topn].tolist(), strict=True)
    return [{"word": word, "count": count} for word, count in pairs]


def _word2vec_info(path: Path, topn: int, no_header: bool) -> dict[str, Any]:
    vectors = _read_vectors(path, no_header)
    return {
        "file": str(path),
        "format": (Format.TEXT if no_header or _is_text(path) else Format.BINARY).value,
        "kind": "vectors",
        "bytes": path.stat().st_size,
        "words": len(vectors),
        "vector_size": vectors.vector_size,
        "dtype": vectors.vectors.dtype.name,
        "total_count": None,
        "options": None,
        "history": None,
        "first_words": [{"word": word} for word in vectors.index_to_key[:topn]],
    }


def _is_text(path: Path) -> bool:
    """Tell whether a word2vec file can be read as text; it is known to be sound one way or the other."""
    try:
        with warnings.catch_warnings(action="ignore"):
            firth.KeyedVectors.load_word2vec_format(path, binary=False, limit=1)
    except FormatError:
        return False
    return True


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A model, or vectors in any format.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
    file_format: FileFormat = None,
    no_header: NoHeader = False,
) -> None:
    """Write vectors in another format.

    What that format cannot hold (counts, options ...) is said.
    """
    written_as = _format(target, file_format)
    _check_output(target)
    model = firth.load(source) if _is_native(source) else _read_vectors(source, no_header)
    _write(model, target, written_as)
    vectors = model if isinstance(model, firth.KeyedVectors) else model.wv
    size = f"{len(vectors):,} words, vectors of {vectors.vector_size} numbers"
    terminal.say(f"{size}: {_where_saved(target, written_as)}")
    if written_as is not Format.NATIVE and (left_out := _only_native(model, vectors)):
        terminal.say(f"not in this format: {', '.join(left_out)}")


def _only_native(model: "Word2Vec | KeyedVectors", vectors: "KeyedVectors") -> list[str]:
    """Return what the native format alone can hold of these."""
    counts = [] if vectors.counts is None else ["counts"]
    return counts if model is vectors else [*counts, "outside matrix", "options", "history"]


# --- gradcheck, demo


@app.command()
def gradcheck(
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random vectors and words.")] = 1,
    json: AsJson = False,
) -> None:
    """Check every gradient by central differences.

    Exits with 1 if one is wrong.
    """
    from firth.gradcheck import check_gradients

    checks = check_gradients(seed=seed)
    if json:
        rows = [{**dataclasses.asdict(check), "passed": check.passed} for check in checks]
        terminal.say(terminal.as_json(rows))
    else:
        terminal.say(reports.check_lines(checks))
    if not all(check.passed for check in checks):
        raise typer.Exit(FAILURE)


@app.command()
def demo(
    workers: Workers = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 1,
) -> None:
    """Train on Python's own library and show the result.

    The text is the source of the running Python's standard library: nothing is downloaded.
    """
    from firth.demo import run

    run(workers=workers, seed=seed, say=terminal.say)
