"""Results of queries: lists that a notebook shows as a table."""

from typing import Any

from firth.markup import table
from firth.vectors.query_input import Key


class NeighbourList(list[tuple[Key, float]]):
    """(key, score) pairs, the nearest first: a list in every respect, which also copies and pickles as one."""

    def __reduce_ex__(self, protocol: Any) -> tuple[type, tuple[list[tuple[Key, float]]]]:
        return list, (list(self),)

    def _repr_html_(self) -> str:
        return table([(key, f"{score:.4f}") for key, score in self], headings=("key", "score"))
