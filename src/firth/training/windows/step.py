"""One step of any loss that depends on scores of rows: input rows X, output rows Y, both updated (Numba).

The step is that of Result 27 of docs/derivation.md. Both kinds of rows have weights (`set_row_weight` and
`set_column_weight`); the arithmetic is in `simd`.
"""

from functools import lru_cache
from typing import Any

from firth.compiling.kernel import helper
from firth.training.windows.layout import STRIP_BYTES, TILE, Rows, score_tile, update_tile


@helper()
def set_row_weight(weights, row, weight):
    """Give input `row` a weight: the 8 lanes of its half of a strip."""
    weights[row // 2, TILE * (row % 2) : TILE * (row % 2) + TILE] = weight


@helper()
def set_column_weight(weights, tile, column, weight):
    """Give output `column` a signed weight, for both inputs of a pair."""
    weights[column // tile, column % tile] = weight
    weights[column // tile, column % tile + TILE] = weight


@lru_cache(maxsize=16)
def compile_step(tile: int, n_tiles: int, n_strips: int, n_upcoming: int) -> Any:
    """Return a function that does one step, for `n_tiles` tiles of `tile` outputs and rows of `n_strips` strips.

    These numbers are constants of the code, so that LLVM unrolls the short loops over them. Each tile prefetches the
    `n_upcoming` rows of a table of addresses that begins where the outputs of that tile stand in a later step.
    """
    in_place = 1 if n_tiles == 1 else 0

    @helper(inline="always")  # a call would cost 5 % of the speed
    def train_step(step, outputs, upcoming, column_weights, g, sums):
        """Do the step (27), (27a). All arguments but `step` are the addresses of tables."""
        inputs, tile_bytes = step.inputs, step.pairs * STRIP_BYTES
        for t in range(n_tiles):
            weights = column_weights + t * STRIP_BYTES
            score_tile(tile, step, outputs + 8 * tile * t, weights, g + t * tile_bytes)
        for t in range(n_tiles):
            before, after = inputs if t == 0 else sums, inputs if t == n_tiles - 1 else sums
            rows, place = Rows(inputs, before, after, step.pairs, n_strips), 8 * tile * t
            update_tile(tile, in_place, n_upcoming, rows, outputs + place, g + t * tile_bytes, upcoming + place)

    return train_step


@lru_cache(maxsize=16)
def compile_long_step(tile: int, n_strips: int, n_upcoming: int) -> Any:
    """Return a function that does one step, as `compile_step`, for a number of tiles that each step has its own of."""

    @helper(inline="always")
    def train_step(step, n_tiles, outputs, upcoming, column_weights, g, before, sums, after):
        """Do the step (27), (27a) for at least one tile. All arguments but the first two are addresses of tables.

        -eta G Y is added to the rows of `before` and written to those of `after`, over several tiles by way of those of
        `sums`. If `before` and `after` are the inputs, the step is that of `compile_step`.
        """
        tile_bytes = step.pairs * STRIP_BYTES
        for t in range(n_tiles):
            weights = column_weights + t * STRIP_BYTES
            score_tile(tile, step, outputs + 8 * tile * t, weights, g + t * tile_bytes)
        for t in range(n_tiles):
            first, last = before if t == 0 else sums, after if t == n_tiles - 1 else sums
            rows, place = Rows(step.inputs, first, last, step.pairs, n_strips), 8 * tile * t
            update_tile(tile, 0, n_upcoming, rows, outputs + place, g + t * tile_bytes, upcoming + place)

    return train_step


@lru_cache(maxsize=16)
def compile_own_step(tile: int, n_strips: int) -> Any:
    """Return a function that does one step, as `compile_long_step`, prefetches nothing, and is fast for one tile."""

    @helper(inline="always")
    def train_step(step, n_tiles, outputs, column_weights, g, sums):
        """Do the step (27), (27a) for at least one tile. All arguments but the first two are addresses of tables."""
        inputs, tile_bytes = step.inputs, step.pairs * STRIP_BYTES
        for t in range(n_tiles):
            score_tile(tile, step, outputs + 8 * tile * t, column_weights + t * STRIP_BYTES, g + t * tile_bytes)
        if n_tiles == 1:
            update_tile(tile, 1, 0, Rows(inputs, inputs, inputs, step.pairs, n_strips), outputs, g, outputs)
        else:
            for t in range(n_tiles):
                before, after = inputs if t == 0 else sums, inputs if t == n_tiles - 1 else sums
                rows = Rows(inputs, before, after, step.pairs, n_strips)
                update_tile(tile, 0, 0, rows, outputs + 8 * tile * t, g + t * tile_bytes, outputs)

    return train_step
