"""Cuts the paths of a Huffman tree into segments, and assigns subtrees to blocks, for the block schedule.

The loss (31) of docs/derivation.md is a sum over the nodes of a path, so a pair can be trained on some nodes of its
path at one time and on others at another (Result 41). The tree is cut at fixed depths. What lies between two cuts is a
*level*: a set of small trees, its *pieces*. Where a path crosses a level it has a *segment*. Near the root few segments
exist, and many words share each; below the last cut every word has its own.

For each chunk, the pieces are put into P blocks at random (`draw_node_blocks`), so that all blocks take about as long.
Each block has pieces of one level.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.objectives import HuffmanTree
from firth.training.negative_sampling.buckets import OutsideUnits

CUTS = (4, 8)  # depths; the root's piece has a third of the nodes of all paths, but the fewest segments

_SEGMENT_COST = 2  # of a segment, besides its nodes: as much as so many nodes


class Level(NamedTuple):
    """The segments between two cuts."""

    first: int  # the number of the first segment
    segment_of: NDArray[np.int32]  # (V,): the segment of each word, -1 if its path ends above
    piece_of: NDArray[np.int32]  # (S,): the piece of each segment of the level
    loads: NDArray[np.float64]  # (pieces,): how long each takes to train in an epoch

    @property
    def places(self) -> NDArray[np.intp]:
        """The place of each word's segment in arrays of the level; S if it has none."""
        return np.where(self.segment_of < 0, len(self.piece_of), self.segment_of - self.first)


class Segments(NamedTuple):
    """All segments of all paths."""

    paths: HuffmanTree  # of segments in place of words
    levels: list[Level]

    @property
    def n_shared(self) -> int:
        """The number of levels above the last cut, whose segments many words share."""
        return len(self.levels) - 1


class NodeBlock(NamedTuple):
    """A block of nodes: pieces of one level."""

    level: int
    number: int  # among the blocks of the level
    n_segments: int


class LevelBlocks(NamedTuple):
    """The blocks that the pieces of a level are in."""

    block_of: NDArray[np.uint16]  # (V,): the block of each word's segment, P if it has none
    slot_of: NDArray[np.int32]  # (V,): the place of the segment in its block
    rank_of: NDArray[np.int32]  # (S,): the place of each segment in the order by block
    starts: NDArray[np.int64]  # (blocks of the level + 1,): the rank where each block begins, and the end


class NodeBlocks(NamedTuple):
    """The inner nodes of a tree in P blocks."""

    blocks: list[NodeBlock]
    levels: list[LevelBlocks]

    def units(self, block: int, segments: Segments) -> OutsideUnits:
        """Return what the pairs of a block hold: segments."""
        level, _, n = self.blocks[block]
        return OutsideUnits(self.levels[level].slot_of, segments.levels[level].segment_of, n)


def cuts_for(tree: HuffmanTree, P: int) -> tuple[int, ...]:
    """Return the depths to cut the tree at for P blocks: each level must have a block, and a node."""
    return tuple(cut for cut in CUTS[: P - 1] if cut < tree.lengths.max())


def cut_paths(tree: HuffmanTree, cuts: tuple[int, ...], loads: NDArray[np.float64]) -> Segments:
    """Return the segments of all paths. loads: (V,) how often each word is trained in an epoch."""
    levels: list[Level] = []
    entries: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    first = 0
    for top, bottom in zip((0, *cuts), (*cuts, int(tree.lengths.max())), strict=True):
        words = np.flatnonzero(tree.lengths > top)
        begins, lengths = tree.offsets[words] + top, np.minimum(tree.lengths[words], bottom) - top
        representatives, numbers = _equal_segments(tree, words, bottom)
        roots, piece_of = np.unique(tree.points[begins], return_inverse=True)
        segment_of = np.full(len(tree.lengths), -1, np.int32)
        segment_of[words] = first + numbers
        weights = np.bincount(piece_of, loads[words] * (lengths + _SEGMENT_COST), len(roots)).astype(np.float64)
        levels.append(Level(first, segment_of, piece_of[representatives].astype(np.int32), weights))
        first += len(representatives)
        sizes.append(lengths[representatives])
        entries.append(_ranges(begins[representatives], sizes[-1]))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    nodes = np.concatenate(entries)
    return Segments(HuffmanTree(offsets, tree.codes[nodes], tree.points[nodes]), levels)


def _equal_segments(tree: HuffmanTree, words: NDArray[np.intp], bottom: int) -> tuple[NDArray[np.intp], ...]:
    """Return the place in `words` of one word of each segment, and the segment of each word.

    Paths that cross the cut `bottom` at the same node share a segment; a path that ends above it has its own.
    """
    crosses = tree.lengths[words] > bottom
    exits = words.copy()
    exits[crosses] = len(tree.lengths) + tree.points[tree.offsets[words[crosses]] + bottom]
    _, representatives, numbers = np.unique(exits, return_index=True, return_inverse=True)
    return representatives, numbers


def _ranges(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers from each begin on, as many as its length, one after another."""
    starts = np.cumsum(lengths) - lengths
    return np.repeat(begins - starts, lengths) + np.arange(lengths.sum())


def draw_node_blocks(segments: Segments, P: int, rng: np.random.Generator) -> NodeBlocks:
    """Put the pieces into P blocks at random; blocks that no piece is left for are empty."""
    n_blocks = _blocks_of_levels(segments, P)
    blocks: list[NodeBlock] = []
    levels: list[LevelBlocks] = []
    for number, (level, n) in enumerate(zip(segments.levels, n_blocks, strict=True)):
        of_segment = _draw_blocks(level.loads, n, rng)[level.piece_of]
        sizes = np.bincount(of_segment, minlength=n)
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        rank_of = np.empty(len(of_segment), np.int32)
        rank_of[np.argsort(of_segment, kind="stable")] = np.arange(len(of_segment))
        block_of_word = np.append(of_segment + len(blocks), P).astype(np.uint16)  # the last stands for no segment
        slots = np.append(rank_of - starts[of_segment], 0).astype(np.int32)
        levels.append(LevelBlocks(block_of_word[level.places], slots[level.places], rank_of, starts))
        blocks += [NodeBlock(number, k, int(size)) for k, size in enumerate(sizes)]
    last = len(levels) - 1
    blocks += [NodeBlock(last, n_blocks[last] + k, 0) for k in range(P - len(blocks))]
    return NodeBlocks(blocks, levels)


def _blocks_of_levels(segments: Segments, P: int) -> list[int]:
    """Share P blocks among the levels by load: each has at least one, and at most as many as pieces."""
    n_blocks = [1] * len(segments.levels)
    loads = [float(level.loads.sum()) for level in segments.levels]
    for _ in range(P - len(n_blocks)):
        spare = [k for k, level in enumerate(segments.levels) if n_blocks[k] < len(level.loads)]
        if spare:
            n_blocks[max(spare, key=lambda k: loads[k] / n_blocks[k])] += 1
    return n_blocks


def _draw_blocks(loads: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Put pieces in random order, each into the block with the least load so far; return the block of each piece."""
    total, block_of = np.zeros(n), np.empty(len(loads), np.intp)
    for piece in rng.permutation(len(loads)).tolist():
        block_of[piece] = total.argmin()
        total[block_of[piece]] += loads[piece]
    return block_of
