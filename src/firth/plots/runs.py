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

    A loss that no epoch has is left out. Held-out losses have a scale of their own on the right if they are more than
    twice the others, as those of negative sampling are. Losses of different objectives are not comparable. Raises
    `OptionError` for a run without epochs and for an unknown loss.
    """
    for name in losses:
        if name not in _LOSSES:
            raise OptionError(f"losses holds {name!r}: give some of {', '.join(map(repr, _LOSSES))}")
    named = runs if isinstance(runs, Mapping) else {"": runs}
    records = {name: _records(name, run) for name, run in named.items()}
    ax = axes(ax)
    scales = _scales(ax, list(records.values()), losses)
    text = lettering(records)
    for i, (label, run) in enumerate(zip(text.texts, records.values(), strict=True)):
        for name in losses:
            _draw_losses(scales[name], name, run, label, COLOURS[i % len(COLOURS)])
    ax.set(xlabel="epoch", ylabel="nats per pair")
    ax.xaxis.set_major_locator(matplotlib_module("ticker").MaxNLocator(integer=True))
    _write_legend(list(dict.fromkeys([ax, *scales.values()])), text.style)
    return ax


def _scales(ax: Any, runs: "list[list[EpochRecord]]", losses: Sequence[str]) -> dict[str, Any]:
    """Return the Axes of each loss: those given, or Axes with a second scale."""
    values = {name: [number for run in runs for number in _numbers(name, run)] for name in losses}
    held_out = values.pop("validation_loss", [])
    others = [number for numbers in values.values() for number in numbers]
    scales = dict.fromkeys(losses, ax)
    if held_out and others and min(held_out) > 2 * max(others):
        scales["validation_loss"] = ax.twinx()
        scales["validation_loss"].set_ylabel("held out, nats per pair")
    return scales


def _numbers(name: str, run: "list[EpochRecord]") -> list[float]:
    return [number for record in run if (number := getattr(record, name)) is not None]


def _records(name: str, run: "Run") -> "list[EpochRecord]":
    if not isinstance(run, (Word2Vec, Sequence)):
        raise OptionError(f"{shortened(run)} is not a training run: give a model or its history")
    records = list(run.history if isinstance(run, Word2Vec) else run)
    if not records:
        raise OptionError(f"the history{name and f' of {name!r}'} has no epochs: fit the model first")
    return records


def _draw_losses(ax: Any, name: str, records: "list[EpochRecord]", label: str, colour: str) -> None:
    if not _numbers(name, records):
        return
    meaning, line, marker = _LOSSES[name]
    meaning += " (right)" if ax.get_ylabel() else ""  # only a second scale is labelled before its lines are drawn
    numbers = [np.nan if (value := getattr(record, name)) is None else value for record in records]
    label = f"{label}, {meaning}" if label else meaning
    shown = marker if len(records) <= _MOST_MARKERS else ""
    ax.plot([record.epoch for record in records], numbers, line, marker=shown, color=colour, label=label)


def _write_legend(scales: list[Any], style: dict[str, Any]) -> None:
    """Name the lines of all Axes; above them if there are several, because no place among the lines is free."""
    lines = [line for ax in scales for line in ax.get_lines()]
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3} if len(scales) > 1 else {}
    for text in scales[0].legend(handles=lines, frameon=False, **above).get_texts():
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
