"""firth convert --from-gensim: models, vectors and phrases that gensim saved."""

import numpy as np
import pytest
from cli._program import in_a_process

from firth.gensim import KeyedVectors, Phrases, Word2Vec

models = pytest.importorskip("gensim.models")

TEXT = [["new", "york", "is", "big"], ["new", "york", "has", "trains"]] * 10


def converted(theirs, folder, target="converted.firth"):
    theirs.save(str(folder / "theirs"))
    done = in_a_process("convert", "--from-gensim", folder / "theirs", folder / target)
    assert done.code == 0, done.err
    assert "firth: warning: gensim unpickles" in done.err
    assert "which runs any code that the file contains" in done.err
    return folder / target


@pytest.mark.parametrize("options", [{"sg": 1}, {"sg": 0}, {"hs": 1, "negative": 0}, {"hs": 1}])
def test_a_model_keeps_its_matrices_and_can_be_trained(options, tmp_path):
    theirs = models.Word2Vec(TEXT, vector_size=6, min_count=1, sample=0, seed=3, window=4, **options)
    ours = Word2Vec.load(converted(theirs, tmp_path))
    assert ours.wv.index_to_key == theirs.wv.index_to_key
    np.testing.assert_array_equal(ours.wv.vectors, theirs.wv.vectors)
    for name, rows in {"syn1": 5, "syn1neg": 6}.items():
        assert hasattr(ours, name) == hasattr(theirs, name)
        if hasattr(ours, name):
            np.testing.assert_array_equal(getattr(ours, name)[:rows], getattr(theirs, name)[:rows])
    for attribute in ("window", "seed", "sg", "hs", "negative", "corpus_count", "corpus_total_words", "epochs"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    ours.train(TEXT, total_examples=20, epochs=1)


def test_vectors_are_written_in_any_format(tmp_path):
    theirs = models.Word2Vec(TEXT, vector_size=6, min_count=1).wv
    for target in ("v.firth", "v.txt"):
        ours = KeyedVectors.load(converted(theirs, tmp_path, target))
        np.testing.assert_array_equal(ours["york"], theirs["york"])


def test_phrases_join_as_before(tmp_path):
    theirs = models.Phrases(TEXT, min_count=2, threshold=0.5, connector_words={"of"})
    for each in (theirs, theirs.freeze()):
        ours = Phrases.load(converted(each, tmp_path))
        assert ours.export_phrases() == pytest.approx(theirs.export_phrases())
        assert list(ours[TEXT]) == list(theirs[TEXT])


def test_what_is_no_model_of_words_is_refused(tmp_path):
    models.FastText(TEXT, vector_size=6, min_count=1, bucket=10).save(str(tmp_path / "fasttext"))
    done = in_a_process("convert", "--from-gensim", tmp_path / "fasttext", tmp_path / "out.firth")
    assert done.code == 1
    assert "holds a FastText: for FastText call save_facebook_model in gensim" in done.err
    (tmp_path / "text").write_text("words")
    done = in_a_process("convert", "--from-gensim", tmp_path / "text", tmp_path / "out.firth")
    assert done.code == 1
    assert "gensim cannot read" in done.err
    assert not (tmp_path / "out.firth").exists()
