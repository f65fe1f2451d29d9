"""Word2Vec: options, every kind of corpus, callbacks, validation, saving and loading."""

import dataclasses
import inspect
import pickle
import re
from typing import Literal
from unittest.mock import Mock

import numpy as np
import pytest

import firth
from firth import KeyedVectors, Options, Word2Vec
from firth.errors import CheckpointError, CorpusError, DivergenceError, FirthError, FormatError, OptionError
from firth.formats.native import write_native
from firth.options import BOTH
from firth.training import registry, run
from firth.training.softmax import given_pairs

SMALL = {"vector_size": 10, "window": 2, "negative": 3, "min_count": 1, "sample": 0, "epochs": 2, "workers": 1}
TEXT = "the king and the queen ruled the land\nthe queen and the king had a land\n" * 40


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("corpus") / "text.txt"
    file.write_text(TEXT)
    return file


@pytest.fixture(scope="module")
def model(path):
    return Word2Vec(**SMALL).fit(path, progress=False)


def test_the_constructor_only_stores_the_options():
    model = Word2Vec(vector_size=7, workers=3)
    assert model.options == Options(vector_size=7)
    assert model.workers == 3
    assert model.history == []
    assert "not fitted" in repr(model)


def test_the_signature_matches_the_options():
    written = inspect.signature(Word2Vec).parameters
    given = [name for name, parameter in written.items() if parameter.kind == inspect.Parameter.KEYWORD_ONLY]
    fields = dataclasses.fields(Options)
    assert given == [*(field.name for field in fields), "workers"]
    for field in fields:
        parameter, choices = written[field.name], field.metadata["choices"]
        assert parameter.default == field.default
        kind = float | None if field.name == "alpha" else field.type  # its default depends on other options
        assert parameter.annotation == (Literal[choices] if choices else kind)


@pytest.mark.parametrize("name", ["corpus", "callbacks", "progress", "validation", "tokenizer", "checkpoint"])
def test_an_argument_of_fit_is_refused_by_the_constructor(name):
    message = f"^{name} is an argument of fit and not an option of Word2Vec: give it to fit$"
    with pytest.raises(OptionError, match=message):
        Word2Vec(**{name: 1})
    with pytest.raises(OptionError, match="Word2Vec takes only options: give the corpus to fit"):
        Word2Vec([["a", "b"]])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sentences", "^unknown option 'sentences': give the corpus to fit"),
        ("corpus_file", "^unknown option 'corpus_file': give the corpus to fit"),
        ("corpus_iterable", "^unknown option 'corpus_iterable': give the corpus to fit"),
        ("epochs", r"^epochs is an option of Word2Vec and not an argument of fit: Word2Vec\(epochs=\.\.\.\)\.fit"),
        ("workers", "^workers is an option of Word2Vec"),
        ("total_examples", "^unknown option 'total_examples': fit counts the corpus itself: leave it out"),
        ("verbose", "^unknown option 'verbose': give progress to fit"),
        ("call_backs", "^unknown option 'call_backs': did you mean 'callbacks'"),
        (
            "zzz",
            "^unknown option 'zzz'; options are corpus, tokenizer, .*, cluster, nodes, insecure, node_files$",
        ),
        ("unknown", "^unknown option 'unknown'; options are corpus"),
    ],
)
def test_an_unknown_argument_of_fit_is_refused_before_reading(name, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(**SMALL).fit("there-is-no-such-file", **{name: 1})


def test_fit_needs_a_corpus():
    with pytest.raises(OptionError, match="fit needs a corpus: give a path"):
        Word2Vec().fit()


def test_there_are_no_vectors_before_fit():
    model = Word2Vec()
    for ask in (lambda: model.wv, lambda: model.outside, lambda: model.save("never.firth")):
        with pytest.raises(FirthError, match="no vectors yet: call fit"):
            ask()


def test_fit_returns_the_model_with_vectors_counts_and_history(model):
    assert model.wv.index_to_key[:2] == ["the", "king"]
    assert model.wv.counts[0] == 200
    assert model.wv.vectors.shape == model.outside.shape == (8, 10)
    assert model.corpus["raw_words"] == 640
    assert model.corpus["sentences"] == 80
    assert len(model.history) == 2


def as_lists():
    return [line.split() for line in TEXT.splitlines()]


@pytest.mark.parametrize("corpus", [as_lists(), (words for words in as_lists())], ids=["lists", "generator"])
def test_token_lists_give_the_same_vectors_as_a_file(corpus, model):
    again = Word2Vec(**SMALL).fit(corpus, progress=False)
    assert again.wv.index_to_key == model.wv.index_to_key
    np.testing.assert_array_equal(again.wv.vectors, model.wv.vectors)


def test_integer_ids_stay_ids():
    rng = np.random.default_rng(1)
    ids = rng.choice([7, 1000, -5, 2**40], size=(50, 6))
    by_rows = Word2Vec(**SMALL).fit(ids, progress=False)
    assert set(by_rows.wv.index_to_key) == {7, 1000, -5, 2**40}
    assert 0 not in by_rows.wv
    flat = Word2Vec(**SMALL).fit(ids.ravel(), offsets=np.arange(0, 301, 6), progress=False)
    np.testing.assert_array_equal(flat.wv.vectors, by_rows.wv.vectors)


def test_a_second_fit_starts_afresh(path, model):
    again = Word2Vec(**SMALL)
    again.fit([["other", "words"]] * 10, progress=False)
    again.fit(path, progress=False, overwrite=True)
    np.testing.assert_array_equal(again.wv.vectors, model.wv.vectors)
    assert len(again.history) == 2


def test_fit_does_not_replace_vectors_without_overwrite(model, tmp_path):
    model.save(tmp_path / "model.firth")
    loaded = Word2Vec.load(tmp_path / "model.firth")
    reads = []
    message = (
        "holds the vectors of 8 words. fit trains from the start .* To train them further, call partial_fit; "
        r"to train from the start, fit a new model .* Word2Vec\(\*\*model.options.to_dict\(\)\), or give overwrite=True"
    )
    with pytest.raises(OptionError, match=message):
        loaded.fit((reads.append(line) or line for line in as_lists()), progress=False)
    assert not reads
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)
    assert loaded.fit([["other", "words"]] * 10, progress=False, overwrite=True).wv.index_to_key == ["other", "words"]


def test_overwrite_is_not_needed_to_resume(path, tmp_path):
    run = {"checkpoint": tmp_path / "run", "progress": False}
    model = Word2Vec(**SMALL).fit(path, **run, callbacks=[lambda _: True])
    assert len(model.fit(path, **run, resume=True).history) == 2
    with pytest.raises(OptionError, match=r"no checkpoint to resume\. .* overwrite=True"):
        model.fit(path, checkpoint=tmp_path / "empty", progress=False, resume=True)
    assert not (tmp_path / "empty").exists()


def contents(model):
    arrays = model.wv.vectors.tobytes(), model.outside.tobytes()
    return model.wv, list(model.wv.index_to_key), *arrays, list(model.history), dict(model.corpus)


@pytest.mark.parametrize("failing", ["read_corpus", "make_trainer", "counts_of"])
def test_a_fit_that_fails_before_training_leaves_the_model_unchanged(failing, path, monkeypatch):
    model = Word2Vec(**SMALL).fit(path, progress=False)
    before = contents(model)
    owners = {"read_corpus": run, "make_trainer": registry, "counts_of": given_pairs}
    monkeypatch.setattr(owners[failing], failing, Mock(side_effect=MemoryError("no more")))
    with pytest.raises(MemoryError, match="no more"):
        model.fit([["other", "words"]] * 10, validation=[["other", "words"]], progress=False, overwrite=True)
    assert contents(model) == before


@pytest.mark.parametrize(
    ("corpus", "options", "error"),
    [([["x"]] * 30, {}, CorpusError), ([["a", "b"] * 30] * 30, {"alpha": 1e30}, DivergenceError)],
)
def test_a_fit_without_pairs_or_that_diverges_leaves_the_model_unchanged(corpus, options, error):
    empty = Word2Vec(min_count=1, sample=0, vector_size=4, **options)
    with pytest.raises(error):
        empty.fit(corpus, progress=False)
    with pytest.raises(FirthError, match="no vectors yet"):
        empty.wv  # noqa: B018
    model = Word2Vec(min_count=1, sample=0, vector_size=4).fit([["c", "d"]] * 30, progress=False)
    before, model.options = contents(model), empty.options
    with pytest.raises(error):
        model.fit(corpus, progress=False, overwrite=True)
    assert contents(model) == before


def without_seconds(history):
    return [dataclasses.replace(record, seconds=None) for record in history]


def test_a_saved_model_is_loaded_unchanged(model, tmp_path):
    file = tmp_path / "model.firth"
    model.save(file)
    for back in (Word2Vec.load(file), firth.load(file)):
        assert isinstance(back, Word2Vec)
        assert back.options == model.options
        assert back.history == without_seconds(model.history)
        assert back.wv.index_to_key == model.wv.index_to_key
        np.testing.assert_array_equal(back.wv.vectors, model.wv.vectors)
        np.testing.assert_array_equal(back.wv.counts, model.wv.counts)
        np.testing.assert_array_equal(back.outside, model.outside)


@pytest.fixture(scope="module")
def with_nodes(path):
    return Word2Vec(**SMALL, objective="hierarchical_softmax").fit(path, progress=False)


def test_hierarchical_softmax_has_nodes_instead_of_an_outside_matrix(with_nodes, model, tmp_path):
    assert with_nodes.nodes.shape == (len(with_nodes.wv) - 1, with_nodes.wv.vector_size)
    assert with_nodes.nodes.dtype == np.float32
    with pytest.raises(FirthError, match=r"hierarchical softmax has no outside matrix: use model\.nodes"):
        with_nodes.outside  # noqa: B018
    with pytest.raises(FirthError, match=r"objective='negative_sampling' has no tree, .*: use model\.outside"):
        model.nodes  # noqa: B018
    with_nodes.save(tmp_path / "m")
    back = Word2Vec.load(tmp_path / "m")
    np.testing.assert_array_equal(back.nodes, with_nodes.nodes)
    np.testing.assert_array_equal(back.wv.vectors, with_nodes.wv.vectors)
    assert (back.options, back.history) == (with_nodes.options, without_seconds(with_nodes.history))


def test_both_objectives_at_once_have_an_outside_matrix_and_nodes(path, tmp_path):
    model = Word2Vec(**SMALL | {"negative": 5}, objective=BOTH)
    model.fit(path, progress=False, validation=[["the", "king"]])
    assert model.outside.shape == model.wv.vectors.shape
    assert model.nodes.shape == (len(model.wv) - 1, model.wv.vector_size)
    assert model.history[-1].validation_loss > 0
    model.save(tmp_path / "m")
    back = Word2Vec.load(tmp_path / "m")
    for name in ("outside", "nodes"):
        assert getattr(model, name).any(axis=1).all()
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))
    assert (back.options, back.history) == (model.options, without_seconds(model.history))
    back.wv.sort_by_descending_frequency()
    with pytest.raises(OptionError, match=r"fastText's \.bin has room for one output matrix"):
        model.save_fasttext(tmp_path / "m.bin")


def test_editing_the_vectors_leaves_the_nodes_alone(with_nodes, tmp_path):
    edited = pickle.loads(pickle.dumps(with_nodes))
    before = edited.nodes.copy()
    edited.wv["new"] = np.ones(edited.wv.vector_size, np.float32)
    edited.wv.sort_by_descending_frequency()
    edited.save(tmp_path / "m")
    for model in (edited, Word2Vec.load(tmp_path / "m")):
        np.testing.assert_array_equal(model.nodes, before)
        assert len(model.wv) == len(before) + 2


def test_a_matrix_of_another_objective_is_refused(with_nodes, tmp_path):
    matrix = with_nodes.wv.vectors
    for objective, name in (("softmax", "nodes"), ("hierarchical_softmax", "outside"), (BOTH, "nodes")):
        options = {"objective": objective}
        write_native(tmp_path / "m", keys=with_nodes.wv.index_to_key, center=matrix, options=options, **{name: matrix})
        message = f"objective='{objective}' and the matrix '{name}', which belongs to an"
        with pytest.raises(FormatError, match=re.escape(message)):
            firth.load(tmp_path / "m")


def test_hierarchical_softmax_trains_under_the_block_schedule_on_request():
    assert Word2Vec(objective="hierarchical_softmax", schedule="blocks").options.schedule == "blocks"
    assert Word2Vec(objective="hierarchical_softmax").options.schedule == "hogwild"


def test_a_vocabulary_of_one_word_has_no_tree():
    model = Word2Vec(**SMALL, objective="hierarchical_softmax")
    with pytest.raises(CorpusError, match="vocabulary has 1 word, and hierarchical softmax needs two or more"):
        model.fit([["a", "a"]] * 9, progress=False)


def test_saved_vectors_are_not_a_model(model, tmp_path):
    file = tmp_path / "vectors.firth"
    model.wv.save(file)
    assert isinstance(firth.load(file), KeyedVectors)
    with pytest.raises(FormatError, match=r"vectors without a model: use KeyedVectors\.load"):
        Word2Vec.load(file)


def test_invalid_utf8_is_replaced_counted_and_reported(tmp_path, capsys):
    file = tmp_path / "text.txt"
    file.write_bytes(b"caf\xe9 king queen\n" * 20)
    model = Word2Vec(**SMALL).fit(file, progress=None)
    assert "caf\ufffd" in model.wv
    assert model.corpus["replaced"] == 20
    assert "invalid UTF-8 replaced in 20 words" in capsys.readouterr().err


def many_sentences(n=9000, seed=3):
    """Two topics of 30 words; enough for several blocks of tokens."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 30, (n, 12)) + 30 * rng.integers(0, 2, (n, 1))


@pytest.mark.parametrize("objective", ["negative_sampling", "softmax"])
def test_a_fraction_held_out_gives_the_exact_softmax_loss_of_text_not_trained_on(objective, tmp_path):
    model = Word2Vec(**SMALL | {"epochs": 3}, objective=objective)
    model.fit(many_sentences(), validation=0.3, progress=False)
    losses = [record.validation_loss for record in model.history]
    # A word's topic is all there is to learn: at best 1 of 30 words, without it 1 of 60.
    assert all(np.log(30) - 0.01 < loss < np.log(60) + 0.05 for loss in losses)
    assert losses[-1] < np.log(60) - 0.3
    assert model.history[0].words < 0.9 * 9000 * 12, "a block of four is set aside"
    model.save(tmp_path / "model.firth")
    assert Word2Vec.load(tmp_path / "model.firth").history == without_seconds(model.history)


@pytest.mark.parametrize(
    ("answer", "epochs"), [(True, 1), (np.True_, 1), (1.0, 2), (1, 2), (None, 2), (np.zeros(3), 2), ("stop", 2)]
)
def test_only_true_stops_training(answer, epochs, path):
    model = Word2Vec(**SMALL).fit(path, callbacks=[lambda _: answer], progress=False)
    assert len(model.history) == epochs


class EpochLogger:
    """An object with methods, as gensim's callbacks, which cannot itself be called."""

    def on_epoch_end(self, model):
        raise AssertionError


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (EpochLogger(), "callbacks=<.*EpochLogger .* is not allowed: give a function that takes the model"),
        ("print", "callbacks='print' is not allowed: give a function"),
        (None, "callbacks=None is not allowed: give a function"),
        (5, "callbacks=5 is not allowed: give a function"),
        ([EpochLogger()], r"callbacks\[0\] is <.*EpochLogger .*, of type EpochLogger, which cannot be called"),
        ([print, "print"], r"callbacks\[1\] is 'print', of type str, which cannot be called"),
        ((callback for callback in [print, None]), r"callbacks\[1\] is None, of type NoneType"),
    ],
)
def test_a_callback_that_cannot_be_called_is_refused_before_reading(callbacks, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(**SMALL).fit("there-is-no-such-file", callbacks=callbacks, progress=False)


@pytest.mark.parametrize(
    "several", [lambda f: f, lambda f: [f], lambda f: (f,), lambda f: (f for _ in range(1)), lambda f: iter([f])]
)
def test_one_callback_or_several_are_called_after_every_epoch(several, path):
    epochs = []
    Word2Vec(**SMALL).fit(path, callbacks=several(lambda model: epochs.append(len(model.history))), progress=False)
    assert epochs == [1, 2]


def test_a_model_cannot_be_fitted_while_it_is_being_trained(path):
    refused = []

    def again(model):
        with pytest.raises(FirthError, match="this model is being trained"):
            model.fit(path, progress=False)
        refused.append(len(model.wv))

    model = Word2Vec(**SMALL).fit(path, callbacks=[again], progress=False)
    assert refused == 2 * [len(model.wv)]
    assert len(model.fit(path, progress=False, overwrite=True).history) == 2


def test_a_corpus_that_is_not_text_is_reported(tmp_path):
    file = tmp_path / "corpus"
    noise = np.random.default_rng(3).integers(128, 256, 20_000, np.uint8).tobytes()
    file.write_bytes(noise.replace(b"\x85", b" ") + TEXT.encode())
    with pytest.warns(RuntimeWarning, match="not UTF-8: .*; is the corpus text"):
        Word2Vec(**SMALL).fit(file, progress=False)


def test_another_text_can_be_held_out():
    other = many_sentences(500, seed=9)
    model = Word2Vec(**SMALL, objective="softmax").fit(many_sentences(2000), validation=other, progress=False)
    assert model.history[-1].validation_loss == pytest.approx(model.history[-1].loss, abs=0.1)
    assert Word2Vec(**SMALL).fit(many_sentences(500), progress=False).history[0].validation_loss is None


def test_a_held_out_file_is_read_like_the_corpus(path, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(TEXT.replace(" ", "_"))
    model = Word2Vec(**SMALL).fit(path, validation=path, progress=False)
    split = Word2Vec(**SMALL).fit(other, validation=other, tokenizer=lambda line: line.split("_"), progress=False)
    assert split.history[-1].validation_loss == model.history[-1].validation_loss
    other.write_text(2 * TEXT)
    with pytest.raises(CorpusError, match=f"larger than max_input_bytes={len(TEXT):,}"):
        Word2Vec(**SMALL).fit(path, validation=other, max_input_bytes=len(TEXT), progress=False)


def test_a_wrong_validation_is_refused():
    model = Word2Vec(**SMALL)
    for wrong in (0, 1.0, -0.5, 2):
        with pytest.raises(OptionError, match=r"validation=.* give a fraction between 0 and 1, or a text"):
            model.fit("there-is-no-such-file", validation=wrong, progress=False)
    with pytest.raises(CorpusError, match=r"1 block of tokens, too few to hold out 0\.1 of it"):
        model.fit(many_sentences(100), validation=0.1, progress=False)
    with pytest.raises(CorpusError, match=r"none of the 2 distinct words of the validation text"):
        model.fit(many_sentences(100), validation=[[1000, 1001]], progress=False)


def test_the_reference_trains_the_same_vectors_by_the_softmax_up_to_rounding():
    ids = np.random.default_rng(5).integers(0, 30, (40, 12))
    options = {"vector_size": 8, "min_count": 1, "epochs": 1, "workers": 1, "objective": "softmax"}
    compiled, plain = (Word2Vec(**options).fit(ids, progress=False, kernels=k) for k in ("compiled", "reference"))
    # Rows of unit size after some 5,000 steps of the warm start, each rounded to float32.
    np.testing.assert_allclose(plain.wv.vectors, compiled.wv.vectors, atol=1e-4 * np.abs(compiled.wv.vectors).max())
    assert plain.history[-1].loss == pytest.approx(compiled.history[-1].loss, rel=1e-5)


def test_a_run_cannot_be_resumed_with_other_kernels(tmp_path):
    ids = np.random.default_rng(5).integers(0, 30, (40, 12))
    options = {"vector_size": 8, "min_count": 1, "epochs": 2, "workers": 1}
    Word2Vec(**options).fit(ids, progress=False, checkpoint=tmp_path, callbacks=lambda model: True)
    with pytest.raises(CheckpointError, match="kernels was 'compiled' and is now 'reference'"):
        Word2Vec(**options).fit(ids, progress=False, checkpoint=tmp_path, resume=True, kernels="reference")


def test_unknown_kernels_are_refused_before_training():
    with pytest.raises(OptionError, match="kernels='numpy' is not allowed: give 'compiled' or 'reference'"):
        Word2Vec().fit([["a", "b"]], kernels="numpy")
