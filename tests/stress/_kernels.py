"""Defines a case for each kernel: random arguments, with each array beside an inaccessible page.

A case takes a random generator and a `Fence`, runs a kernel, and returns the arrays that it wrote. Those of the softmax
also take the module of the kernels: the compiled ones, or their reference.
"""

import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np

from firth import Options
from firth.cluster import kernels as cluster_kernels
from firth.explore import layout_kernels
from firth.explore.layout import quadtree, symmetric
from firth.graphs import kernels as graph_kernels
from firth.graphs.adjacency import Adjacency
from firth.graphs.walks import StepBias, StepWorkspace
from firth.phrases import kernels as phrase_kernels
from firth.phrases.connectors import RunTable, number_runs
from firth.sorted_runs import DIGIT_BITS
from firth.subwords import ngrams as subword_kernels
from firth.text import word_kernels
from firth.text.ids import DROPPED, END
from firth.text.word_table import WordTable
from firth.training import draws
from firth.training.cbow import kernels as cbow_kernels
from firth.training.cbow import path_kernels as cbow_path_kernels
from firth.training.hierarchical_softmax import block_kernels as path_blocks
from firth.training.hierarchical_softmax import counting, path_losses, tree
from firth.training.hierarchical_softmax import window_kernels as path_kernels
from firth.training.joint import cbow_kernels as joint_cbow_kernels
from firth.training.joint import kernels as joint_kernels
from firth.training.negative_sampling import block_kernels, buckets, partition, window_kernels
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.softmax import kernels
from firth.training.softmax.cooccurrence import CountRows
from firth.training.subwords import cbow_kernels as subword_cbow
from firth.training.subwords import kernels as subword_training
from firth.training.windows import layout, simd
from firth.vectors import search_kernels

Case = Callable[..., list[Any]]


class Fence:
    """Copies arrays so that they end, or begin, exactly at an inaccessible page."""

    def __init__(self, at_end: bool):
        self.at_end = at_end

    def __call__(self, array: Any) -> Any:
        size = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        memory = mmap.mmap(-1, size + 2 * mmap.PAGESIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for page in (address, address + mmap.PAGESIZE + size):
            if ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, 0):
                raise OSError("mprotect failed")
        start = mmap.PAGESIZE + (size - array.nbytes if self.at_end else 0)
        fenced: Any = np.ndarray(array.shape, array.dtype, memory, start)
        fenced[...] = array
        return fenced

    def each(self, arrays: Any) -> Any:
        """Copy all arrays of a named tuple, and of those in it, in this way."""
        return type(arrays)(*(self.each(part) if isinstance(part, tuple) else self(part) for part in arrays))


def words_of_text(rng: np.random.Generator, fence: Fence) -> tuple[list[Any], list[Any]]:
    """Count the words of a random text; return their units, tags and counts, and the arrays that were written."""
    size, longest = int(rng.choice([0, 1, 7, 60, 2000])), int(rng.choice([1, 9, 1024]))
    letters = rng.choice(np.frombuffer("aé語 \n\t".encode(), np.uint8), size).tobytes() + b" "
    text = np.frombuffer(letters + b" " * (16 - len(letters) % 8), np.uint64)
    most = int(rng.integers(1, 2 + size // 2))
    shapes = [(2 * most + word_kernels.SPILL, "u8"), (most, "u4"), (most + longest // 8 + 2, "u8"), (most, "u4"),
              (most, "u4"), (len(letters), "i4")]  # fmt: skip
    slots, starts, units, counts, tags, entries = (fence(np.zeros(shape, dtype)) for shape, dtype in shapes)
    table = WordTable(slots, starts, units)
    found = word_kernels.count_words(fence(text), len(letters), 0, longest, 5, table, counts, tags, entries)
    n_entries, n_words, n_units = map(int, found[1:4])
    words = [units[:n_units], tags[:n_words], counts[:n_words]]
    return [fence(array) for array in words], [slots, starts[:n_words], *words, entries[:n_entries], np.array(found)]


def word_counts(rng: np.random.Generator, fence: Fence) -> list[Any]:
    return words_of_text(rng, fence)[1]


def merged_words(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Merge the words of two texts into a table that has just enough room, and spread its slots."""
    parts = [words_of_text(rng, fence)[0] for _ in range(2)]
    n_units, n_words = (sum(len(part[k]) for part in parts) for k in (0, 1))
    slots = fence(np.zeros(n_words + 1 + word_kernels.SPILL, np.uint64))
    starts = fence(np.zeros((n_words >> word_kernels.START_BITS) + 1, np.uint32))
    table, totals = WordTable(slots, starts, fence(np.zeros(n_units, np.uint64))), fence(np.zeros(n_words, np.uint8))
    ids = [fence(np.empty(len(tags), np.int32)) for _, tags, _ in parts]
    n = top = 0
    for words, numbers in zip(parts, ids, strict=True):
        n, top, *_ = map(int, word_kernels.merge_words(*words, table, totals, n, top, numbers))
    larger = fence(np.append(slots, np.zeros(int(rng.integers(1, 99)), np.uint64)))
    word_kernels.spread(larger, len(slots))
    return [*table, totals, larger, *ids, *(counts for _, _, counts in parts)]


def renumbered(rng: np.random.Generator, fence: Fence) -> list[Any]:
    V, size = int(rng.integers(1, 9)), int(rng.choice([0, 1, 60]))
    entries, ids = fence(rng.integers(END, V, size).astype(np.int32)), fence(rng.integers(DROPPED + 2, V, V, np.int32))
    ids[rng.random(V) < 0.3] = DROPPED
    out = fence(np.zeros(size, np.int32))
    return [np.array(word_kernels.renumber(entries, ids, END, out)), out]


def block_of(rng: np.random.Generator, V: int) -> Any:
    """Return a block of tokens: often empty, of one token, only END, or a few slices of `window_kernels.SLICE`."""
    size = int(rng.choice([0, 1, 2, 7, 60, 1100], p=[0.1, 0.1, 0.1, 0.3, 0.3, 0.1]))
    ends = rng.random(size) < rng.choice([0.0, 0.1, 0.5, 1.0])
    return np.where(ends, END, rng.integers(0, V, size)).astype(np.int32)


def window_of(rng: np.random.Generator) -> int:
    """Return a window, now and then one as large as a long sentence."""
    return int(rng.choice([*range(1, 9), 300]))


def tables(rng: np.random.Generator, V: int) -> tuple[Any, Any]:
    counts = rng.integers(1, 50, V)
    return keep_thresholds(counts, float(rng.choice([0.0, 0.05]))), alias_table(counts, 0.75)


def matrix(rng: np.random.Generator, rows: int, D: int) -> Any:
    padded = np.zeros((rows, simd.LANES * layout.strips(D)), np.float32)
    padded[:, :D] = rng.normal(0, 0.3, (rows, D))
    return padded


def some_frozen(rng: np.random.Generator, fence: Fence, rows: int) -> Any:
    """Return a mask of frozen rows: empty, or of some of them."""
    return fence(rng.random(rows if rng.random() < 0.5 else 0) < 0.4)


def train_block(D: int, K: int) -> Case:
    train = window_kernels.compile_train_block(*layout.tiles(K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        V, window, key = int(rng.integers(1, 40)), window_of(rng), np.uint64(rng.integers(2**63))
        tokens, (keep, alias) = block_of(rng, V), map(fence, tables(rng, V))
        center, outside = fence(matrix(rng, V, D)), fence(matrix(rng, V, D))
        work = fence.each(window_kernels.make_workspace(len(tokens), D, window, K, np.zeros(1, np.bool_)))
        shrink, rate = bool(rng.random() < 0.5), np.float32(0.05)
        frozen = some_frozen(rng, fence, V)
        block = window_kernels.TokenBlock(
            center, outside, fence(tokens), keep, alias, key, window, shrink, K, rate, frozen
        )
        counts = train(block, work)
        return [center, outside, work.loss, counts]

    return case


def subword_block(
    rng: np.random.Generator, fence: Fence, D: int, windows: Any, size: int, work: Any
) -> tuple[Any, Any]:
    """Return the arguments of a kernel for subwords: a block with random lists of rows, and scratch arrays."""
    V, N = len(windows.keep), int(rng.integers(1, 40))
    lists = [[w, *(V + rng.integers(0, N, int(rng.integers(0, 9))))] for w in range(V)]
    starts = fence(np.append(0, np.cumsum([len(rows) for rows in lists])))
    rows = fence(np.concatenate(lists).astype(np.int32))
    scratch = fence.each(subword_training.make_subword_workspace(V, D, size, work))
    frozen = some_frozen(rng, fence, V + N)
    windows = windows._replace(center=scratch.vectors, frozen=scratch.frozen[: size if len(frozen) else 0])
    inputs, slice_ = fence(matrix(rng, V + N, D)), window_kernels.SLICE
    return subword_training.SubwordBlock(windows, inputs, starts, rows, slice_, frozen), scratch


def train_subwords(D: int, K: int) -> Case:
    train = subword_training.compile_train_block(*layout.tiles(K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        V, window = int(rng.integers(1, 40)), window_of(rng)
        tokens, (keep, alias) = block_of(rng, V), map(fence, tables(rng, V))
        outside, shrink = fence(matrix(rng, V, D)), bool(rng.random() < 0.5)
        key, rate = np.uint64(rng.integers(2**63)), np.float32(0.005)
        windows = window_kernels.TokenBlock(
            outside[:0], outside, fence(tokens), keep, alias, key, window, shrink, K, rate
        )
        work = window_kernels.make_workspace(len(tokens), D, window, K, np.zeros(1, np.bool_))
        block, work = subword_block(rng, fence, D, windows, window_kernels.SLICE + 2 * window, work)
        counts = train(block, work)
        return [block.inputs, outside, work.windows.loss, counts]

    return case


def train_subword_positions(D: int, K: int) -> Case:
    train = subword_cbow.compile_train_block(*layout.even_tiles(2 + K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        V, window = int(rng.integers(1, 40)), window_of(rng)
        tokens, (keep, alias) = block_of(rng, V), map(fence, tables(rng, V))
        outside, shrink = fence(matrix(rng, V, D)), bool(rng.random() < 0.5)
        key, is_mean, rate = np.uint64(rng.integers(2**63)), bool(rng.random() < 0.5), np.float32(0.001)
        steps = window_kernels.TokenBlock(
            outside[:0], outside, fence(tokens), keep, alias, key, window, shrink, K, rate
        )
        work = cbow_kernels.make_workspace(len(tokens), D, window, K, np.zeros(1, np.bool_))
        block, work = subword_block(rng, fence, D, steps, 2 * (cbow_kernels.SLICE + 2 * window), work)
        counts = train(block, is_mean, work)
        return [block.inputs, outside, work.windows.loss, counts]

    return case


def train_subword_paths(D: int, _K: int) -> Case:
    train = subword_training.compile_train_paths(layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        made, _ = random_tree(rng, fence)
        V, window, key = len(made.offsets) - 1, window_of(rng), np.uint64(rng.integers(2**63))
        tokens, keep, nodes = block_of(rng, V), fence(tables(rng, V)[0]), fence(matrix(rng, V - 1, D))
        shrink, rate, exchange = bool(rng.random() < 0.5), np.float32(0.005), int(rng.integers(1, 9))
        windows = path_kernels.NodeTokenBlock(
            nodes[:0], nodes, fence(tokens), keep, made, key, window, shrink, rate, exchange
        )
        longest = int(made.lengths.max())
        work = path_kernels.make_workspace(len(tokens), D, window, longest, np.zeros(1, np.bool_))
        block, work = subword_block(rng, fence, D, windows, window_kernels.SLICE + 2 * window, work)
        counts = train(block, work)
        return [block.inputs, nodes, work.windows.loss, counts]

    return case


def train_subword_positions_paths(D: int, _K: int) -> Case:
    train = subword_cbow.compile_train_paths(layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        made, _ = random_tree(rng, fence)
        V, window, key = len(made.offsets) - 1, int(rng.integers(1, 9)), np.uint64(rng.integers(2**63))
        tokens, keep, nodes = block_of(rng, V), fence(tables(rng, V)[0]), fence(matrix(rng, V - 1, D))
        shrink, is_mean, exchange = bool(rng.random() < 0.5), bool(rng.random() < 0.5), int(rng.integers(1, 9))
        steps = path_kernels.NodeTokenBlock(
            nodes[:0], nodes, fence(tokens), keep, made, key, window, shrink, np.float32(0.001), exchange
        )
        longest, halt = int(made.lengths.max()), np.zeros(1, np.bool_)
        work = cbow_path_kernels.make_workspace(len(tokens), D, window, longest, halt)
        block, work = subword_block(rng, fence, D, steps, 2 * (cbow_kernels.SLICE + 2 * window), work)
        counts = train(block, is_mean, work)
        return [block.inputs, nodes, work.windows.loss, counts]

    return case


def train_positions(D: int, K: int) -> Case:
    train = cbow_kernels.compile_train_block(*layout.even_tiles(2 + K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        V, window, key = int(rng.integers(1, 40)), window_of(rng), np.uint64(rng.integers(2**63))
        tokens, (keep, alias) = block_of(rng, V), map(fence, tables(rng, V))
        center, outside = fence(matrix(rng, V, D)), fence(matrix(rng, V, D))
        work = fence.each(cbow_kernels.make_workspace(len(tokens), D, window, K, np.zeros(1, np.bool_)))
        shrink, is_mean, rate = bool(rng.random() < 0.5), bool(rng.random() < 0.5), np.float32(0.01)
        frozen = some_frozen(rng, fence, V)
        block = window_kernels.TokenBlock(
            center, outside, fence(tokens), keep, alias, key, window, shrink, K, rate, frozen
        )
        counts = train(block, is_mean, work)
        return [center, outside, work.loss, counts]

    return case


def random_tree(rng: np.random.Generator, fence: Fence) -> tuple[Any, list[Any]]:
    """Return a tree of at least two words, often a deep one, and the arrays that were written."""
    V = int(rng.integers(2, 40))
    counts = np.sort((rng.choice([1.0, 1.1, 1.9]) ** np.arange(V)).astype(np.int64))[::-1]
    weights = fence(np.concatenate([counts, np.zeros(V - 1, np.int64)]))
    parents, codes = fence(np.zeros(2 * V - 1, np.int32)), fence(np.zeros(2 * V - 1, np.int8))
    offsets = fence(np.zeros(V + 1, np.int64))
    tree.merge_rarest(weights, parents, codes, offsets)
    n = int(offsets[-1])
    made = tree.HuffmanTree(offsets, fence(np.empty(n, np.int8)), fence(np.empty(n, np.int32)))
    tree.write_paths(parents, codes, made)
    return made, [weights, parents, codes, *made]


def joint_block(rng: np.random.Generator, fence: Fence, D: int, K: int) -> tuple[Any, int]:
    """Return a block for both objectives at once, and the length of the longest path of its tree."""
    made, _ = random_tree(rng, fence)
    V, window, key = len(made.offsets) - 1, window_of(rng), np.uint64(rng.integers(2**63))
    tokens, (keep, alias) = fence(block_of(rng, V)), map(fence, tables(rng, V))
    center, outside, nodes = (fence(matrix(rng, rows, D)) for rows in (V, V, V - 1))
    shrink, rate, exchange = bool(rng.random() < 0.5), np.float32(0.01), int(rng.integers(1, 9))
    frozen = some_frozen(rng, fence, V)
    block = joint_kernels.JointTokenBlock(
        center, outside, nodes, tokens, keep, alias, made, key, window, shrink, K, rate, exchange, frozen
    )
    return block, int(made.lengths.max())


def shared(work: Any, fence: Fence, name: str) -> Any:
    """Copy the scratch arrays of both objectives, of which some are the same arrays."""
    paths = fence.each(work.paths)
    same = {name: getattr(paths, name), "loss": paths.loss, "halt": paths.halt}
    return type(work)(paths, fence.each(work.noise)._replace(**same), *same.values())


def train_joint(D: int, K: int) -> Case:
    train = joint_kernels.compile_train_block(*layout.tiles(K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        block, longest = joint_block(rng, fence, D, K)
        halt = np.zeros(1, np.bool_)
        work = joint_kernels.make_workspace(len(block.tokens), D, block.window, K, longest, halt)
        work = shared(work, fence, "inputs")
        counts = train(block, work)
        return [block.center, block.outside, block.nodes, work.loss, counts]

    return case


def train_joint_positions(D: int, K: int) -> Case:
    train = joint_cbow_kernels.compile_train_block(*layout.even_tiles(2 + K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        block, longest = joint_block(rng, fence, D, K)
        halt, is_mean = np.zeros(1, np.bool_), bool(rng.random() < 0.5)
        work = joint_cbow_kernels.make_workspace(len(block.tokens), D, block.window, K, longest, halt)
        work = shared(work, fence, "contexts")
        counts = train(block, is_mean, work)
        return [block.center, block.outside, block.nodes, work.loss, counts]

    return case


def paths(rng: np.random.Generator, fence: Fence) -> list[Any]:
    return random_tree(rng, fence)[1]


def losses_of_paths(rng: np.random.Generator, fence: Fence) -> list[Any]:
    made, _ = random_tree(rng, fence)
    V, D = len(made.offsets) - 1, int(rng.integers(1, 40))
    observed = rng.random((V, V)) < rng.choice([0.0, 0.3, 1.0])
    centers = fence(np.flatnonzero(rng.random(V) < 0.5))
    stop = np.cumsum(observed[centers].sum(axis=1)).astype(np.int64)
    start, columns = np.append(0, stop)[: len(stop)], np.nonzero(observed[centers])[1].astype(np.int32)
    rows = CountRows(*map(fence, (start, stop, columns, np.ones(len(columns), np.float32))))
    losses = fence(np.zeros(len(centers)))
    path_losses.add_path_losses(fence(matrix(rng, V, D)), fence(matrix(rng, V - 1, D)), centers, rows, made, losses)
    return [losses]


def train_paths(D: int, _K: int) -> Case:
    train = path_kernels.compile_train_block(layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        made, _ = random_tree(rng, fence)
        V, window, key = len(made.offsets) - 1, window_of(rng), np.uint64(rng.integers(2**63))
        tokens, keep = block_of(rng, V), fence(tables(rng, V)[0])
        center, nodes = fence(matrix(rng, V, D)), fence(matrix(rng, V - 1, D))
        longest, halt = int(made.lengths.max()), np.zeros(1, np.bool_)
        work = fence.each(path_kernels.make_workspace(len(tokens), D, window, longest, halt))
        shrink, rate, exchange = bool(rng.random() < 0.5), np.float32(0.05), int(rng.integers(1, 9))
        block = path_kernels.NodeTokenBlock(
            center, nodes, fence(tokens), keep, made, key, window, shrink, rate, exchange, some_frozen(rng, fence, V)
        )
        counts = train(block, work)
        return [center, nodes, work.loss, counts]

    return case


def train_cbow_paths(D: int, _K: int) -> Case:
    train = cbow_path_kernels.compile_train_block(layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        made, _ = random_tree(rng, fence)
        V, window, key = len(made.offsets) - 1, window_of(rng), np.uint64(rng.integers(2**63))
        tokens, keep = block_of(rng, V), fence(tables(rng, V)[0])
        center, nodes = fence(matrix(rng, V, D)), fence(matrix(rng, V - 1, D))
        longest, halt = int(made.lengths.max()), np.zeros(1, np.bool_)
        work = fence.each(cbow_path_kernels.make_workspace(len(tokens), D, window, longest, halt))
        shrink, is_mean, exchange = bool(rng.random() < 0.5), bool(rng.random() < 0.5), int(rng.integers(1, 9))
        block = path_kernels.NodeTokenBlock(
            center, nodes, fence(tokens), keep, made, key, window, shrink, np.float32(0.01), exchange,
            some_frozen(rng, fence, V),
        )  # fmt: skip
        counts = train(block, is_mean, work)
        return [center, nodes, work.loss, counts]

    return case


def train_bucket(D: int, K: int) -> Case:
    train = block_kernels.compile_train_bucket(*layout.tiles(K), layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        n_center, n_outside = int(rng.integers(1, 20)), int(rng.integers(1, 20))
        center, outside = (fence(matrix(rng, n, D)) for n in (n_center, n_outside))
        pairs = rng.integers(0, (n_center, n_outside), (int(rng.integers(0, 40)), 2), np.int32)
        pairs = pairs[np.argsort(pairs[:, 1])]
        work = fence.each(buckets.make_group_workspace(D, K, most_pairs=len(pairs)))
        words = fence(np.flatnonzero(rng.random(n_outside) < 0.5).astype(np.int32))
        if not len(words):
            pairs = pairs[:0]
        alias, key = fence(tables(rng, len(words))[1]), np.uint64(rng.integers(2**63))
        frozen = some_frozen(rng, fence, n_center)
        train(buckets.Bucket(center, outside, fence(pairs), words, alias, key, np.float32(0.05), K, D, frozen), work)
        return [center, outside, work.loss]

    return case


def text_of(rng: np.random.Generator, fence: Fence) -> tuple[Any, partition.Partition]:
    """Return the text of a chunk of a few blocks of tokens, and the partition of its words."""
    V, P, window = int(rng.integers(1, 40)), int(rng.integers(1, 6)), window_of(rng)
    tokens = [block_of(rng, V) for _ in range(int(rng.integers(1, 4)))]
    size = max(map(len, tokens))
    drawn = partition.draw_partition(partition.words_of(rng.integers(1, 50, V), Options()), P, 1, 1, 0)
    text, work = fence.each(buckets.make_chunk_text(len(tokens), size, P)), buckets.make_text_workspace(size)
    keep, shrink, key = fence(tables(rng, V)[0]), bool(rng.random() < 0.5), np.uint64(rng.integers(2**63))
    text.entries[:], text.spans[:], text.order[:] = 0, 0, 0
    for row, each in enumerate(tokens):
        windows = buckets.Windows(fence(each), keep, key, window, shrink, fence(drawn.block_of))
        n = block_kernels.keep_words(windows, text.entries[row], text.spans[row], fence.each(work))
        block_of_word = fence(drawn.block_of)
        block_kernels.sort_positions(text.entries[row], n, block_of_word, text.order[row], text.starts[row])
        blocks, counts = fence(np.zeros(n + 2 * block_kernels.NEAR, np.uint16)), fence(np.zeros((P, P), np.int32))
        block_kernels.add_windows(text.entries[row], text.spans[row], n, block_of_word, blocks, counts)
        text.counts[:] += counts
    return text, drawn


def words_of_a_chunk(rng: np.random.Generator, fence: Fence) -> list[Any]:
    text, _ = text_of(rng, fence)
    return [text.entries, text.spans, text.order, text.starts, text.counts]


def pairs_of_a_block(_D: int, _K: int) -> Case:
    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        text, drawn = text_of(rng, fence)
        block = int(rng.integers(len(drawn.words)))
        sizes = text.starts[:, block + 1] - text.starts[:, block]
        firsts = fence(np.cumsum(sizes, dtype=np.int64) - sizes)
        places = fence(np.zeros((int(rng.integers(3, 5)), int(sizes.sum())), np.int64))
        word_starts = fence(np.zeros(len(drawn.words[block]) + 1, np.int32))
        block_kernels.place_words(text, block, fence(drawn.slot_of), firsts, places, word_starts)
        starts = np.append(0, np.cumsum(text.counts[block]))
        pairs, positions = fence(np.empty((int(starts[-1]), 2), np.int32)), fence(starts[:-1])
        units = fence(np.arange(len(drawn.slot_of), dtype=np.int32))
        block_kernels.fill_pairs(text.entries.reshape(-1), places[0], units, positions, pairs)
        return [places, word_starts, text.counts, positions, pairs]

    return case


def runs_of_a_block(_D: int, _K: int) -> Case:
    """Make the pairs of a member whose text is a part of the chunk's."""

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        text, drawn = text_of(rng, fence)
        block = int(rng.integers(len(drawn.words)))
        sizes = text.starts[:, block + 1] - text.starts[:, block]
        n, others = int(sizes.sum()), int(rng.integers(5))
        firsts = fence(np.cumsum(sizes, dtype=np.int64) - sizes + int(rng.integers(others + 1)))
        places, word_starts = (
            fence(np.zeros((4, n + others), np.int64)),
            np.zeros(len(drawn.words[block]) + 1, np.int32),
        )
        block_kernels.place_words(text, block, drawn.slot_of, firsts, places, word_starts)
        starts = np.append(0, np.cumsum(text.counts[block]))
        runs, positions = fence(np.empty((int(starts[-1]), 3), np.int32)), fence(starts[:-1])
        own = fence(places[0, :n]), fence(places[3, :n])
        cluster_kernels.fill_runs(text.entries.reshape(-1), *own, fence(drawn.slot_of), positions, runs)
        return [places, positions, runs]

    return case


def merged_runs(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Merge runs of several members, some of them empty."""
    members, n = int(rng.integers(1, 5)), int(rng.integers(0, 40))
    runs = np.stack([rng.integers(0, 9, n), rng.integers(0, 5, n), rng.permutation(n)], axis=1).astype(np.int32)
    cuts = np.sort(rng.integers(0, n + 1, members - 1))
    parts = [part[np.lexsort((part[:, 2], part[:, 1]))] for part in np.split(runs, cuts)]
    ends = np.cumsum([len(part) for part in parts])
    heads, pairs = fence(np.append(0, ends[:-1])), fence(np.empty((n, 2), np.int32))
    cluster_kernels.merge_runs(fence(np.concatenate(parts)), heads, fence(ends), pairs)
    return [heads, pairs]


def marked_outputs(_D: int, K: int) -> Case:
    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        V, n = int(rng.integers(1, 40)), int(rng.integers(0, 50))
        pairs = rng.integers(0, V, (n, 2), dtype=np.int32)
        pairs, alias = fence(pairs[np.argsort(pairs[:, 1])]), fence(alias_table(rng.integers(1, 50, V), 0.75))
        order, seen = fence(np.empty(n, np.int32)), fence(np.zeros(V, np.bool_))
        cluster_kernels.mark_outputs(pairs, np.uint64(rng.integers(2**63)), alias, K, order, seen)
        return [seen]

    return case


def counted_pairs(_D: int, _K: int) -> Case:
    """Count the classes that the words of a block meet; the window may be narrower than those of the text, or wider."""

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        text, drawn = text_of(rng, fence)
        block, C, window = int(rng.integers(len(drawn.words))), int(rng.integers(1, 9)), int(rng.integers(1, 9))
        n, n_words = int((text.starts[:, block + 1] - text.starts[:, block]).sum()), len(drawn.words[block])
        places, word_starts = fence(np.empty((3, n), np.int32)), fence(np.zeros(n_words + 1, np.int32))
        counting.sort_places(text, block, fence(drawn.slot_of), places, word_starts)
        class_of = fence(rng.integers(0, C, len(drawn.slot_of)).astype(np.int32))
        counters = counting.Counters(fence(np.zeros(C + 1, np.int32)), fence(np.empty(C + 1, np.int32)))
        found = fence(np.zeros((min(2 * window * n, n_words * C), 3), np.int32))
        lengths = fence(text.starts[:, -1].copy())
        rows = counting.count_classes(text, lengths, fence(places[0]), window, class_of, counters, found)
        return [places, word_starts, found, np.array(rows)]

    return case


def weighed_pairs(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Sort counts of classes, of which some have no segment and some share one, and spread them over rounds."""
    C, S, n = int(rng.integers(1, 9)), int(rng.integers(1, 5)), int(rng.choice([0, 1, 40]))
    rows = np.stack([np.sort(rng.integers(0, 9, n)), rng.integers(0, C, n), rng.integers(1, 15, n)], axis=1)
    rank_of, starts = fence(rng.integers(-1, S, C).astype(np.int32)), fence(np.zeros(S + 1, np.int64))
    counts = fence(np.zeros((n, 2), np.int32))
    n_pairs = int(counting.sort_counts(fence(rows.astype(np.int32)), rank_of, starts, counts))
    pairs, weights = fence(np.empty((n_pairs, 2), np.int32)), fence(np.empty(n_pairs, np.int8))
    counting.spread_counts(counts, starts, pairs, weights)
    return [starts, pairs, weights]


def train_segments(D: int, _K: int) -> Case:
    """Segments are the paths of a tree, often deep; pairs have weights or none."""
    train = path_blocks.compile_train_bucket(layout.strips(D))

    def case(rng: np.random.Generator, fence: Fence) -> list[Any]:
        made, _ = random_tree(rng, fence)
        V, n, is_weighted = len(made.offsets) - 1, int(rng.integers(0, 60)), bool(rng.random() < 0.5)
        pairs = rng.integers(0, V, (n, 2), np.int32)
        pairs = fence(pairs[np.lexsort(pairs.T)])
        weights = fence(rng.integers(1, 5, n if is_weighted else 0).astype(np.int8))
        center, nodes = fence(matrix(rng, V, D)), fence(matrix(rng, V - 1, D))
        longest, halt, key = int(made.lengths.max()), np.zeros(1, np.bool_), np.uint64(rng.integers(2**63))
        work = fence.each(path_blocks.make_workspace(D, longest, halt, n))
        frozen, rate = some_frozen(rng, fence, V), np.float32(0.02)
        train(path_blocks.SegmentBucket(center, nodes, pairs, weights, made, key, rate, frozen), work)
        return [center, nodes, work.loss]

    return case


def noise(rng: np.random.Generator, fence: Fence) -> list[Any]:
    drawn, alias = fence(np.empty(int(rng.integers(0, 70)), np.int32)), fence(tables(rng, int(rng.integers(1, 40)))[1])
    draws.draw_noise(np.uint64(rng.integers(2**63)), int(rng.integers(1000)), len(drawn), alias, drawn)
    return [drawn]


def window_pairs(rng: np.random.Generator, fence: Fence, module: Any = kernels) -> list[Any]:
    V, window, bits = int(rng.integers(1, 40)), int(rng.integers(1, 9)), 4
    block, keep = block_of(rng, V), rng.integers(0, 2**32, V, np.uint32)
    places = [fence(np.empty(len(block), np.int32)) for _ in range(3)]
    entries = fence(np.empty(2 * window * len(block), np.int64))
    shrink, key = bool(rng.random() < 0.5), np.uint64(rng.integers(2**63))
    n = module.window_pairs(fence(block), fence(keep), key, window, shrink, *places, 6 + bits, bits, entries)
    return [entries[:n]]


def sorted_run(entries: Any, shift: int, fence: Fence, module: Any) -> tuple[Any, Any]:
    entries, spare = fence(entries), fence(np.empty_like(entries))
    positions = fence(np.empty(1 << DIGIT_BITS, np.int64))
    if module.radix_sort(entries, spare, positions, 4, 4 + 2 * shift):
        entries, spare = spare, entries
    sums = fence(np.empty(len(entries), np.int32))
    n = module.sum_equal(entries, 4, spare, sums)
    return fence(spare[:n]), fence(sums[:n].astype(np.int64))


def runs(rng: np.random.Generator, fence: Fence, module: Any = kernels) -> list[Any]:
    """Runs may be empty, rows too; the rows start anywhere."""
    shift = int(rng.integers(1, 8))
    first = int(rng.integers(min(9, 1 << shift)))
    rows = int(rng.integers(1, 1 + min(8, (1 << shift) - first)))
    lo, hi = (row << (shift + 4) for row in (first, first + rows))
    entries = [rng.integers(lo, hi, int(rng.integers(0, 80))) for _ in range(2)]
    a, b = (sorted_run(some, shift, fence, module) for some in entries)
    cells, sums = (fence(np.empty(len(a[0]) + len(b[0]), np.int64)) for _ in range(2))
    n = module.merge(*a, *b, cells, sums)
    cells, sums = fence(cells[:n]), fence(sums[:n])
    sizes, totals = fence(np.zeros(rows, np.int64)), fence(np.zeros(rows))
    columns, values = fence(np.empty(n, np.int32)), fence(np.empty(n, np.float32))
    module.split_cells(cells, sums, first, shift, 5.0, sizes, totals, columns, values)
    return [*a, *b, cells, sums, sizes, totals, columns, values]


def softmax_tile(rng: np.random.Generator, fence: Fence, module: Any = kernels) -> list[Any]:
    """A tile of T of V words, for centers with no, some or all outside words."""
    V, B = int(rng.integers(1, 80)), int(rng.integers(1, 6))
    first = int(rng.integers(V))
    T = int(rng.integers(1, V - first + 1))
    observed = rng.random((B, V)) < rng.choice([0.0, 0.3, 1.0], (B, 1))
    stop = np.cumsum(observed.sum(axis=1))
    columns, values = np.nonzero(observed)[1].astype(np.int32), rng.integers(1, 50, stop[-1]).astype(np.float32)
    rows = CountRows(*map(fence, (stop - observed.sum(axis=1), stop, columns, values)))
    tile = fence(rng.normal(0, 20, (B, T)).astype(np.float32))
    intercept = fence(rng.normal(size=T).astype(np.float32))
    top, total, seen = fence(np.empty(B, np.float32)), fence(np.empty(B)), fence(np.empty(B))
    module.exponentiate(tile, intercept, first, rows, top, total, seen)
    exponentials = tile.copy()
    scale, per_pair = fence(rng.random(B, np.float32)), fence(rng.random(B, np.float32) / 50)
    module.subtract_observed(tile, scale, first, rows, per_pair)
    return [exponentials, top, total, seen, tile]


def adam(rng: np.random.Generator, fence: Fence, module: Any = kernels) -> list[Any]:
    shape = tuple(rng.integers(0, 40, 2))
    arrays = [fence(rng.uniform(0.5, 1, shape).astype(np.float32)) for _ in range(4)]
    module.adam(*arrays, *map(np.float32, (0.9, 0.999, rng.random(), 1 + rng.random(), 1e-10)))
    return arrays


def run_table(capacity: int, fence: Fence) -> Any:
    sizes = {"keys": capacity, "nodes": capacity, "parents": capacity // 2, "connectors": capacity // 2}
    arrays = [np.zeros(n, np.int64 if name == "keys" else np.int32) for name, n in sizes.items()]
    arrays[0] -= 1
    return fence.each(RunTable(*arrays, np.ones(1, np.int64)))


def candidates(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Candidates of two blocks, with a table of runs that is often full."""
    V, capacity = int(rng.integers(1, 40)), int(rng.choice([2, 4, 64]))
    is_connector = fence(rng.random(V) < rng.choice([0.0, 0.3, 1.0]))
    table, first, node, written = run_table(capacity, fence), -1, 0, []
    for tokens in (fence(block_of(rng, V)), fence(block_of(rng, V))):
        entries, n, position = fence(np.empty(len(tokens), np.int64)), 0, 0
        while True:
            n, position, first, node = phrase_kernels.write_candidates(
                tokens, position, first, node, is_connector, table, 6, entries, n
            )
            if position == len(tokens):
                break
            larger, n_nodes = run_table(2 * len(table.keys), fence), int(table.size[0])
            phrase_kernels.insert_runs(
                larger, fence(table.parents[:n_nodes]), fence(table.connectors[:n_nodes]), n_nodes
            )
            table = larger
        written.append(entries[:n])
    return [*written, *table]


def join(rng: np.random.Generator, fence: Fence) -> list[Any]:
    V, bits, n_phrases = int(rng.integers(1, 40)), 6, int(rng.integers(0, 60))
    is_connector = fence(rng.random(V) < rng.choice([0.0, 0.3, 1.0]))
    runs = [rng.integers(0, V, int(rng.integers(0, 3))).tolist() for _ in range(n_phrases)]
    table, nodes = number_runs(runs)
    firsts = np.sort(rng.integers(0, V, n_phrases))
    keys = np.array(nodes, np.int64) << bits | rng.integers(0, V, n_phrases)
    order = np.lexsort((keys, firsts))
    rows = fence(np.searchsorted(firsts, np.arange(V + 1)))
    tokens = fence(block_of(rng, V))
    out, joined = fence(np.empty_like(tokens)), fence(np.arange(V, V + n_phrases, dtype=np.int32))
    n, position, phrases = phrase_kernels.join(
        tokens, is_connector, fence.each(table), bits, rows, fence(keys[order]), joined, out
    )
    return [out[:n], np.array([position, phrases])]


def heaps(rng: np.random.Generator, n: int, T: int, dtype: Any) -> list[Any]:
    k, out = int(rng.integers(0, 12)), rng.integers(-1, T + 1, (n, int(rng.integers(0, 4))))
    return [out, np.full((n, k), -np.inf, dtype), np.full((n, k), -1, np.intp)]


def scores(rng: np.random.Generator, n: int, T: int) -> Any:
    """Return scores with ties, infinities and NaN."""
    some = rng.integers(-9, 9, (n, T)).astype(rng.choice(["f4", "f8"]))
    some[rng.random((n, T)) < rng.choice([0.0, 0.3, 1.0])] = rng.choice([np.nan, np.inf, -np.inf])
    return some


def best(rng: np.random.Generator, fence: Fence) -> list[Any]:
    n, T = int(rng.integers(0, 5)), int(rng.choice([0, 1, 63, 64, 65, 200]))
    block = scores(rng, n, T)
    arrays = list(map(fence, heaps(rng, n, T, block.dtype)))
    search_kernels.keep_best(int(rng.integers(5)), fence(block), *arrays)
    return arrays


def best_analogies(rng: np.random.Generator, fence: Fence) -> list[Any]:
    n, W, T = int(rng.integers(0, 5)), int(rng.integers(1, 9)), int(rng.choice([0, 1, 63, 64, 65, 200]))
    cosines = scores(rng, W, T)
    arrays = list(map(fence, heaps(rng, n, T, cosines.dtype)))
    questions, multiply = fence(rng.integers(0, W, (n, 3))), bool(rng.random() < 0.5)
    scratch = fence(np.empty(T, cosines.dtype))
    search_kernels.keep_best_analogies(0, multiply, fence(cosines), scratch, questions, *arrays)
    return arrays


def ngrams(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """List the n-grams of random words, into an array that is often too small, and add rows for them."""
    V, N, D = int(rng.integers(1, 5)), int(rng.integers(1, 9)), int(rng.integers(1, 6))
    words = ["<" + "".join(rng.choice(list("aé語\U0001f600"), int(rng.integers(0, 6)))) + ">" for _ in range(V)]
    raw = [word.encode() if rng.random() < 0.8 else b"" for word in words]
    if rng.random() < 0.3:  # bytes that are not UTF-8, at the very end
        raw[-1] = raw[-1][:-1] + bytes(rng.integers(128, 256, 3).tolist())
    text, ends = fence(np.frombuffer(b"".join(raw), np.uint8)), fence(np.cumsum([len(word) for word in raw]))
    minn, maxn = (int(n) for n in rng.integers(0, 7, 2))
    starts = fence(np.empty(V + 1, np.int64))
    n = subword_kernels.list_ngrams(text, ends, minn, maxn, N, starts, fence(np.empty(0, np.int32)))
    ids = fence(np.empty(max(0, n - int(rng.integers(0, 2))), np.int32))
    subword_kernels.list_ngrams(text, ends, minn, maxn, N, starts, ids)
    rows = fence(np.append(ids, [-1] * (n - len(ids))).astype(np.int32))
    sums = fence(rng.random((V, D), np.float32))
    subword_kernels.add_rows(starts, rows, fence(rng.random((N, D), np.float32)), sums)
    return [starts, ids, sums]


def graph(rng: np.random.Generator, fence: Fence) -> Adjacency:
    """Return a random directed graph, often with nodes without edges, and with weights."""
    V = int(rng.choice([1, 2, 5, 40]))
    has_edge = rng.random((V, V)) < rng.choice([0.1, 0.5, 1.0])
    is_symmetric = rng.random() < 0.5
    has_edge = has_edge | has_edge.T if is_symmetric else has_edge
    offsets = fence(np.append(0, np.cumsum(has_edge.sum(axis=1))).astype(np.int64))
    E = int(offsets[-1])
    neighbors = fence(np.nonzero(has_edge)[1].astype(np.int32))
    if rng.random() < 0.5:
        return Adjacency(offsets, neighbors, np.zeros(0, np.uint64), np.zeros(0, np.float32), int(is_symmetric))
    alias, shares = fence(np.zeros(E, np.uint64)), fence(np.zeros(E, np.float32))
    weights = rng.exponential(1, E) ** rng.choice([0.0, 1.0, 8.0]) + 1e-300
    graph_kernels.fill_alias(offsets, fence(weights), alias, shares)
    return Adjacency(offsets, neighbors, alias, shares, int(is_symmetric))


def alias_tables(rng: np.random.Generator, fence: Fence) -> list[Any]:
    return list(graph(rng, fence))


def walks(rng: np.random.Generator, fence: Fence) -> list[Any]:
    found = graph(rng, fence)
    p, q = rng.choice([1e-9, 0.25, 1.0, 4.0, 1e9], 2)
    n, length = int(rng.choice([0, 1, 30])), int(rng.choice([1, 2, 20]))
    starts = fence(rng.integers(0, len(found.offsets) - 1, n).astype(np.int32))
    made, lengths = fence(np.zeros((n, length), np.int32)), fence(np.zeros(n, np.int32))
    steps, key = StepBias.of(float(p), float(q)), np.uint64(rng.integers(2**63))
    graph_kernels.make_walks(found, steps, starts, key, made, lengths, fence.each(StepWorkspace.of(n)))
    return [made, lengths]


def visits_and_tokens(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Count and write walks of which some ended early, and some have no node that is kept."""
    n, length, V = int(rng.choice([0, 1, 9])), int(rng.choice([1, 2, 12])), int(rng.integers(1, 9))
    made, lengths = fence(rng.integers(0, V, (n, length)).astype(np.int32)), fence(np.zeros(n, np.int32))
    lengths[:] = rng.integers(1, length + 1, n)
    counts, new_ids = fence(np.zeros(V, np.int64)), fence(np.arange(V, dtype=np.int32))
    new_ids[rng.random(V) < rng.choice([0.0, 0.5, 1.0])] = DROPPED
    tokens = fence(np.zeros(n * (length + 1), np.int32))
    numbers = (
        graph_kernels.count_visits(made, lengths, counts),
        graph_kernels.write_tokens(made, lengths, new_ids, tokens),
    )
    return [counts, tokens, np.array(numbers)]


def arranged_words(rng: np.random.Generator, fence: Fence) -> list[Any]:
    """Two steps of the layout, of words of which some stand in one place."""
    V = int(rng.choice([1, 2, 17]))
    positions = fence(rng.normal(size=(V, 2)).astype(np.float32) * rng.choice([0, 1e-4, 1e4]).astype(np.float32))
    words, cells = map(fence, quadtree(positions))
    codes, limits = fence(rng.integers(0, 16, V)), fence(np.array([4.0, 1.0, 0.0]))  # three levels
    layout_kernels.fill_cells(positions, codes, limits, fence(np.zeros((21, 3))), fence(np.zeros((21, 4), np.float32)))
    lists = [fence(part) for part in symmetric(rng.integers(0, V, (V, 3)))]
    speeds, gains, moved, forces = (fence(np.ones((V, 2), np.float32)) for _ in range(4))
    sums, stack = fence(np.zeros(V, np.float32)), fence(np.zeros(31, np.int64))
    numbers = [np.float32(number) for number in (0.1, 0.2, 0.3, 0.4)]
    layout_kernels.repel(words, positions, cells, stack, forces, sums)
    layout_kernels.step(0, V, positions, *lists, forces, *numbers, speeds, gains, moved)
    return [forces, sums, speeds, gains, moved]


PLAIN: dict[str, Case] = {
    "text.word_kernels.renumber": renumbered,
    "training.draws.draw_noise": noise,
    "training.negative_sampling.block_kernels.keep_words": words_of_a_chunk,
    "training.negative_sampling.block_kernels.sort_positions": words_of_a_chunk,
    "training.negative_sampling.block_kernels.add_windows": words_of_a_chunk,
    "training.hierarchical_softmax.counting.sort_counts": weighed_pairs,
    "training.hierarchical_softmax.counting.spread_counts": weighed_pairs,
    "training.hierarchical_softmax.tree.merge_rarest": paths,
    "training.hierarchical_softmax.tree.write_paths": paths,
    "training.hierarchical_softmax.path_losses.add_path_losses": losses_of_paths,
    "cluster.kernels.merge_runs": merged_runs,
    "training.softmax.kernels.window_pairs": window_pairs,
    "sorted_runs.radix_sort": runs,
    "sorted_runs.sum_equal": runs,
    "sorted_runs.merge": runs,
    "training.softmax.kernels.split_cells": runs,
    "training.softmax.kernels.exponentiate": softmax_tile,
    "training.softmax.kernels.subtract_observed": softmax_tile,
    "training.softmax.kernels.adam": adam,
    "explore.layout_kernels.fill_cells": arranged_words,
    "explore.layout_kernels.repel": arranged_words,
    "explore.layout_kernels.step": arranged_words,
    "graphs.kernels.fill_alias": alias_tables,
    "graphs.kernels.count_visits": visits_and_tokens,
    "graphs.kernels.write_tokens": visits_and_tokens,
    "phrases.kernels.insert_runs": candidates,
    "phrases.kernels.write_candidates": candidates,
    "phrases.kernels.join": join,
    "vectors.search_kernels.keep_best": best,
    "vectors.search_kernels.keep_best_analogies": best_analogies,
    "subwords.ngrams.list_ngrams": ngrams,
    "subwords.ngrams.add_rows": ngrams,
}
"""The kernels that also run as plain Python."""


VECTOR_CODE = {
    "training.negative_sampling.window_kernels.train_block": train_block,
    "training.subwords.kernels.train_block": train_subwords,
    "training.subwords.cbow_kernels.train_block": train_subword_positions,
    "training.hierarchical_softmax.window_kernels.train_windows": train_subword_paths,
    "training.cbow.path_kernels.train_slice": train_subword_positions_paths,
    "training.hierarchical_softmax.window_kernels.train_block": train_paths,
    "training.negative_sampling.block_kernels.train_groups": train_bucket,
    "training.hierarchical_softmax.block_kernels.train_bucket": train_segments,
    "training.hierarchical_softmax.counting.sort_places": counted_pairs,
    "training.hierarchical_softmax.counting.count_classes": counted_pairs,
    "training.cbow.kernels.train_block": train_positions,
    "training.cbow.path_kernels.train_block": train_cbow_paths,
    # These two consist of four of those above; one shape keeps the time to compile them short.
    "training.joint.kernels.train_block": lambda *_: train_joint(12, 5),
    "training.joint.cbow_kernels.train_block": lambda *_: train_joint_positions(12, 5),
    "training.negative_sampling.block_kernels.place_words": pairs_of_a_block,
    "training.negative_sampling.block_kernels.fill_pairs": pairs_of_a_block,
    "cluster.kernels.fill_runs": runs_of_a_block,
    "cluster.kernels.mark_outputs": marked_outputs,
    "graphs.kernels.make_walks": lambda *_: walks,
    "text.word_kernels.count_words": lambda *_: word_counts,
    "text.word_kernels.merge_words": lambda *_: merged_words,
    "text.word_kernels.spread": lambda *_: merged_words,
}
"""The kernels with LLVM instructions or integers that overflow, each with a function that returns its case."""


def vector_code(rng: np.random.Generator) -> dict[str, Case]:
    """Return the cases of `VECTOR_CODE`, compiled for one random shape."""
    D, K = int(rng.integers(1, 130)), int(rng.integers(1, 33))
    return {name: make(D, K) for name, make in VECTOR_CODE.items()}


GUARDED = frozenset([*PLAIN, *VECTOR_CODE])
"""All kernels. Every other compiled function is called by one of these."""
