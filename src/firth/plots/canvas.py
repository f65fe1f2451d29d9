"""Axes to draw on, the colours, and saving."""

import io
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from firth.atomic import atomic_write
from firth.errors import MissingExtraError, OptionError
from firth.options import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    AnyAxes: TypeAlias = Axes | Sequence[Axes]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008)."""
GREY = "#767676"
DIVERGING = "RdBu_r"  # red and blue differ for all kinds of colour blindness

_NO_DATE: dict[str, dict[str, None]] = {".svg": {"Date": None}, ".png": {}, ".pdf": {"CreationDate": None}}
"""The suffixes of pictures, and what Matplotlib must leave out so that equal pictures are equal files."""
_DPI = 150


def matplotlib_module(name: str) -> ModuleType:
    """Return a module of Matplotlib, such as "pyplot"; raise `MissingExtraError` if it is not installed."""
    try:
        return import_module(f"matplotlib.{name}")  # optional, and slow to import
    except ImportError as error:
        raise MissingExtraError("Matplotlib", "plot", "a picture") from error


def axes(ax: "Axes | None", size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """Return the Axes to draw on: `ax`, or those of a new figure of pyplot, `size` in inches."""
    if ax is None:
        return matplotlib_module("pyplot").subplots(figsize=size, layout="constrained")[1]
    return _checked(ax)


def pair_of_axes(ax: "Sequence[Axes] | None", size: tuple[float, float] = (10.0, 4.8)) -> tuple[Any, Any]:
    """Return two Axes to draw on, side by side if they are new."""
    if ax is None:
        ax = matplotlib_module("pyplot").subplots(1, 2, figsize=size, layout="constrained")[1]
    if not hasattr(ax, "__len__") or len(ax) != 2:
        raise OptionError(f"ax={shortened(ax)} is not allowed: give two Axes, such as those of plt.subplots(1, 2)")
    first, second = ax
    return _checked(first), _checked(second)


def draw_in_memory() -> None:
    """Let pyplot draw without a display from now on, for programs that only save pictures."""
    matplotlib_module("pyplot").switch_backend("agg")


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise `OptionError` if the name of a picture does not end in .svg, .png or .pdf."""
    if Path(path).suffix.lower() not in _NO_DATE:
        raise OptionError(
            f"{os.fspath(path)} has no suffix of a picture: give a name that ends in {', '.join(_NO_DATE)}"
        )


def save(ax: "AnyAxes", path: str | os.PathLike[str]) -> None:
    """Write the figure of `ax` as SVG, PNG or PDF, atomically.

    The file has no date and no random names, so the same picture gives the same bytes with the same version of
    Matplotlib. Text is drawn as outlines: the file needs no fonts. Raises `OptionError` for another suffix.
    """
    check_picture(path)
    suffix, written = Path(path).suffix.lower(), io.BytesIO()
    figure: Any = (ax[0] if isinstance(ax, Sequence) else ax).get_figure(root=True)
    with import_module("matplotlib").rc_context({"svg.hashsalt": "firth", "svg.fonttype": "path"}):
        figure.savefig(written, format=suffix[1:], dpi=_DPI, metadata=_NO_DATE[suffix])
    with atomic_write(path) as file:
        file.write(written.getvalue())


def _checked(ax: Any) -> Any:
    if not all(hasattr(ax, name) for name in ("scatter", "annotate", "get_figure")):
        raise OptionError(f"ax={shortened(ax)} is not allowed: give the Axes of a Matplotlib figure")
    return ax
