"""Analogies and word pairs, against gensim."""

import os
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import FormatError, MissingExtraError, OptionError
from firth.vectors import KeyedVectors, search
from vectors._gensim import in_gensim

D = 10


def both(seed, n=50):
    """Return the same vectors in firth and in gensim; spellings that differ in case are near each other."""
    rng = np.random.default_rng(seed)
    spellings = sorted({"".join(rng.choice(list("abAB"), size=3)) for _ in range(20 * n)})
    words = [str(word) for word in rng.permutation(spellings)][:n]
    base = {word.upper(): rng.normal(size=D) for word in words}
    matrix = np.array([base[word.upper()] + 0.1 * rng.normal(size=D) for word in words], dtype=np.float32)
    return KeyedVectors(words, matrix), in_gensim(words, matrix), rng


def question_file(path, wv, rng, n=300):
    """Write questions of which about half are answered correctly, with unknown words and malformed lines."""
    lines = [": first part"]
    for i in range(n):
        a, b, c = (str(word) for word in rng.choice(wv.index_to_key, 3))
        d = wv.most_similar([b, c], [a], topn=3)[rng.integers(3)][0] if i % 3 else str(rng.choice([a, "unknown"]))
        lines.append(" ".join(rng.permutation([a, b, c, d]).tolist() if i % 10 == 0 else [a, b, c, d]))
    lines[100:100] = [": second part", "three words only", ""]
    lines[200:200] = [": empty part", ": third part", "five words are not four"]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300000, 30, None])
def test_analogies_equal_gensim(tmp_path, case_insensitive, dummy4unknown, restrict_vocab):
    options = (restrict_vocab, case_insensitive, dummy4unknown)
    for seed in range(3):
        wv, theirs, rng = both(seed)
        path = question_file(tmp_path / "questions", wv, rng)
        ours = wv.evaluate_word_analogies(path, *options)
        expected = theirs.evaluate_word_analogies(str(path), *options)
        assert ours == expected
        assert len(ours.sections[-1]["correct"]) > 10
        assert len(ours.sections[-1]["incorrect"]) > 10


def test_the_size_of_blocks_does_not_change_answers(tmp_path, monkeypatch):
    wv, _, rng = both(5)
    path = question_file(tmp_path / "questions", wv, rng)
    whole = wv.evaluate_word_analogies(path)
    monkeypatch.setattr(search, "_FEWEST_ROWS", 1)
    for rows, cosines in ((7, 10**6), (1000, 3 * len(wv))):
        monkeypatch.setattr(search, "_ANALOGY_ROWS", rows)
        monkeypatch.setattr(search, "_COSINES", cosines)
        assert wv.evaluate_word_analogies(path) == whole


def test_answers_follow_the_similarity_function(tmp_path):
    wv, _, rng = both(6)
    path = question_file(tmp_path / "questions", wv, rng)
    result = wv.evaluate_word_analogies(path, case_insensitive=False, similarity_function="most_similar_cosmul")
    for verdict in ("correct", "incorrect"):
        for a, b, c, d in result.sections[-1][verdict]:
            [(best, _)] = wv.most_similar_cosmul([b, c], [a], topn=1)
            assert (best == d) == (verdict == "correct")
    added = wv.evaluate_word_analogies(path, case_insensitive=False)
    assert added.covered == result.covered
    assert added.sections != result.sections
    with pytest.raises(OptionError, match="similarity_function='cosine' is not allowed: give 'most_similar' or"):
        wv.evaluate_word_analogies(path, similarity_function="cosine")


@pytest.mark.parametrize("function", ["most_similar", "most_similar_cosmul"])
def test_analogies_in_half_precision(tmp_path, function):
    wv, _, rng = both(7)
    path = question_file(tmp_path / "questions", wv, rng)
    half = wv.astype(np.float16)
    exact = KeyedVectors(wv.index_to_key, half.vectors.astype(np.float32))
    ours, expected = (x.evaluate_word_analogies(path, similarity_function=function) for x in (half, exact))
    assert ours == expected


def planted():
    """Return vectors where w(i+1) - w(i) is the same for each pair of rows."""
    names = ["man", "woman", "king", "queen", "boy", "girl"]
    rows = [[1, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 1, 1]]
    return KeyedVectors(names, np.array(rows, dtype=np.float32))


def test_coverage_and_skipped_lines_are_reported(tmp_path):
    path = tmp_path / "questions"
    path.write_text(
        ": a\nman woman king queen\nMan Woman Boy Girl\nman woman he she\n: b\n\nman woman\nman woman he she\n"
    )
    result = planted().evaluate_word_analogies(path)
    assert result.score == 1.0
    assert result.coverage == [("a", 2, 3), ("b", 0, 1), ("Total accuracy", 2, 4)]
    assert (result.covered, result.total) == (2, 4)
    assert result.skipped == [7]
    _, sections = result
    assert sections[0]["correct"] == [("MAN", "WOMAN", "KING", "QUEEN"), ("MAN", "WOMAN", "BOY", "GIRL")]
    assert [section["section"] for section in sections] == ["a", "b", "Total accuracy"]
    assert planted().evaluate_word_analogies(path, dummy4unknown=True).score == 0.5


@pytest.mark.parametrize(
    ("wv", "question", "expected"),
    [
        (planted(), "he she king queen", (0.0, 0, 1)),  # nothing covered
        (KeyedVectors(["a", "b", "c"], np.eye(3)), "a b c a", (0.0, 1, 1)),  # no words but those of the question
    ],
)
def test_questions_without_an_answer(tmp_path, wv, question, expected):
    (tmp_path / "questions").write_text(f": a\n{question}\n")
    result = wv.evaluate_word_analogies(tmp_path / "questions")
    assert (result.score, result.covered, result.total) == expected


def test_zero_and_broken_vectors_are_never_answers(tmp_path):
    wv = planted()
    wv[["zero", "nan", "inf"]] = [[0, 0, 0, 0], [np.nan, 1, 1, 1], [np.inf, 0, 0, 0]]
    (tmp_path / "questions").write_text(": a\nman woman king queen\nzero woman king queen\n")
    assert wv.evaluate_word_analogies(tmp_path / "questions").score == 1.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"man woman king queen\n", "line 1: a question before the first section"),
        (b": a\nno questions\n", "has no questions"),
        (b": a\n\xff\xff\n", "is not utf8"),
    ],
)
def test_files_without_questions_are_errors(tmp_path, content, message):
    (tmp_path / "questions").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        planted().evaluate_word_analogies(tmp_path / "questions")


# --- word pairs


def pair_file(path, wv, rng, delimiter="\t", head="", tail=""):
    lines = [head] if head else []
    for _ in range(60):
        first = second = str(rng.choice(wv.index_to_key))
        while first.upper() == second.upper():  # cosines of 1 are ties, whose order in gensim depends on rounding
            second = str(rng.choice(wv.index_to_key))
        lines.append(f"{first}{delimiter}{second}{delimiter}{rng.uniform(0, 10):.2f}{tail}")
    lines.insert(20, f"unknown{delimiter}{wv.index_to_key[0]}{delimiter}5.0{tail}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300000, 40])
@pytest.mark.parametrize(("delimiter", "head"), [("\t", ""), ("\t", "# comment"), (",", "word1,word2,score")])
def test_pairs_equal_gensim(tmp_path, case_insensitive, dummy4unknown, restrict_vocab, delimiter, head):
    wv, theirs, rng = both(3)
    path = pair_file(tmp_path / "pairs", wv, rng, delimiter, head)
    options = (delimiter, "utf8", restrict_vocab, case_insensitive, dummy4unknown)
    ours = wv.evaluate_word_pairs(path, *options)
    pearson, spearman, oov = theirs.evaluate_word_pairs(str(path), *options)
    np.testing.assert_allclose(ours.pearson, tuple(pearson), atol=1e-6)  # gensim's cosines are float32
    np.testing.assert_allclose(ours.spearman, tuple(spearman), atol=1e-9)
    assert ours.oov_ratio == pytest.approx(oov)
    assert ours.total == 61
    assert ours.covered == round(61 * (1 - oov / 100))
    assert ours.skipped == []
    assert tuple(ours) == (ours.pearson, ours.spearman, ours.oov_ratio)


def similar_words():
    rng = np.random.default_rng(0)
    words = ["sun", "sunlight", "moon", "river", "bank", "run"]
    return KeyedVectors(words, rng.normal(size=(6, 4)).astype(np.float32))


PLAIN = "sun\tsunlight\t5.0\nmoon\triver\t2.5\nbank\trun\t1\nsun\tmoon\t4\n"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        (PLAIN, "\t"),
        (PLAIN, None),
        (PLAIN.replace("\t", " "), None),
        (PLAIN.replace("\t", "  "), None),
        (PLAIN.replace("\t", ", "), None),
        ("\ufeff" + PLAIN.replace("\n", "\r\n"), None),
        # Rare Words: two words, the mean score, then single scores
        ("".join(line + "\t9\t0\t3\n" for line in PLAIN.splitlines()), "\t"),
        # SimLex-999: a header, and a part of speech before the score
        ("word1\tword2\tPOS\tSimLex999\tconc\n" + PLAIN.replace("\t5", "\tN\t5").replace("\t2", "\tA\t2")
         .replace("\t1", "\tV\t1").replace("\t4", "\tN\t4").replace("\n", "\t8\n"), "\t"),
        # MEN's lemma form
        ("sun-n sunlight-n 5.0\nmoon-n river-n 2.5\nbank-n run-v 1\nsun-n moon-n 4\n", None)
    ]
)  # fmt: skip
def test_every_layout_of_the_same_pairs_gives_the_same_result(tmp_path, text, delimiter):
    wv = similar_words()
    (tmp_path / "plain").write_text(PLAIN)
    (tmp_path / "pairs").write_bytes(text.encode())
    result = wv.evaluate_word_pairs(tmp_path / "pairs", delimiter)
    assert result == wv.evaluate_word_pairs(tmp_path / "plain")
    assert (result.covered, result.total, result.skipped) == (4, 4, [])


def test_a_tag_that_only_some_words_have_is_part_of_the_word(tmp_path):
    (tmp_path / "pairs").write_text(PLAIN + "sun-n\tmoon\t1\n")
    assert similar_words().evaluate_word_pairs(tmp_path / "pairs").covered == 4


def test_malformed_lines_are_counted(tmp_path):
    (tmp_path / "pairs").write_text(
        "a\tb\tscore\n" + PLAIN + "sun\tmoon\nsun\tmoon\tmuch\nsun\tmoon\tnan\n\n\trun\t2\n"
    )
    result = similar_words().evaluate_word_pairs(tmp_path / "pairs")
    assert result.skipped == [6, 7, 8, 10]
    assert result.total == 4


@pytest.mark.parametrize(
    ("content", "delimiter", "message"),
    [
        (PLAIN.replace("\t", ";").encode(), "\t", r"none of .* lines is two words and a score separated by '\\t'"),
        (b"he\tshe\t1\nsun\tmoon\t2\n", "\t", "in 1 of 2 pairs"),
        (b"", None, "has no word pairs"),
        (b"a\tb\tnan\n", "\t", "has no word pairs"),
        (b"a\tb\t1\n" + b"x" * (1 << 20) + b"\n", "\t", "line 2 has 1,048,576 characters or more"),
        (b"a\tb\t\xff\n", "\t", "is not utf8"),
    ],
)
def test_files_without_usable_pairs_are_errors(tmp_path, content, delimiter, message):
    (tmp_path / "pairs").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        similar_words().evaluate_word_pairs(tmp_path / "pairs", delimiter)


def test_the_encoding_of_pairs_is_checked(tmp_path):
    (tmp_path / "pairs").write_text(PLAIN)
    with pytest.raises(FormatError, match="is not utf-16"):
        similar_words().evaluate_word_pairs(tmp_path / "pairs", encoding="utf-16")
    with pytest.raises(OptionError, match="encoding='klingon'"):
        similar_words().evaluate_word_pairs(tmp_path / "pairs", encoding="klingon")


@given(st.binary(max_size=100) | st.text(": abc\t1.\n#", max_size=60).map(str.encode))
def test_any_bytes_are_evaluated_or_refused(tmp_path_factory, content):
    path, wv = tmp_path_factory.getbasetemp() / "set", KeyedVectors(["a", "b", "c"], np.eye(3) + 1)
    path.write_bytes(content)
    for evaluate in (wv.evaluate_word_pairs, wv.evaluate_word_analogies):
        with suppress(FormatError):
            evaluate(path, dummy4unknown=True)


def test_pairs_are_read_from_a_pipe(tmp_path):
    path, pipe = tmp_path / "pairs", tmp_path / "pipe"
    path.write_text(PLAIN)
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_text(PLAIN))
    writing.start()
    assert similar_words().evaluate_word_pairs(pipe, None) == similar_words().evaluate_word_pairs(path, None)
    writing.join()


def test_without_scipy_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    (tmp_path / "pairs").write_text(PLAIN)
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[eval\]'"):
        similar_words().evaluate_word_pairs(tmp_path / "pairs")
