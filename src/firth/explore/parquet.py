"""A Parquet file of words, their places on the map and their neighbours, as embedding-atlas opens it.

Columns: text (string), x and y (float32, from 0 to 1), neighbors (a struct of ids, rows counted from 0, and distances,
1 - cosine, of the ten nearest words), and count (int64, if counts are known). Rows are in the order of the vectors.
"""

from pathlib import Path
from typing import Any

import numpy as np

from firth.atomic import atomic_write
from firth.explore import maps
from firth.explore.explored import Explored
from firth.explore.export import finished_maps

_NEIGHBOURS = 10
_BLOCK = 4096  # words whose neighbours are searched together


def write_parquet(explored: Explored, path: Path) -> None:
    """Write the file, atomically; compute the map by neighbours first, if it is not kept from before."""
    import pyarrow.parquet  # heavy, and not needed by the explorer itself

    vectors = explored.vectors
    points = (finished_maps(explored)["neighbours"] / maps.LARGEST).astype(np.float32)
    columns: dict[str, Any] = {
        "text": [word.encode("utf-8", "replace").decode() for word in explored.words],
        "x": points[:, 0],
        "y": 1 - points[:, 1],  # up, where the page of the explorer goes down
        "neighbors": pyarrow.array(_neighbours(explored), _neighbour_type()),
    }
    if vectors.counts is not None:
        columns["count"] = np.asarray(vectors.counts, np.int64)
    table = pyarrow.table(columns)
    with atomic_write(path) as file:
        pyarrow.parquet.write_table(table, file, compression="zstd")


def _neighbour_type() -> Any:
    import pyarrow

    return pyarrow.struct([("ids", pyarrow.list_(pyarrow.int64())), ("distances", pyarrow.list_(pyarrow.float32()))])


def _neighbours(explored: Explored) -> list[dict[str, list[float]]]:
    vectors, rows = explored.vectors, explored.vectors.key_to_index
    found: list[dict[str, list[float]]] = []
    for first in range(0, len(vectors), _BLOCK):
        lists = vectors.most_similar_batch(vectors.index_to_key[first : first + _BLOCK], _NEIGHBOURS)
        found += [{"ids": [rows[key] for key, _ in each], "distances": [1 - cos for _, cos in each]} for each in lists]
    return found
