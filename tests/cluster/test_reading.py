"""Which corpora the members read, which the driver reads for them, and which a cluster cannot train on."""

import io

import numpy as np
import pytest

from firth import OptionError, Pairs, RandomWalks, Word2Vec
from firth.cluster.reading import are_regular_files
from firth.errors import CorpusError
from firth.training.run import Texts


@pytest.fixture
def file(tmp_path):
    (tmp_path / "corpus.txt").write_text("a b c d\n" * 20)
    return tmp_path / "corpus.txt"


def test_members_read_regular_files(file):
    assert are_regular_files(Texts(file))
    assert are_regular_files(Texts([str(file), file.parent]))


@pytest.mark.parametrize("corpus", ["-", [["a", "b"]], {"a": ["b"]}, np.arange(3), io.StringIO("a b"), iter(["a b"])])
def test_the_driver_reads_anything_else(corpus):
    assert not are_regular_files(Texts(corpus))


@pytest.mark.parametrize("corpus", [RandomWalks([("a", "b")]), Pairs(["a"], ["b"])], ids=["RandomWalks", "Pairs"])
def test_a_corpus_that_is_made_anew_in_every_epoch_is_refused(corpus, monkeypatch):
    monkeypatch.setattr("firth.cluster.joining.ask", None)
    name = type(corpus).__name__
    with pytest.raises(OptionError, match=f"a corpus of type {name} is not available on a cluster: it is made anew"):
        Word2Vec(min_count=1).fit(corpus, cluster="auto")


def test_files_that_do_not_exist_are_refused_before_the_cluster_is_joined(tmp_path, monkeypatch):
    monkeypatch.setattr("firth.cluster.joining.ask", None)
    with pytest.raises(CorpusError, match=r"'.*/none\.txt' does not exist"):
        Word2Vec().fit(tmp_path / "none.txt", cluster="auto")


def test_checkpoints_inside_the_corpus_are_refused_before_the_cluster_is_joined(file, monkeypatch):
    monkeypatch.setattr("firth.cluster.joining.ask", None)
    with pytest.raises(OptionError, match="is inside the corpus"):
        Word2Vec().fit(file.parent, cluster="auto", checkpoint=file.parent / "run")
