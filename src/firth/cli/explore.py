"""`firth explore`: serve the explorer to this machine, and open it in the browser."""

import dataclasses
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firth import terminal
from firth.atomic import atomic_write
from firth.cli.exits import UsageError
from firth.cli.files import check_folder, is_mapped, load_vectors
from firth.cli.flags import VECTORS_READ, ModelFile, at_least, file_name, number
from firth.errors import MissingExtraError
from firth.formats import detect
from firth.formats.native import read_native
from firth.messages import counted
from firth.options import checked, limits
from firth.resources import return_freed_memory

if TYPE_CHECKING:
    from firth.explore.access import Access
    from firth.explore.comparison import Comparison
    from firth.explore.explored import Explored

_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535

PagePort = Annotated[
    int | None,
    typer.Option(
        "--port", help="Port of 127.0.0.1 for the page [1,024 to 65,535].", show_default="any free port", **number(int)
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, but open no browser.")]


def explore(
    model: ModelFile,
    port: PagePort = None,
    no_browser: NoBrowser = False,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE.html",
            help="Write one page that works without firth and without a network, and exit.",
            **file_name("a page cannot be written to standard output"),
        ),
    ] = None,
    words: Annotated[
        int | None,
        typer.Option(
            help="With --export: the number of words in the page, the most frequent first.",
            show_default="as many as 15 MB hold",
            **at_least(1),
        ),
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option("--with", metavar="MODEL", help="A second model to compare this one with.", **VECTORS_READ),
    ] = None,
    stability: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also colour words by their stability: a file that firth stability --words wrote.",
            **file_name("stability cannot be read from standard input"),
        ),
    ] = None,
) -> None:
    """Show a vocabulary as a map in the browser: search, neighbours, equations.

    The page is served to this machine alone, and needs no network. Ctrl-C ends it. With --export it is written to a
    file instead, with vectors of 8 bits.
    """
    check_port(port)
    if export is not None:
        if other is not None or stability is not None:
            raise UsageError("an exported page shows one model by itself: leave --with and --stability out")
        write_page(model, export, words)
        return
    if words is not None:
        raise UsageError("--words needs --export")
    try:
        from firth.explore.server import serve
    except ImportError as error:
        raise missing_extra() from error
    return_freed_memory()
    explored = open_model(model)
    if stability is not None:
        from firth.explore.stability_file import read_stability

        explored = dataclasses.replace(explored, stability=read_stability(stability, explored.rows))
    explored.prepare()
    comparison = None if other is None else _compared(explored, other)
    with TemporaryDirectory(prefix="firth-explore-") as folder:
        try:
            serve(
                explored,
                port or 0,
                lambda access: _announce(explored, access, None if no_browser else Path(folder)),
                comparison,
            )
        except KeyboardInterrupt:
            terminal.write("stopped")


def _compared(explored: "Explored", other: Path) -> "Comparison":
    from firth.explore.comparison import Comparison

    return Comparison(explored, open_model(other))


def write_page(model: Path, page: Path, words: int | None) -> None:
    """Write the page of a model to a file, and print what it holds."""
    from firth.explore.export import export  # imports NumPy

    check_folder(page)
    explored = open_model(model)
    written = export(explored, words)
    with atomic_write(page) as file:
        size = file.write(written.html.encode())
    among = "" if written.words == len(explored.words) else f" of {len(explored.words):,}, the most frequent"
    terminal.write(f"{counted(written.words, 'word')}{among}: {page} ({terminal.size(size)})")
    if written.words > 1:
        terminal.write(f"vectors of 8 bits: {written.equal:.1%} of the ten nearest words are those of the model")


def missing_extra() -> MissingExtraError:
    """Return the error for a page without the packages that serve it."""
    return MissingExtraError("Starlette and uvicorn", "explore", "the explorer")


def check_port(port: int | None) -> None:
    """Raise `OptionError` for a port that is out of range."""
    checked("port", port, int, limits("the port of the page", _LOWEST_PORT, _HIGHEST_PORT, optional=True))


def open_model(path: Path) -> "Explored":
    """Return a model with its outside vectors, or vectors of any format; large files are mapped if they can be."""
    from firth.explore.explored import Explored
    from firth.vectors import KeyedVectors

    if detect(path).name != "native":
        return Explored(path.name, load_vectors(path))
    file = read_native(path, mmap=is_mapped(path), packed=True)
    keys: Any = file.keys
    vectors = KeyedVectors.trusted(keys, file.center, file.counts, file.subwords)
    outside = None if file.outside is None else KeyedVectors.trusted(keys, file.outside)
    return Explored(path.name, vectors, outside, file.options or {})


def _announce(explored: "Explored", access: "Access", folder: Path | None) -> None:
    """Print the address, and open it."""
    vectors = explored.vectors
    sizes = f"{counted(len(vectors), 'word')}, {counted(vectors.vector_size, 'number')} each"
    terminal.write(f"{explored.name}: {sizes}\n{access.address}\nCtrl-C stops the explorer")
    open_page(access, folder)


def open_page(access: "Access", folder: Path | None) -> None:
    """Open the address by way of a file in a folder that only this user can read; None opens nothing.

    An address that is given to a browser directly stands in the list of processes, which every user can read.
    """
    import webbrowser  # here, because it would slow down the other commands

    if folder is not None and _has_screen():
        with atomic_write(folder / "open.html") as file:
            file.write(f'<meta http-equiv="refresh" content="0; url={access.address}">'.encode())
        webbrowser.open((folder / "open.html").as_uri())


def _has_screen() -> bool:
    """Return whether a browser would open in a window: one in the terminal would hide this program."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
