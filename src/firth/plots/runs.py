"""Pictures of training runs: histories; and the gradient check."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from firth.errors import OptionError
from firth.gradcheck import measured_gradients
from firth.model import Word2Vec
from firth.options import shortened
from firth.plots.canvas import COLOURS, GREY, axes, matplotlib_module
from firth.plots.fonts import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from firth.training.loop.trainer import EpochRecord

    Run: TypeAlias = Word2Vec | Sequence["EpochRecord"]

_LOSSES = {
    "loss": ("loss", "-", "o"),
    "end_loss": ("end loss", "--", "s"),
    "validation_loss": ("held out", ":", "^"),
}
"""Name, line and marker of each loss of a record; runs differ in colour."""

_MOST_MARKERS = 40


def history(
    runs: "Run | Mapping[str, Run]", *, losses: Sequence[str] = tuple(_LOSSES), ax: "Axes | None" = None
) -> "Axes":
    """Draw the losses of a training run, or of several, by epoch, in nats per pair; return the Axes.

      runs    a model, its history, or a dict from names to these
      losses  which fields of `EpochRecord` to draw: "loss" (running), "end_loss" and "validation_loss" (held out)

    A loss that no epoch has is left out. Losses of different objectives are not comparable. Raises `OptionError` for a
    run without epochs and for an unknown loss.
    """
    for name in losses:
        if name not in _LOSSES:
            raise OptionError(f"losses holds {name!r}: give some of {', '.join(map(repr, _LOSSES))}")
    named = runs if isinstance(runs, Mapping) else {"": runs}
    records = {name: _records(name, run) for name, run in named.items()}
    ax = axes(ax)
    text = lettering(records)
    for i, (label, run) in enumerate(zip(text.texts, records.values(), strict=True)):
        for name in losses:
            _draw_losses(ax, name, run, label, COLOURS[i % len(COLOURS)])
    ax.set(xlabel="epoch", ylabel="nats per pair")
    ax.xaxis.set_major_locator(matplotlib_module("ticker").MaxNLocator(integer=True))
    _write_legend(ax, text.style)
    return ax


def _records(name: str, run: "Run") -> "list[EpochRecord]":
    if not isinstance(run, (Word2Vec, Sequence)):
        raise OptionError(f"{shortened(run)} is not a training run: give a model or its history")
    records = list(run.history if isinstance(run, Word2Vec) else run)
    if not records:
        raise OptionError(f"the history{name and f' of {name!r}'} has no epochs: fit the model first")
    return records


def _draw_losses(ax: Any, name: str, records: "list[EpochRecord]", label: str, colour: str) -> None:
    values = [getattr(record, name) for record in records]
    if all(value is None for value in values):
        return
    meaning, line, marker = _LOSSES[name]
    numbers = [np.nan if value is None else value for value in values]
    label = f"{label}, {meaning}" if label else meaning
    shown = marker if len(records) <= _MOST_MARKERS else ""
    ax.plot([record.epoch for record in records], numbers, line, marker=shown, color=colour, label=label)


def _write_legend(ax: Any, style: dict[str, Any]) -> None:
    for text in ax.legend(frameon=False).get_texts():
        text.set(**style)


def gradients(*, seed: int = 1, ax: "Axes | None" = None) -> "Axes":
    """Draw every gradient that `firth gradcheck` checks against central differences; return the Axes.

    Each point is one derivative of one equation, for random vectors drawn with `seed`. Points on the diagonal agree;
    the text gives the largest difference.
    """
    ax = axes(ax, (4.8, 4.8))
    measured = measured_gradients(seed=seed)
    claimed, found = (np.concatenate([each[i].ravel() for each in measured.values()]) for i in range(2))
    ax.axline((0, 0), slope=1, color=GREY, linewidth=0.8, zorder=0)
    ax.scatter(found, claimed, s=9, color=COLOURS[0], alpha=0.5, linewidths=0, rasterized=True)
    largest = np.abs(claimed - found).max()
    ax.text(
        0.03, 0.97, f"{len(measured)} equations, {len(found):,} derivatives\nlargest difference {largest:.0e}",
        transform=ax.transAxes, va="top",
    )  # fmt: skip
    ax.set(xlabel="central difference", ylabel="gradient by the equation", aspect="equal")
    return ax
