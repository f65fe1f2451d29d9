# mypy: allow-untyped-decorators, allow-untyped-defs, allow-untyped-calls
"""The inner loops of the layout by neighbours, compiled by Numba; `layout` has the equations.

Each call moves some words and reads the positions of all, so the result does not depend on how the words are shared
among threads. All functions release the GIL. None checks its arguments.
"""

import numpy as np

from firth.compiling.kernel import kernel

_CLOSE = np.float32(0.8)  # gains of a coordinate: as van der Maaten and Hinton (2008)
_FAR = np.float32(0.2)
_LEAST = np.float32(0.01)
_FASTEST = np.float32(5)  # a step is at most this long on either axis, or a few words leave the map for good


@kernel(error_model="numpy")
def fill_cells(positions, codes, limits, sums, cells):
    """Count the words in each cell of the quadtree and take their mean.

    positions (V, 2) float32; codes (V,) int64 the cell of each word among those of the finest level; limits (L,)
    float64 the fourth column of the cells of each level; sums (C, 3) float64 zeros, overwritten; cells (C, 4) float32
    are written, see `repel`; C = 1 + 4 + ... + 4^(L - 1).
    """
    finest = len(cells) - (np.int64(1) << (2 * (len(limits) - 1)))
    for word in range(len(positions)):
        cell = finest + codes[word]
        sums[cell, 0] += 1
        sums[cell, 1] += positions[word, 0]
        sums[cell, 2] += positions[word, 1]
    for cell in range(len(cells) - 1, 0, -1):  # children before their parents
        for column in range(3):
            sums[(cell - 1) >> 2, column] += sums[cell, column]
    first = 0
    for level in range(len(limits)):
        last = 4 * first + 1
        for cell in range(first, last):
            n = max(sums[cell, 0], 1)
            cells[cell, 0] = sums[cell, 0]
            cells[cell, 1], cells[cell, 2] = sums[cell, 1] / n, sums[cell, 2] / n
            cells[cell, 3] = limits[level]
        first = last


@kernel(error_model="numpy")
def repel(words, positions, cells, stack, forces, sums):
    """Add up the repulsion of all words on each of `words`, where far cells of the quadtree act as one point.

    words (N,) int64 rows; positions (V, 2) float32; cells (C, 4) float32: number of words, mean x, mean y, and the
    squared distance from which on the cell acts as one point, 0 if it has no children; those of cell c are 4 c + 1 to
    4 c + 4; stack (S,) int64 is overwritten, S >= 3 L + 1 for L levels; forces (V, 2) float32 and sums (V,) float32 are
    written for `words`: sum n w^2 (x - m) and sum n w over the cells with n words around m, w = 1 / (1 + |x - m|^2).
    """
    one = np.float32(1)
    for word in words:
        x, y = positions[word, 0], positions[word, 1]
        right, down, total = np.float32(0), np.float32(0), np.float32(0)
        stack[0] = 0
        waiting = 1
        while waiting > 0:
            waiting -= 1
            cell = stack[waiting]
            dx, dy = x - cells[cell, 1], y - cells[cell, 2]
            distance = dx * dx + dy * dy
            if not distance < cells[cell, 3]:  # also if it is NaN
                w = one / (one + distance)
                part = cells[cell, 0] * w
                total += part
                right += part * w * dx
                down += part * w * dy
            else:
                for child in range(4 * cell + 1, 4 * cell + 5):
                    if cells[child, 0] > 0:
                        stack[waiting] = child
                        waiting += 1
        forces[word, 0], forces[word, 1], sums[word] = right, down, total


@kernel(error_model="numpy")
def step(first, last, positions, ends, neighbours, forces, pull, push, rate, momentum, speeds, gains, moved):
    """Move each word by the gradient of its own terms, with momentum and a gain for each coordinate.

    ends (V + 1,) int64 and neighbours (E,) int32: the neighbours of word i are those from ends[i] to ends[i + 1] - 1;
    forces (V, 2): the repulsion; pull, push, rate, momentum float32; speeds and gains (V, 2) float32 change in place;
    moved (V, 2) float32 is written.
    """
    one = np.float32(1)
    for word in range(first, last):
        x, y = positions[word, 0], positions[word, 1]
        right, down = np.float32(0), np.float32(0)
        for place in range(ends[word], ends[word + 1]):
            other = neighbours[place]
            dx, dy = x - positions[other, 0], y - positions[other, 1]
            w = one / (one + dx * dx + dy * dy)
            right += w * dx
            down += w * dy
        for axis in range(2):
            attraction = right if axis == 0 else down
            gradient = pull * attraction - push * forces[word, axis]
            if (gradient > 0) == (speeds[word, axis] > 0):
                gains[word, axis] = max(_LEAST, gains[word, axis] * _CLOSE)
            else:
                gains[word, axis] += _FAR
            speed = momentum * speeds[word, axis] - rate * gains[word, axis] * gradient
            speeds[word, axis] = min(_FASTEST, max(-_FASTEST, speed))
            moved[word, axis] = positions[word, axis] + speeds[word, axis]
