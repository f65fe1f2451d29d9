"""Random walks as a corpus: their steps, their order, their counts, and training on them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import CheckpointError, CorpusError, NotEnoughMemoryError, OptionError, Options, RandomWalks, Word2Vec
from firth.text import BLOCK_WORDS, END, read_corpus
from graphs._graphs import random_matrix, sparse

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(PAIRS, st.booleans(), st.sampled_from([0.1, 1.0, 7.0]), st.integers(2, 9))
def test_every_step_is_an_edge_and_only_dead_ends_end_a_walk(pairs, directed, q, length):
    walks = RandomWalks(pairs, 2, length, q=q, directed=directed)
    edges = set(pairs) | (set() if directed else {(b, a) for a, b in pairs})
    starts = [walk[0] for walk in walks]
    assert sorted(starts) == sorted(2 * list({node for edge in edges for node in edge}))
    assert starts[: len(starts) // 2] == starts[len(starts) // 2 :]
    for walk in walks:
        assert all(step in edges for step in pairwise(walk))
        assert len(walk) == length or walk[-1] not in {a for a, _ in edges}


def test_walks_depend_on_the_seed():
    edges = sparse(random_matrix(1, 20, directed=False, weighted=False))
    assert list(RandomWalks(edges, seed=1)) == list(RandomWalks(edges, seed=1))
    assert list(RandomWalks(edges, seed=1)) != list(RandomWalks(edges, seed=2))


def test_all_nodes_start_equally_many_walks_over_several_blocks():
    walks = RandomWalks(sparse(random_matrix(1, 20, directed=False, weighted=False)), 100, 40)
    assert len(walks) == len(list(walks)) == 2000
    assert walks._maker.n_blocks == 3
    assert set(np.unique([walk[0] for walk in walks], return_counts=True)[1]) == {100}


@pytest.mark.parametrize("keep", [{"min_count": 1}, {"min_count": 1, "max_vocab": 4}])
def test_the_tokens_are_the_walks_without_the_nodes_that_were_dropped(keep):
    walks = RandomWalks(sparse(random_matrix(3, 12, directed=True, weighted=True)), 60, 70, q=0.5)
    corpus = read_corpus(walks, Options(**keep), workers=2)
    index = corpus.vocabulary.key_to_index
    expected = [[index[node] for node in walk if node in index] for walk in walks]
    tokens = np.concatenate([corpus.tokens.read_block(b) for b in range(corpus.tokens.n_blocks)])
    flat = [token for walk in expected if walk for token in [*walk, END]]
    assert tokens.tolist() == flat
    assert corpus.tokens.n_words == sum(map(len, expected))
    visits = np.unique([node for walk in walks for node in walk if node in index], return_counts=True)
    assert dict(zip(*visits, strict=True)) == dict(
        zip(corpus.vocabulary.index_to_key, corpus.vocabulary.counts, strict=True)
    )
    assert corpus.raw_words == sum(map(len, walks))
    assert corpus.sentences == len(walks) == 720


@pytest.mark.parametrize("keep", [{}, {"max_vocab": 8}])
def test_every_epoch_has_new_walks_from_the_same_nodes(keep):
    walks = RandomWalks(sparse(random_matrix(3, 12, directed=True, weighted=True)), 60, 70, q=0.5)
    tokens = read_corpus(walks, Options(min_count=1, **keep)).tokens
    epochs = [[tokens.read_epoch(epoch, b) for b in range(tokens.n_blocks)] for epoch in (0, 1, 2, 1)]
    texts = [np.concatenate(blocks).tobytes() for blocks in epochs]
    assert texts[0] == np.concatenate([tokens.read_block(b) for b in range(tokens.n_blocks)]).tobytes()
    assert texts[1] == texts[3]
    assert len(set(texts)) == 3
    assert max(map(len, epochs[1])) <= BLOCK_WORDS
    starts = [sorted(walk[0] for walk in walks._maker.make(0, epoch)[0].tolist()) for epoch in (0, 1)]
    assert starts[0] == starts[1]


def test_stored_text_is_the_same_in_every_epoch():
    tokens = read_corpus([["a", "b"], ["b"]], Options(min_count=1)).tokens
    assert tokens.read_epoch(3, 0).tolist() == tokens.read_block(0).tolist()


def test_a_split_store_reads_the_same_blocks():
    tokens = read_corpus(RandomWalks(random_pairs(), 500, 80), Options()).tokens
    head, tail = tokens.split(2)
    assert head.n_words + tail.n_words == tokens.n_words
    assert np.array_equal(tail.read_block(0), tokens.read_block(2))
    assert np.array_equal(tail.read_epoch(1, 0), tokens.read_epoch(1, 2))
    with pytest.raises(IndexError):
        tail.read_block(tail.n_blocks)
    assert "made when read" in repr(tokens)
    tokens.close()
    with pytest.raises(CorpusError, match="closed"):
        tokens.read_block(0)


def test_a_block_cannot_be_read_by_other_bounds():
    tokens = read_corpus(RandomWalks(random_pairs(), 500, 80), Options()).tokens
    with pytest.raises(CorpusError, match="not the bounds of a block"):
        tokens._storage.read(1, np.zeros(5, np.int32))


def random_pairs():
    return np.random.default_rng(5).integers(0, 40, (200, 2))


def test_the_fingerprint_depends_on_the_graph_the_options_and_the_seed():
    def fingerprint(graph, **options):
        return read_corpus(RandomWalks(graph, 3, 10, **options), Options(min_count=1)).tokens.fingerprint()

    pairs = random_pairs()
    found = fingerprint(pairs)
    assert found == fingerprint(pairs)
    others = [
        fingerprint(pairs[1:]),
        fingerprint(pairs, q=2),
        fingerprint(pairs, seed=2),
        fingerprint(pairs, directed=True),
    ]
    assert len({found, *others}) == 5


def test_any_number_of_workers_trains_the_same_bytes():
    walks = RandomWalks(random_pairs(), 100, 80, p=0.5, q=2)
    options = {"vector_size": 8, "window": 3, "sample": 0, "epochs": 2}
    one, three = (Word2Vec(**options, workers=n).fit(walks) for n in (1, 3))
    assert one.wv.vectors.tobytes() == three.wv.vectors.tobytes()
    assert one.outside.tobytes() == three.outside.tobytes()
    assert one.wv.index_to_key == three.wv.index_to_key


def test_an_interrupted_run_resumes_with_the_same_walks_only(tmp_path):
    options = {"vector_size": 8, "window": 3, "sample": 0, "epochs": 3, "workers": 2}
    pairs = random_pairs()
    whole = Word2Vec(**options).fit(RandomWalks(pairs, 100, 80))

    def stop(model):
        return len(model.history) == 1

    Word2Vec(**options).fit(RandomWalks(pairs, 100, 80), checkpoint=tmp_path / "run", callbacks=stop)
    with pytest.raises(CheckpointError, match="text"):
        Word2Vec(**options).fit(RandomWalks(pairs, 100, 80, q=3), checkpoint=tmp_path / "run", resume=True)
    resumed = Word2Vec(**options).fit(RandomWalks(pairs, 100, 80), checkpoint=tmp_path / "run", resume=True)
    assert resumed.wv.vectors.tobytes() == whole.wv.vectors.tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "hogwild"},
        {"objective": "softmax"},
        {"objective": "hierarchical_softmax"},
        {"architecture": "cbow"},
    ],
)
def test_every_objective_trains_on_walks(options):
    walks = RandomWalks(random_pairs(), 60, 80)
    model = Word2Vec(vector_size=8, window=3, sample=0, epochs=1, workers=1, **options).fit(walks, validation=0.2)
    assert np.isfinite(model.wv.vectors).all()
    assert model.history[-1].validation_loss > 0


def test_communities_are_close_in_the_karate_club():
    networkx = pytest.importorskip("networkx")
    club = networkx.karate_club_graph()
    model = Word2Vec(vector_size=16, window=5, sample=0, epochs=5, workers=1).fit(RandomWalks(club, 50, 40))
    with_mr_hi = [node for node in club if club.nodes[node]["club"] == "Mr. Hi"]
    similar = [
        node for node in club if node not in (0, 33) and model.wv.similarity(node, 0) > model.wv.similarity(node, 33)
    ]
    # By chance, at most 6 of the 32 other members would be on the wrong side with a probability of 0.0003.
    assert len(set(similar) ^ (set(with_mr_hi) - {0})) <= 6


def test_further_training_takes_walks_of_a_graph_with_new_nodes():
    model = Word2Vec(vector_size=8, sample=0, epochs=1).fit(RandomWalks([("a", "b"), ("b", "c")], 50, 20))
    model.partial_fit(RandomWalks([("c", "d"), ("d", "a")], 50, 20), update_vocab=True)
    assert set(model.wv.index_to_key) == {"a", "b", "c", "d"}
    model.partial_fit(RandomWalks([("a", "x"), ("a", "b")], 50, 20))
    assert "x" not in model.wv
    assert model.corpus["not_in_vocabulary"] == 1


def test_a_report_counts_isolated_nodes_and_walks_that_ended_early(capsys):
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([(0, 1), (1, 0), (1, 2)])
    graph.add_node(3)
    walks = RandomWalks(graph, 10, 200)
    assert (walks.n_nodes, walks.n_edges, walks.n_isolated) == (4, 3, 1)
    Word2Vec(vector_size=4, sample=0, epochs=1).fit(walks, progress=True)
    err = " ".join(capsys.readouterr().err.split())
    assert "vocabulary 4; 10 walks from isolated nodes, 40 walks ended early" in err


def test_walks_describe_themselves():
    walks = RandomWalks([("a", "b"), ("b", "c")], 2, 5, q=0.5, directed=True)
    assert repr(walks) == "<RandomWalks: 6 walks of 5 nodes, p=1, q=0.5, in a directed graph of 3 nodes and 2 edges>"
    assert walks.nodes == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 0}, "p=0 is not allowed"),
        ({"q": float("nan")}, "q=nan is not allowed"),
        ({"walk_length": 1}, "walk_length=1 is not allowed: give a whole number from 2 to 16383"),
        ({"walk_length": 16384}, "walk_length=16384 is not allowed"),
        ({"walks_per_node": 0}, "walks_per_node=0 is not allowed"),
        ({"directed": 1}, "directed=1 is not allowed: give True, False or None"),
        ({"seed": -1}, "seed=-1 is not allowed"),
        ({"weight": 5}, "weight=5 is not allowed: give a name, or None"),
        ({"walk_len": 5}, "unknown option 'walk_len': did you mean 'walk_length'"),
        ({"num_walks": 5}, "unknown option 'num_walks': use walks_per_node"),
        ({"window": 5}, r"window is an option of Word2Vec and not of RandomWalks: Word2Vec\(window=...\)"),
        ({"depth": 5}, "unknown option 'depth'; options are graph, walks_per_node, .*, seed$"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        RandomWalks([(0, 1)], **arguments)


def test_the_longest_walk_fits_in_a_block():
    tokens = read_corpus(RandomWalks([(0, 1)], 3, 16_383), Options()).tokens
    assert max(np.diff(tokens.block_starts)) == BLOCK_WORDS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokenizer": str.split}, "tokenizer is for text, and the corpus is RandomWalks: omit tokenizer"),
        ({"offsets": [0]}, "offsets is for text"),
        ({"max_input_bytes": 5}, "max_input_bytes is for text"),
    ],
)
def test_arguments_for_text_are_refused(arguments, message):
    with pytest.raises(CorpusError, match=message):
        Word2Vec().fit(RandomWalks([(0, 1)]), **arguments)


def test_lower_case_is_refused_for_names_of_nodes():
    with pytest.raises(CorpusError, match="lowercase=True is for text"):
        Word2Vec(lowercase=True).fit(RandomWalks([(0, 1)]))


def test_nodes_below_min_count_are_refused_as_words_are():
    with pytest.raises(CorpusError, match="min_count=1000 times"):
        Word2Vec(min_count=1000).fit(RandomWalks([(0, 1)], 1, 5))


def test_a_graph_that_does_not_fit_in_memory_is_refused_before_it_is_sorted(monkeypatch):
    def refuse(parts, purpose, remedy):
        raise NotEnoughMemoryError(f"{purpose} {sum(parts.values())}")

    monkeypatch.setattr("firth.graphs.adjacency.require_memory", refuse)
    with pytest.raises(NotEnoughMemoryError, match="the graph"):
        RandomWalks(random_pairs())
