"""Further training: partial_fit, new words, vectors to start from, and the bytes of interrupted runs."""

import dataclasses
import pickle
import shutil

import numpy as np
import pytest
from training.loop._runs import KINDS, Interrupts, ids, model_of, saved

from firth import KeyedVectors, Word2Vec
from firth.errors import CheckpointError, CorpusError, DivergenceError, FirthError, FormatError, OptionError

SMALL = {"vector_size": 10, "window": 2, "negative": 3, "min_count": 1, "sample": 0, "epochs": 2, "workers": 1}
FIRST = [["the", "king", "and", "the", "queen"], ["a", "queen", "had", "land"]] * 40
SECOND = [["the", "king", "saw", "a", "ship"], ["the", "ship", "left"]] * 30
SUBWORDS = {"subwords": (3, 4), "buckets": 500}


def fitted(**options):
    return Word2Vec(**SMALL | options).fit(FIRST, progress=False)


def topics(n, seed, first=0, of_a_topic=10):
    """Sentences of 8 words, each from one of two topics, whose words are numbered from 0 and from 1000."""
    rng = np.random.default_rng(seed)
    return first + rng.integers(0, of_a_topic, (n, 8)) + 1000 * rng.integers(0, 2, (n, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_sequence_of_calls_gives_the_same_bytes_on_any_number_of_workers(kind):
    def sequence(workers):
        model = model_of(kind, workers).fit(ids(), progress=False)
        return model.partial_fit(ids(seed=6, V=300), 2, update_vocab=True, progress=False)

    first = sequence(1)
    assert saved(first) == saved(sequence(2)) == saved(sequence(3))
    assert [record.epoch for record in first.history] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_call_resumes_to_the_same_bytes(kind, tmp_path, monkeypatch):
    model_of(kind).fit(ids(), progress=False).save(tmp_path / "before.firth")

    def further(workers, **more):
        model = Word2Vec.load(tmp_path / "before.firth")
        model.workers = model_of(kind, workers).workers
        return model.partial_fit(ids(seed=6, V=300), 3, update_vocab=True, progress=False, **more)

    whole = saved(further(2))
    interrupts, came = Interrupts(monkeypatch), 0
    for at in (2, 3, 4):
        interrupts.after(at)
        try:
            further(1 + came, checkpoint=tmp_path / "run", resume=True)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    assert came > 0
    assert saved(further(2, checkpoint=tmp_path / "run", resume=True)) == whole


@pytest.mark.parametrize("options", [{}, {"objective": "hierarchical_softmax"}, SUBWORDS])
def test_a_call_is_resumed_from_what_its_folder_holds(options, tmp_path):
    """By the model that was being trained, by the model before the call, or by one without vectors: the same bytes."""
    more = {"epochs": 3, "update_vocab": True, "progress": False}
    model = fitted(**options)
    model.wv.set_vecattr("king", "note", "mine")
    before = pickle.loads(pickle.dumps(model))
    whole = pickle.loads(pickle.dumps(model)).partial_fit(SECOND, **more)
    model.partial_fit(SECOND, checkpoint=tmp_path / "run", callbacks=lambda _: True, **more)
    assert len(model.history) == 3
    for each in (model, before, Word2Vec(**model.options.to_dict(), workers=1)):
        shutil.copytree(tmp_path / "run", tmp_path / "copy")
        each.partial_fit(SECOND, checkpoint=tmp_path / "copy", resume=True, **more)
        assert saved(each) == saved(whole)
        assert [record.epoch for record in each.history] == [1, 2, 3, 4, 5]
        each.partial_fit(SECOND, checkpoint=tmp_path / "copy", resume=True, **more)  # nothing is left to train
        assert saved(each) == saved(whole)
        shutil.rmtree(tmp_path / "copy")
    assert before.wv.get_vecattr("king", "note") == "mine"


def test_a_call_that_ended_before_its_first_checkpoint_begins_again_from_the_same_vectors(tmp_path):
    whole = fitted().partial_fit(SECOND, progress=False)
    fitted().partial_fit(SECOND, checkpoint=tmp_path / "run", callbacks=lambda _: True, progress=False)
    for path in (tmp_path / "run").glob("checkpoint-*"):
        path.unlink()
    again = Word2Vec(**SMALL).partial_fit(SECOND, checkpoint=tmp_path / "run", resume=True, progress=False)
    assert saved(again) == saved(whole)


def test_an_interrupted_model_of_the_same_epoch_resumes(tmp_path, monkeypatch):
    """An interrupt in the first epoch adds nothing to the history, but the vectors have changed."""
    model, whole = model_of("blocks"), model_of("blocks")
    for each in (model, whole):
        each.fit(ids(), progress=False)
    whole.partial_fit(ids(seed=6), progress=False)
    interrupts = Interrupts(monkeypatch)
    interrupts.after(8)
    with pytest.raises(KeyboardInterrupt, match="to resume, repeat the call with resume=True"):
        model.partial_fit(ids(seed=6), checkpoint=tmp_path / "run", progress=False)
    interrupts.after(None)
    assert len(model.history) == 3
    model.partial_fit(ids(seed=6), checkpoint=tmp_path / "run", resume=True, progress=False)
    assert saved(model) == saved(whole)


def test_a_folder_of_a_model_with_other_options_is_not_resumed(tmp_path):
    fitted().partial_fit(SECOND, checkpoint=tmp_path / "run", callbacks=lambda _: True, progress=False)
    other = Word2Vec(**SMALL | {"window": 4})
    with pytest.raises(CheckpointError, match=r"start\.firth, with which the call to resume began, has other options"):
        other.partial_fit(SECOND, checkpoint=tmp_path / "run", resume=True, progress=False)
    with pytest.raises(FirthError, match="this model has no vectors yet"):
        other.wv  # noqa: B018
    model = fitted()
    model.partial_fit(SECOND, checkpoint=tmp_path / "other", callbacks=lambda _: True, progress=False)
    with pytest.raises(CheckpointError, match=r"text \(sha256\) was"):
        model.partial_fit(FIRST, checkpoint=tmp_path / "other", resume=True, progress=False)
    assert len(model.history) == 3


def test_a_run_that_started_from_other_vectors_is_not_resumed(tmp_path):
    model = fitted()
    model.save(tmp_path / "before.firth")
    model.partial_fit(SECOND, checkpoint=tmp_path / "run", callbacks=lambda _: True, progress=False)
    before = Word2Vec.load(tmp_path / "before.firth")
    before.wv["king"] = np.ones(10)
    with pytest.raises(CheckpointError, match=r"vectors to start from \(sha256\) was '\w+' and is now '\w+'"):
        before.partial_fit(SECOND, checkpoint=tmp_path / "run", resume=True, progress=False)
    again = Word2Vec.load(tmp_path / "before.firth")
    again.partial_fit(SECOND, checkpoint=tmp_path / "run", resume=True, progress=False)
    assert [record.epoch for record in again.history] == [1, 2, 3, 4]


@pytest.mark.parametrize("options", [{}, {"schedule": "hogwild"}])
def test_training_starts_from_both_matrices(options):
    model = fitted(**options)
    center, outside = model.wv.vectors.copy(), model.outside.copy()
    model.partial_fit(SECOND, 1, alpha=1e-30, min_alpha=0.0, progress=False)
    np.testing.assert_array_equal(model.wv.vectors, center)
    np.testing.assert_array_equal(model.outside, outside)


def test_nodes_continue_only_while_the_tree_is_the_same():
    model = fitted(objective="hierarchical_softmax")
    center, nodes = dict(zip(model.wv.index_to_key, model.wv.vectors.copy(), strict=True)), model.nodes.copy()
    idle = {"epochs": 1, "alpha": 1e-30, "min_alpha": 0.0, "progress": False, "average": False}
    model.partial_fit(SECOND, update_counts=False, **idle)
    np.testing.assert_array_equal(model.nodes, nodes)
    model.partial_fit(SECOND, update_vocab=True, **idle)
    assert (np.diff(model.wv.counts) <= 0).all(), "the tree needs words sorted by count"
    assert model.nodes.shape == (len(model.wv) - 1, 10)
    assert np.abs(model.nodes).max() < 1e-25
    for word, vector in center.items():
        np.testing.assert_array_equal(model.wv[word], vector)


def test_rows_of_ngrams_continue_and_new_words_get_theirs():
    model = fitted(subwords=(3, 4), buckets=1000)
    words, center, outside = list(model.wv.index_to_key), model.wv.vectors.copy(), model.outside.copy()
    ngrams, unseen = model.wv.subwords.rows.copy(), model.wv["queenly"].copy()
    known = list(model.wv.subwords.buckets)
    idle = {"epochs": 1, "alpha": 1e-30, "min_alpha": 0.0, "progress": False}
    model.partial_fit(SECOND, update_vocab=True, **idle)
    # Rows of words are computed from composed vectors, so they have rounding errors of a few units in the last place.
    np.testing.assert_allclose(model.wv.vectors[: len(words)], center, atol=1e-6)
    np.testing.assert_array_equal(model.outside[: len(words)], outside)
    kept = np.isin(model.wv.subwords.buckets, known)
    np.testing.assert_array_equal(model.wv.subwords.rows[kept], ngrams)
    assert kept.sum() == len(known) < len(kept), "ship, saw and left have n-grams of their own"
    np.testing.assert_array_equal(model.wv["queenly"], unseen)
    model.partial_fit(SECOND, 2, progress=False)
    assert not np.allclose(model.wv["shipping"], 0)


@pytest.mark.parametrize("warm_epochs", [0, 3])
def test_a_softmax_is_trained_further_from_both_matrices(warm_epochs):
    text = topics(300, seed=1)
    model = Word2Vec(**SMALL | {"epochs": 20}, objective="softmax", warm_epochs=warm_epochs).fit(text, progress=False)
    losses = [record.loss for record in model.history]
    model.partial_fit(text, 3, progress=False)
    assert max(record.loss for record in model.history[20:]) < losses[2], "a new model would begin far above"
    assert [record.epoch for record in model.history] == list(range(1, 24))


def test_unknown_words_are_skipped_counted_and_reported(capsys):
    model = fitted()
    vectors = {word: model.wv[word] for word in ("and", "land", "had")}
    rows = list(model.wv.index_to_key)
    model.partial_fit(SECOND, progress=None)
    assert model.wv.index_to_key == rows
    assert "saw" not in model.wv
    assert model.corpus["not_in_vocabulary"] == 3
    assert model.corpus["raw_words"] == 240
    assert model.corpus["started"] == len(rows)
    assert model.wv.get_vecattr("the", "count") == 80 + 60
    assert model.wv.get_vecattr("land", "count") == 40
    for word, vector in vectors.items():
        np.testing.assert_array_equal(model.wv[word], vector, err_msg="no sentence has this word")
    assert "120 words dropped (3 distinct not in the vocabulary)" in capsys.readouterr().err


def test_new_words_follow_the_others_and_are_trained():
    model = Word2Vec(**SMALL | {"vector_size": 20, "epochs": 5}).fit(topics(400, seed=1), progress=False)
    old = list(model.wv.index_to_key)
    model.partial_fit(topics(400, seed=2, first=5), 5, update_vocab=True, progress=False)
    new = model.wv.index_to_key[len(old) :]
    assert model.wv.index_to_key[: len(old)] == old
    assert sorted(new) == [*range(10, 15), *range(1010, 1015)]
    assert (np.diff(model.wv.counts[len(old) :]) <= 0).all()
    for word in new:
        near = [other for other, _ in model.wv.most_similar(word, topn=9)]
        assert all((other >= 1000) == (word >= 1000) for other in near)
    assert len(model.outside) == len(model.wv) == 30
    assert np.linalg.norm(model.outside, axis=1).min() > 0


def test_the_result_is_averaged_with_the_start_by_the_number_of_words():
    model, plain = fitted(), fitted()
    center, outside = model.wv.vectors.copy(), model.outside.copy()
    model.partial_fit(SECOND, update_vocab=True, progress=False)
    plain.partial_fit(SECOND, update_vocab=True, average=False, progress=False)
    share = 240 / (360 + 240)
    for averaged, trained, before in (
        (model.wv.vectors, plain.wv.vectors, center), (model.outside, plain.outside, outside),
    ):  # fmt: skip
        V = len(before)
        np.testing.assert_allclose(averaged[:V], before + share * (trained[:V] - before), rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(averaged[V:], trained[V:], err_msg="new words have nothing to average with")
    assert not np.array_equal(model.wv.vectors, plain.wv.vectors)


def test_counts_are_added_only_if_asked():
    model = fitted()
    before = model.wv.counts.copy()
    model.partial_fit(SECOND, 1, update_vocab=True, update_counts=False, progress=False)
    assert model.wv.counts.tolist() == [*before, 60, 30, 30]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"schedule": "hogwild"},
        {"window": 4, "sample": 0.01},
        {"architecture": "cbow"},
        {"objective": "hierarchical_softmax"},
    ],
)
def test_counts_and_partial_fit_train_what_fit_trains(options):
    model = fitted(**options)
    counts = dict(zip(model.wv.index_to_key, model.wv.counts.tolist(), strict=True))
    parts = Word2Vec.from_counts(counts, **SMALL | options)
    assert not (parts.nodes if parts.options.has_nodes else parts.outside).any()
    assert parts.history == []
    parts.partial_fit(FIRST, update_counts=False, progress=False)
    assert saved(parts) == saved(model)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ({}, {}, r"counts=\{\} is not allowed: give a dict of words and their counts"),
        ([("a", 3)], {}, r"counts=\[\('a', 3\)\] is not allowed"),
        ({"a": -1}, {}, "the count of 'a'=-1 is not allowed"),
        ({"a": 1.5}, {}, "the count of 'a'=1.5 is not allowed"),
        ({"a": 1, 2: 1}, {}, "keys must be"),
        ({"a": 1}, {"size": 3}, "unknown option 'size'"),
        ({"a": 1}, {"objective": "softmax"}, "objective=softmax cannot start from counts alone"),
    ],
)
def test_wrong_counts_are_refused(counts, options, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec.from_counts(counts, **options)


def test_counts_and_partial_fit_train_what_fit_trains_with_subwords():
    model = fitted(subwords=(3, 4), buckets=1000)
    counts = dict(zip(model.wv.index_to_key, model.wv.counts.tolist(), strict=True))
    parts = Word2Vec.from_counts(counts, **SMALL, subwords=(3, 4), buckets=1000)
    assert np.abs(parts.wv.vectors).max() > 0
    parts.partial_fit(FIRST, update_counts=False, progress=False)
    np.testing.assert_allclose(parts.wv.vectors, model.wv.vectors, atol=1e-4)


def test_new_words_obey_min_count_and_max_vocab():
    model = Word2Vec(**SMALL | {"min_count": 5, "max_vocab": 9}).fit(FIRST, progress=False)
    model.partial_fit([*SECOND, ["the", "rare", "rare"]], update_vocab=True, progress=False)
    assert model.wv.index_to_key[7:] == ["ship", "saw"]
    assert (model.corpus["below_min_count"], model.corpus["beyond_max_vocab"]) == (1, 1)


def test_a_new_word_starts_as_in_a_new_model():
    model = fitted()
    rows = []
    model.partial_fit(
        SECOND, 1, alpha=1e-30, min_alpha=0.0, update_vocab=True, progress=False,
        callbacks=lambda trained: rows.append((trained.wv["ship"], trained.outside[-1].copy())),
    )  # fmt: skip
    center, outside = rows[0]
    assert 0 < np.abs(center).max() <= 0.5 / 10, "uniform in 1/2D"
    assert not np.abs(outside).max() > 1e-25


def test_the_history_continues_and_survives_saving(tmp_path):
    model = fitted()
    before = list(model.history)
    model.partial_fit(SECOND, 3, alpha=0.01, validation=FIRST, progress=False)
    assert model.history[:2] == before
    assert [record.epoch for record in model.history] == [1, 2, 3, 4, 5]
    assert [record.alpha for record in model.history[2:]] == pytest.approx([0.0067, 0.0034, 0.0001])
    assert model.history[-1].validation_loss is not None
    model.save(tmp_path / "model.firth")
    loaded = Word2Vec.load(tmp_path / "model.firth")
    assert loaded.history == [dataclasses.replace(record, seconds=None) for record in model.history]
    loaded.partial_fit(SECOND, 1, progress=False)
    assert loaded.history[-1].epoch == 6
    assert loaded.options == model.options == fitted().options


def test_the_random_draws_of_the_first_epochs_are_not_repeated():
    once = fitted(epochs=1)
    first = once.history[0].pairs
    pairs = []
    for _ in range(3):
        once.partial_fit(FIRST, 1, progress=False)
        pairs.append(once.history[-1].pairs)
    assert len({first, *pairs}) > 1, "the sizes of windows are drawn anew"


def test_vectors_edited_in_between_are_where_training_starts(tmp_path):
    model = fitted()
    model.wv["emperor"] = np.full(10, 0.25)
    model.wv.expandos["length"] = np.array([len(word) for word in model.wv.index_to_key])
    model.wv.sort_by_descending_frequency()
    held = model.wv
    order, before = list(held.index_to_key), held.vectors.copy()
    model.partial_fit(SECOND, 1, update_vocab=True, progress=False)
    assert model.wv.index_to_key == [*order, "ship", "saw", "left"]
    np.testing.assert_array_equal(model.wv["emperor"], np.full(10, 0.25, np.float32))
    np.testing.assert_array_equal(held.vectors, before, err_msg="vectors held by the caller do not change")
    assert model.wv.get_vecattr("emperor", "length") == 7
    assert model.wv.get_vecattr("ship", "length") == 0
    assert model.wv.get_vecattr("ship", "count") == 60
    model.save(tmp_path / "model.firth")


@pytest.mark.parametrize(
    ("corpus", "more", "error"),
    [
        ([["nothing", "known"]], {}, CorpusError),
        ([["the"]] * 30, {}, CorpusError),
        (SECOND, {"alpha": 1e30}, DivergenceError),
        ("there-is-no-such-file", {}, CorpusError),
        ([[1, 2, 3]], {}, CorpusError),
    ],
)
def test_a_call_that_fails_leaves_the_model_unchanged(corpus, more, error):
    model = fitted()
    before = saved(model), model.wv, list(model.history), dict(model.corpus)
    with pytest.raises(error):
        model.partial_fit(corpus, progress=False, **more)
    assert (saved(model), model.wv, list(model.history), dict(model.corpus)) == before


def test_only_a_model_with_vectors_can_be_trained_further(tmp_path):
    with pytest.raises(FirthError, match="no vectors yet: call fit"):
        Word2Vec().partial_fit(SECOND)
    with pytest.raises(OptionError, match="partial_fit needs a corpus"):
        fitted().partial_fit()
    fitted().wv.save(tmp_path / "vectors.firth")
    with pytest.raises(FormatError, match=r"vectors without a model: .* or start a new model from them, .*init="):
        Word2Vec.load(tmp_path / "vectors.firth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs=0 is not allowed"),
        ({"average": "no"}, "average='no' is not allowed: give True or False"),
        ({"update_vocab": 1}, "update_vocab=1 is not allowed: give True or False"),
        ({"alpha": -1}, "alpha=-1 is not allowed"),
        ({"alpha": 1e-5}, r"min_alpha=0\.0001 is above alpha=1e-05"),
        ({"window": 3}, "window is an option of Word2Vec and not an argument of partial_fit"),
        ({"total_examples": 3}, "unknown option 'total_examples': fit counts the corpus itself"),
        ({"overwrite": True}, "unknown option 'overwrite'"),
        ({"callbacks": 3}, "callbacks=3 is not allowed"),
    ],
)
def test_a_wrong_argument_is_refused_before_reading(arguments, message):
    with pytest.raises(OptionError, match=message):
        fitted().partial_fit("there-is-no-such-file", **arguments)
    with pytest.raises(OptionError, match="resume=True needs checkpoint"):
        fitted().partial_fit(SECOND, resume=True)


def test_the_softmax_has_no_alpha_of_its_own():
    with pytest.raises(OptionError, match="alpha has no effect with objective=softmax"):
        fitted(objective="softmax").partial_fit(SECOND, alpha=0.01)


def test_words_without_counts_cannot_be_trained():
    model = fitted()
    model.wv.counts = None
    with pytest.raises(OptionError, match=r"have no counts, which training needs: assign wv\.counts"):
        model.partial_fit(SECOND, progress=False)


# --- init


def vectors_of(words, size=10, seed=3):
    return KeyedVectors(words, np.random.default_rng(seed).normal(size=(len(words), size)).astype(np.float32))


UNTRAINED = {"alpha": 1e-30, "min_alpha": 0.0}


@pytest.mark.parametrize("form", ["vectors", "text", "binary", "native", "float16"])
def test_words_start_from_given_vectors(form, tmp_path, capsys):
    given = vectors_of(["queen", "unused", "king"])
    path = tmp_path / "vectors"
    if form in ("text", "binary"):
        given.save_word2vec_format(path, binary=form == "binary")
    elif form == "native":
        given.save(path)
    if form == "float16":
        given = given.astype(np.float16)
    init = path if path.exists() else given
    model = Word2Vec(**SMALL | UNTRAINED).fit(FIRST, init=init)
    for word in ("queen", "king"):
        np.testing.assert_array_equal(model.wv[word], given[word].astype(np.float32))
    plain = Word2Vec(**SMALL | UNTRAINED).fit(FIRST, progress=False)
    np.testing.assert_array_equal(model.wv["land"], plain.wv["land"])
    assert model.corpus["started"] == 2
    assert "2 of 7 words start from existing vectors" in capsys.readouterr().err
    assert "unused" not in model.wv


@pytest.mark.parametrize("from_file", [False, True])
def test_a_model_gives_its_outside_vectors_too(from_file, tmp_path):
    earlier = fitted()
    earlier.save(tmp_path / "model.firth")
    init = tmp_path / "model.firth" if from_file else earlier
    model = Word2Vec(**SMALL | UNTRAINED).fit(SECOND, init=init, progress=False)
    for word in ("the", "king", "a"):
        np.testing.assert_array_equal(model.wv[word], earlier.wv[word])
        mine, theirs = (each.outside[each.wv.get_index(word)] for each in (model, earlier))
        np.testing.assert_array_equal(mine, theirs)
    assert not model.outside[model.wv.get_index("ship")].max() > 1e-25
    assert [record.epoch for record in model.history] == [1, 2]


def test_a_softmax_starts_from_vectors_by_its_warm_start():
    given = vectors_of(["queen", "king"])
    plain, started = (
        Word2Vec(**SMALL | {"objective": "softmax"}).fit(FIRST, init=init, progress=False) for init in (None, given)
    )
    assert not np.array_equal(plain.wv.vectors, started.wv.vectors)
    cold = Word2Vec(**SMALL | {"objective": "softmax", "warm_epochs": 0})
    with pytest.raises(OptionError, match="cannot start from vectors without an outside matrix"):
        cold.fit(FIRST, init=given, progress=False)
    assert np.isfinite(cold.fit(FIRST, init=plain, progress=False).wv.vectors).all()


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (vectors_of(["king"], size=12), "init holds vectors of 12 numbers, and vector_size is 10: give vector_size=12"),
        (vectors_of(["king"]).vectors, r"(?s)init=array.* is not allowed: give the path of a file of vectors"),
        (KeyedVectors(["king"], np.full((1, 10), np.nan)), "init holds a number that is not finite"),
    ],
)
def test_wrong_vectors_to_start_from_are_refused_before_reading(init, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(**SMALL).fit("there-is-no-such-file", init=init)


def test_a_run_with_other_vectors_to_start_from_is_not_resumed(tmp_path):
    run = {"checkpoint": tmp_path / "run", "progress": False}
    Word2Vec(**SMALL).fit(FIRST, init=vectors_of(["king"]), callbacks=lambda _: True, **run)
    with pytest.raises(CheckpointError, match="vectors to start from"):
        Word2Vec(**SMALL).fit(FIRST, init=vectors_of(["king"], seed=4), resume=True, **run)
    with pytest.raises(CheckpointError, match=r"vectors to start from \(sha256\) was '\w+' and is now None"):
        Word2Vec(**SMALL).fit(FIRST, resume=True, **run)
    resumed = Word2Vec(**SMALL).fit(FIRST, init=vectors_of(["king"]), resume=True, **run)
    once = Word2Vec(**SMALL).fit(FIRST, init=vectors_of(["king"]), progress=False)
    assert saved(resumed) == saved(once)


# --- hierarchical softmax and subwords

STILL = {"alpha": 1e-12, "min_alpha": 0.0, "average": False, "progress": False}  # trains without a visible change


def test_the_nodes_of_the_tree_are_trained_further():
    model = fitted(objective="hierarchical_softmax")
    nodes, vectors, counts = model.nodes.copy(), model.wv.vectors.copy(), model.wv.counts.copy()
    model.partial_fit(SECOND, 1, **STILL)
    np.testing.assert_allclose(model.nodes, nodes, atol=1e-9)
    np.testing.assert_allclose(model.wv.vectors, vectors, atol=1e-9)
    np.testing.assert_array_equal(model.wv.counts, counts)  # the tree is made from them
    model.partial_fit(SECOND, 1, average=False, progress=False)
    assert not np.allclose(model.nodes, nodes, atol=1e-3)


def test_a_tree_starts_from_vectors_alone():
    for init in (fitted(), fitted(objective="hierarchical_softmax")):
        model = Word2Vec(**SMALL | {"objective": "hierarchical_softmax", "alpha": 1e-12, "min_alpha": 0.0})
        model.fit(SECOND, init=init, progress=False)
        np.testing.assert_allclose(model.wv["king"], init.wv["king"], atol=1e-9)
        assert np.abs(model.nodes).max() < 1e-9


def test_rows_of_ngrams_are_trained_further():
    model = fitted(**SUBWORDS)
    before, unseen = model.wv.vectors.copy(), model.wv["kings"]
    model.partial_fit(SECOND, 1, update_vocab=True, **STILL)
    np.testing.assert_allclose(model.wv.vectors[: len(before)], before, atol=1e-6)
    assert model.wv.index_to_key[len(before) :] == ["ship", "saw", "left"]
    assert set(model.wv.subwords.buckets) > set(fitted(**SUBWORDS).wv.subwords.buckets)  # of the new words
    assert model.wv["kings"] @ unseen > 0.9 * np.linalg.norm(model.wv["kings"]) * np.linalg.norm(unseen)


def test_an_average_includes_the_rows_of_ngrams():
    before = fitted(**SUBWORDS)
    adapted, averaged = (fitted(**SUBWORDS).partial_fit(FIRST, 1, average=a, progress=False) for a in (False, True))
    for one, other, result in (
        (before.wv.vectors, adapted.wv.vectors, averaged.wv.vectors),
        (before.wv.subwords.rows, adapted.wv.subwords.rows, averaged.wv.subwords.rows),
    ):
        np.testing.assert_allclose(result, (one + other) / 2, atol=1e-6)
    own = averaged.wv.subwords.own_rows([b"king"], averaged.wv["king"][np.newaxis])
    composed = averaged.wv.subwords.compose([b"king"], own)
    np.testing.assert_allclose(composed[0], averaged.wv["king"], atol=1e-6)


@pytest.mark.parametrize("init_options", [{}, SUBWORDS, {"subwords": (2, 3), "buckets": 300}])
def test_vectors_with_and_without_subwords_start_a_model_with_subwords(init_options):
    init = fitted(**init_options)
    model = Word2Vec(**SMALL | SUBWORDS | {"alpha": 1e-12, "min_alpha": 0.0}).fit(SECOND, init=init, progress=False)
    np.testing.assert_allclose(model.wv["king"], init.wv["king"], atol=1e-6)


def test_an_untrained_model_with_subwords_has_the_vectors_that_fit_starts_from():
    model = Word2Vec.from_counts({"king": 5, "ship": 3}, **SMALL | SUBWORDS)
    own = model.wv.subwords.own_rows([b"king", b"ship"], model.wv.vectors)
    assert 0 < np.abs(own).max() < 0.11  # 1/D, and rounding
    assert model.wv["kings"].any()


@pytest.mark.parametrize("objective", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("update_vocab", [True, False])
def test_a_word_that_was_added_to_the_vectors_is_trained(objective, update_vocab):
    model = fitted(objective=objective)
    model.wv.add_vectors(["ship"], np.zeros((1, 10), np.float32))
    model.partial_fit(SECOND, update_vocab=update_vocab, progress=False)
    assert model.wv["ship"].any()
