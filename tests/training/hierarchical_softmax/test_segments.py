"""Segments of paths: whole paths again when joined, and pieces in blocks of about the same load."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.objectives import huffman_tree
from firth.training.hierarchical_softmax.segments import cut_paths, cuts_for, draw_node_blocks

SEED = 20261122

counts = st.lists(st.integers(1, 10**6), min_size=2, max_size=60).map(lambda found: np.sort(found)[::-1])


def tree_of(V, exponent=1.0):
    return huffman_tree((10**6 / np.arange(1, V + 1) ** exponent).astype(np.int64) + 1)


@given(counts, st.sampled_from([(), (1,), (2, 3), (4, 8)]))
def test_the_segments_of_a_word_are_its_path(counts, cuts):
    tree = huffman_tree(counts)
    segments = cut_paths(tree, tuple(cut for cut in cuts if cut < tree.lengths.max()), counts.astype(float))
    for word in range(len(counts)):
        own = [level.segment_of[word] for level in segments.levels if level.segment_of[word] >= 0]
        for ours, expected in zip(zip(*map(segments.paths.path, own), strict=True), tree.path(word), strict=True):
            np.testing.assert_array_equal(np.concatenate(ours), expected)


@given(counts, st.sampled_from([(), (1,), (2, 3)]))
def test_equal_segments_have_one_number_and_others_have_others(counts, cuts):
    tree = huffman_tree(counts)
    segments = cut_paths(tree, tuple(cut for cut in cuts if cut < tree.lengths.max()), counts.astype(float))
    nodes, codes = zip(*map(segments.paths.path, range(len(segments.paths.offsets) - 1)), strict=True)
    distinct = {(tuple(of_path), tuple(code)) for of_path, code in zip(nodes, codes, strict=True)}
    assert len(distinct) == len(nodes)


@pytest.mark.parametrize(("V", "P", "cuts"), [(2, 1, ()), (60, 2, (4,)), (1000, 5, (4, 8)), (20, 5, (4,)), (8, 9, ())])
def test_every_level_has_a_block_and_a_node(V, P, cuts):
    assert cuts_for(tree_of(V, 0.0), P) == cuts


@pytest.mark.parametrize("P", [3, 5, 16, 700])
def test_no_two_blocks_share_a_node_and_every_node_is_in_one(P):
    tree = tree_of(2_000)
    segments = cut_paths(tree, (4, 8), np.ones(2_000))
    drawn = draw_node_blocks(segments, P, np.random.default_rng(SEED))
    assert len(drawn.blocks) == P
    owners = {}
    for level, blocks in zip(segments.levels, drawn.levels, strict=True):
        for word in np.flatnonzero(level.segment_of >= 0):
            for node in segments.paths.path(level.segment_of[word])[0].tolist():
                assert owners.setdefault(node, blocks.block_of[word]) == blocks.block_of[word]
        assert np.all(blocks.block_of[level.segment_of < 0] == P)
    assert len(owners) == 2_000 - 1
    assert max(owners.values()) < P


def test_the_slots_of_a_block_are_its_segments():
    segments = cut_paths(tree_of(2_000), (4, 8), np.ones(2_000))
    drawn = draw_node_blocks(segments, 9, np.random.default_rng(SEED))
    for number, block in enumerate(drawn.blocks):
        units, inside = drawn.units(number, segments), drawn.levels[block.level].block_of == number
        found = set(zip(units.slot_of[inside].tolist(), units.unit_of[inside].tolist(), strict=True))
        assert len(found) == units.n
        assert sorted(slot for slot, _ in found) == list(range(units.n))
        ranks = drawn.levels[block.level].rank_of
        start, first = drawn.levels[block.level].starts[block.number], segments.levels[block.level].first
        assert all(ranks[unit - first] == start + slot for slot, unit in found)


def test_blocks_of_one_level_take_about_as_long_and_differ_between_chunks():
    tree = tree_of(20_000)
    loads = 10**6 / np.arange(1, 20_001)
    segments = cut_paths(tree, (4, 8), loads)
    first, second = (draw_node_blocks(segments, 16, np.random.default_rng(seed)) for seed in (1, 2))
    of_blocks = np.bincount(first.levels[-1].block_of, loads, 17)[:16]
    of_blocks = of_blocks[of_blocks > 0]
    assert len(of_blocks) == sum(block.level == 2 for block in first.blocks) >= 5
    assert of_blocks.max() < 1.5 * of_blocks.min()
    assert not np.array_equal(first.levels[-1].block_of, second.levels[-1].block_of)
    below = np.where(tree.lengths > 8, tree.lengths - 8 + 2, 0)  # nodes, and what a segment costs besides
    assert segments.levels[-1].loads.sum() == pytest.approx(loads @ below)
