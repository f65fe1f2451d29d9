import numpy as np
import pytest
from subwords._slowly import ids_of

from firth import Options
from firth.errors import CorpusError
from firth.text.vocabulary import Vocabulary
from firth.training.subwords.rows import list_rows, scheme_of, shared_change

WORDS = ["the", "강아지", "</s>", "naïve", "a", "then"]


def test_a_word_has_its_own_row_and_those_of_its_ngrams():
    options = Options(subwords=(2, 4), buckets=60)
    lists = list_rows(Vocabulary(WORDS, range(6, 0, -1)), options)
    for w, word in enumerate(WORDS):
        rows = lists.rows[lists.starts[w] : lists.starts[w + 1]]
        assert rows[0] == w
        assert lists.buckets[rows[1:] - 6].tolist() == ids_of(word, scheme_of(options))
    assert lists.n_rows == 6 + len(lists.buckets) == lists.rows.max() + 1
    assert (np.diff(lists.buckets) > 0).all()


def test_a_vocabulary_without_ngrams_has_the_rows_of_its_words_only():
    lists = list_rows(Vocabulary(["a", "b"], [2, 1]), Options(subwords=(5, 6)))
    assert (lists.n_rows, lists.rows.tolist(), lists.starts.tolist()) == (2, [0, 1], [0, 1, 2])


def test_the_shared_change_is_that_of_a_step_on_one_word_of_the_vectors_of_others():
    """A step of length 1 on word w adds 1 to each of its rows, (38); the others move as the mean of theirs does."""
    lists = list_rows(Vocabulary(["word1", "word2", "wording", "sea"], [4, 3, 2, 1]), Options(subwords=(3, 4)))
    weights, rows_of = np.array([0.4, 0.3, 0.2, 0.1]), np.split(lists.rows, lists.starts[1:-1])
    expected = 0.0
    for w, own in enumerate(rows_of):
        rows = np.bincount(own, minlength=lists.n_rows)
        expected += sum(weights[w] * weights[x] * rows[each].mean() for x, each in enumerate(rows_of) if x != w)
    assert 0.1 < shared_change(lists, 7 * weights) == pytest.approx(expected, rel=1e-12)
    apart = list_rows(Vocabulary(["abc", "xyz"], [4, 3]), Options(subwords=(3, 4)))
    assert shared_change(apart, np.ones(2)) == 0


def test_whole_numbers_are_refused_because_they_have_no_characters():
    with pytest.raises(CorpusError, match=r"the corpus holds whole numbers, .*: leave subwords out, or give words"):
        list_rows(Vocabulary([7, 3], [2, 1]), Options(subwords=(3, 6)))
