"""The block schedule: hierarchical softmax with the same result on any number of threads.

The centers are split into P blocks as those of negative sampling are, and the inner nodes of the tree into P blocks of
their own (`segments`). A bucket holds the parts of pairs that lie in one block of centers and one block of nodes. Below
the last cut of the tree they are listed, as the pairs of negative sampling are, with the segment of the outside word in
place of the word; above it they are counted (`counting`). A bucket is trained by `block_kernels`, and the order of the
buckets that share a row is fixed (`negative_sampling.rotation`).

The root is in one block, so one worker at a time trains on it. The bucket of a whole path, with one block of each kind,
is what the first chunk of a run and `end_loss` use.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.text import BLOCK_WORDS, Corpus
from firth.training.hierarchical_softmax import block_kernels, counting, reference
from firth.training.hierarchical_softmax.block_kernels import SegmentBucket, SegmentWorkspace
from firth.training.hierarchical_softmax.segments import NodeBlocks, Segments, cut_paths, cuts_for, draw_node_blocks
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.loop.engine import Kernels, TaskResult
from firth.training.negative_sampling import block_kernels as text_kernels
from firth.training.negative_sampling import reference as text_reference
from firth.training.negative_sampling.buckets import (
    BlockPairs,
    ChunkText,
    TextWorkspace,
    Windows,
    make_chunk_text,
    make_text_workspace,
)
from firth.training.negative_sampling.partition import Partition, one_block
from firth.training.negative_sampling.rotation import BlockEngine
from firth.training.windows import layout

_NODES_KEY = 3  # keeps the draws of node blocks apart from those of partitions, pairs and groups
_ONE_EACH = np.empty(0, np.int8)  # the weights of pairs that are listed


@dataclass
class PathWorker:
    """One thread's scratch arrays."""

    text: TextWorkspace
    groups: SegmentWorkspace


class NodeChunk(NamedTuple):
    """A chunk in memory."""

    partition: Partition  # of the centers
    segments: Segments
    nodes: NodeBlocks
    text: ChunkText  # sorted by block of the last segment of a path
    by_center: ChunkText  # the same entries, sorted by block of the center
    listed: dict[int, BlockPairs]  # those made so far, by node block; pairs of center and segment
    counted: dict[int, list[counting.CountedPairs]]  # those made so far, by center block, for each level above the cut


class PathBlocks(BlockEngine[NodeChunk, PathWorker]):
    """The engine of the block schedule; `outside` has the nodes."""

    def __init__(self, corpus: Corpus, options: Options, kernels: Kernels = "compiled"):
        super().__init__(corpus, options, n_outputs=len(corpus.vocabulary) - 1)
        self._tree = make_tree(corpus.vocabulary.counts)
        cuts = cuts_for(self._tree, self._P)
        self._whole, self._cut_paths = (cut_paths(self._tree, depths, self._words.loads) for depths in ((), cuts))
        self._classes = self._make_classes(cuts)
        self._farthest = max(1, min(options.window, self._tokens.longest - 1))  # of a center from an outside word
        is_compiled = kernels == "compiled"
        self._text = text_kernels if is_compiled else text_reference
        self._counting = counting if is_compiled else reference
        self._train = reference.train_bucket
        if is_compiled:
            self._train = block_kernels.compile_train_bucket(layout.strips(options.vector_size))

    def compile(self) -> None:
        super().compile()
        chunk = self._chunk_of(one_block(self._words, self._P), self._cut_paths, 1, 0)
        self._make_pairs_of(chunk, 0, self.workspace())

    def workspace(self) -> PathWorker:
        longest = int(self._tree.lengths.max())
        groups = block_kernels.make_workspace(self._options.vector_size, longest, self.halt)
        return PathWorker(make_text_workspace(BLOCK_WORDS), groups)

    def _make_classes(self, cuts: tuple[int, ...]) -> counting.Classes:
        """Return the classes of words: their paths are the same above the last cut."""
        class_of = cut_paths(self._tree, cuts[-1:], self._words.loads).levels[0].segment_of
        return counting.Classes(class_of, np.unique(class_of, return_index=True)[1])

    def _train_alone(self, tokens: NDArray[np.int32], key: int, rate: float, work: PathWorker) -> TaskResult:
        chunk = self._chunk_of(one_block(self._words, 1), self._whole, 1, 0)
        self._prepare(tokens, key, chunk, 0, work)
        self._make_pairs_of(chunk, 0, work)
        return self._train_bucket(chunk, (0, 0), key, rate, work)

    def _new_chunk(self, epoch: int, number: int, size: int) -> NodeChunk:
        segments = self._whole if epoch == number == 0 else self._cut_paths  # see `partition.draw_partition`
        seed = self._options.seed, epoch, number, _NODES_KEY
        return self._chunk_of(self._partition(epoch, number), segments, size, seed)

    def _chunk_of(self, partition: Partition, segments: Segments, size: int, seed: int | tuple[int, ...]) -> NodeChunk:
        P = len(partition.words)
        nodes = draw_node_blocks(segments, P, np.random.default_rng(seed))
        text = make_chunk_text(size, BLOCK_WORDS, P)
        by_center = text._replace(order=np.empty_like(text.order), starts=np.zeros_like(text.starts))
        return NodeChunk(partition, segments, nodes, text, by_center, {}, {})

    def _prepare(self, tokens: NDArray[np.int32], key: int, chunk: NodeChunk, row: int, work: PathWorker) -> None:
        n = self._keep_words(tokens, key, chunk, row, work)
        entries = chunk.text.entries[row]
        for text, block_of in (
            (chunk.text, chunk.nodes.levels[-1].block_of),
            (chunk.by_center, chunk.partition.block_of),
        ):
            self._text.sort_positions(entries, n, block_of, text.order[row], text.starts[row])
        of_node, spans, P = chunk.nodes.levels[-1].block_of, chunk.text.spans[row], len(chunk.text.counts)
        self._add_counts(chunk.text, self._text.count_buckets(entries, spans, n, of_node, P))

    def _keep_words(self, tokens: NDArray[np.int32], key: int, chunk: NodeChunk, row: int, work: PathWorker) -> int:
        """Write the words that survive subsampling, and their windows; return their number."""
        options, text = self._options, chunk.text
        block_of = chunk.partition.block_of
        windows = Windows(tokens, self._keep, np.uint64(key), options.window, options.shrink_windows, block_of)
        return int(self._text.keep_words(windows, text.entries[row], text.spans[row], work.text))

    def _make_pairs_of(self, chunk: NodeChunk, block: int, work: PathWorker) -> None:
        """List the pairs of a block of nodes below the last cut, and count those of a block of centers above it."""
        if chunk.nodes.blocks[block].level == chunk.segments.n_shared:
            chunk.listed[block] = self._text.make_pairs(chunk.text, block, chunk.nodes.units(block, chunk.segments))
        chunk.counted[block] = self._count(chunk, block) if chunk.segments.n_shared else []

    def _count(self, chunk: NodeChunk, block: int) -> list[counting.CountedPairs]:
        partition, members = chunk.partition, self._classes.members
        center = counting.CenterBlock(chunk.by_center, block, partition.slot_of, len(partition.words[block]))
        found = self._counting.count_pairs(center, self._farthest, self._classes)
        counted = []
        for level, blocks in zip(chunk.segments.levels[:-1], chunk.nodes.levels, strict=False):
            rank_of = np.append(blocks.rank_of, np.int32(-1))[level.places[members]]
            made = self._counting.weigh_pairs(found, rank_of, blocks.starts)
            made.pairs[:, 1] = level.first + np.argsort(blocks.rank_of).astype(np.int32)[made.pairs[:, 1]]
            counted.append(made)
        return counted

    def _train_bucket(
        self, chunk: NodeChunk, place: tuple[int, int], key: int, rate: float, work: PathWorker
    ) -> TaskResult:
        pairs, weights = self._pairs_of(chunk, place)
        work.groups = block_kernels.with_room(work.groups, len(pairs))
        bucket = SegmentBucket(
            center=self._padded_center,
            nodes=self._padded_outside,
            pairs=pairs,
            weights=weights,
            paths=chunk.segments.paths,
            key=np.uint64(key),
            rate=np.float32(rate),
            frozen=self._frozen,
        )
        self._train(bucket, work.groups)
        is_root = chunk.nodes.blocks[place[1]].level == 0  # every pair has one part there
        n_pairs = int(weights.sum(dtype=np.int64)) if len(weights) else len(pairs)
        return TaskResult(n_pairs if is_root else 0, float(work.groups.loss.sum()), 1 / len(chunk.nodes.blocks) ** 2)

    def _pairs_of(self, chunk: NodeChunk, place: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Return the pairs (center, segment) of a bucket, and their weights."""
        i, o = place
        level, number, _ = chunk.nodes.blocks[o]
        if level == chunk.segments.n_shared:
            pairs, starts = chunk.listed[o]
            return pairs[starts[i] : starts[i + 1]], _ONE_EACH
        pairs, weights, starts = chunk.counted[i][level]
        part = slice(starts[number], starts[number + 1])
        return pairs[part], weights[part]
