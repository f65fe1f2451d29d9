"""History: the records of a model's epochs, and the columns in which they are shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firth.markup import table
from firth.messages import counted

if TYPE_CHECKING:
    from firth.training.loop.trainer import EpochRecord

_COLUMNS = {
    "epoch": ("epoch", ""),
    "loss": ("loss/pair", ".4f"),
    "end_loss": ("end loss", ".4f"),
    "validation_loss": ("held out", ".4f"),
    "pairs": ("pairs", ","),
    "words": ("words", ","),
    "alpha": ("alpha", ".5f"),
}
"""Heading and format of each column."""


class History(list["EpochRecord"]):
    """The records of epochs, which a notebook shows as a table.

    It is a list in every respect, and also copies and pickles as one.
    """

    def __reduce_ex__(self, protocol: Any) -> tuple[type, tuple[list["EpochRecord"]]]:
        return list, (list(self),)

    def _repr_html_(self) -> str:
        headings, rows = history_table([record.to_dict() for record in self])
        return table(rows, caption=counted(len(self), "epoch"), headings=headings)


def history_table(records: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of text, without the columns that no epoch has."""
    names = [name for name in _COLUMNS if any(record.get(name) is not None for record in records)]
    rows = [
        ["" if record.get(name) is None else format(record[name], _COLUMNS[name][1]) for name in names]
        for record in records
    ]
    return [_COLUMNS[name][0] for name in names], rows
