import os
import sys
import threading

import numpy as np
import pytest
from _gensims import in_gensim

from firth.errors import FormatError, MissingExtraError, OptionError
from firth.evaluation import evaluate_word_analogies, evaluate_word_pairs
from firth.vectors import KeyedVectors, search

D = 10


def words_with_case_variants(rng, n):
    """Return n different words over a small alphabet, many differing only in case."""
    words = {"".join(rng.choice(list("abAB"), size=3)) for _ in range(20 * n)}
    return list(rng.permutation(sorted(words)))[:n]


def both(seed, n=50):
    """Return the same vectors as ours and gensim's; case variants lie close, as they do in real vectors."""
    rng = np.random.default_rng(seed)
    words = [str(word) for word in words_with_case_variants(rng, n)]
    base = {word.upper(): rng.normal(size=D) for word in words}
    matrix = np.array([base[word.upper()] + 0.1 * rng.normal(size=D) for word in words], dtype=np.float32)
    return KeyedVectors(words, matrix), in_gensim(words, matrix), rng


def question_file(path, wv, rng, n=300):
    """Write questions of which about half are answerable, with unknown words and lines that are none."""
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
def test_analogies_are_gensims(tmp_path, case_insensitive, dummy4unknown, restrict_vocab):
    options = (restrict_vocab, case_insensitive, dummy4unknown)
    for seed in range(3):
        wv, theirs, rng = both(seed)
        path = question_file(tmp_path / "questions", wv, rng)
        ours = wv.evaluate_word_analogies(path, *options)
        expected = theirs.evaluate_word_analogies(str(path), *options)
        assert ours == expected
        assert len(ours.sections[-1]["correct"]) > 10  # so there is something to agree on
        assert len(ours.sections[-1]["incorrect"]) > 10


def test_answers_do_not_depend_on_the_size_of_the_block(tmp_path, monkeypatch):
    wv, _, rng = both(5)
    path = question_file(tmp_path / "questions", wv, rng)
    whole = evaluate_word_analogies(wv, path)
    monkeypatch.setattr(search, "_FEWEST_ROWS", 1)
    for rows, cosines in ((7, 10**6), (1000, 3 * len(wv))):
        monkeypatch.setattr(search, "_ANALOGY_ROWS", rows)
        monkeypatch.setattr(search, "_COSINES", cosines)
        assert evaluate_word_analogies(wv, path) == whole


def test_the_similarity_function_is_honoured(tmp_path):
    wv, _, rng = both(6)
    path = question_file(tmp_path / "questions", wv, rng)
    result = wv.evaluate_word_analogies(path, case_insensitive=False, similarity_function="most_similar_cosmul")
    for question, is_right in [
        *((question, True) for question in result.sections[-1]["correct"]),
        *((question, False) for question in result.sections[-1]["incorrect"]),
    ]:
        a, b, c, d = question
        best = [word for word, _ in wv.most_similar_cosmul([b, c], [a], topn=1)]
        assert (best == [d]) == is_right, question
    added = wv.evaluate_word_analogies(path, case_insensitive=False)
    assert added.covered == result.covered
    assert added.sections != result.sections  # or the option would change nothing
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


def test_coverage_and_what_was_skipped_are_reported(tmp_path):
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


def test_nothing_covered_scores_zero(tmp_path):
    path = tmp_path / "questions"
    path.write_text(": a\nhe she king queen\n")
    result = planted().evaluate_word_analogies(path)
    assert (result.score, result.covered, result.total) == (0.0, 0, 1)


def test_a_vocabulary_of_nothing_but_the_question_has_no_answer(tmp_path):
    path = tmp_path / "questions"
    path.write_text(": a\na b c a\n")
    wv = KeyedVectors(["a", "b", "c"], np.eye(3, dtype=np.float32))
    assert wv.evaluate_word_analogies(path).sections[0]["incorrect"] == [("A", "B", "C", "A")]


def test_zero_and_broken_vectors_are_no_answers(tmp_path):
    wv = planted()
    odd = np.array([[0, 0, 0, 0], [np.nan, 1, 1, 1], [np.inf, 0, 0, 0]], dtype=np.float32)
    wv = KeyedVectors([*wv.index_to_key, "zero", "nan", "inf"], np.vstack([wv.vectors, odd]))
    path = tmp_path / "questions"
    path.write_text(": a\nman woman king queen\nzero woman king queen\n")
    assert wv.evaluate_word_analogies(path).score == 1.0


def test_files_that_hold_no_questions(tmp_path):
    path = tmp_path / "questions"
    path.write_text("man woman king queen\n")
    with pytest.raises(FormatError, match="line 1: a question before any section"):
        planted().evaluate_word_analogies(path)
    path.write_text(": a\nno questions\n")
    with pytest.raises(FormatError, match="holds no questions"):
        planted().evaluate_word_analogies(path)
    path.write_bytes(b": a\n\xff\xff\n")
    with pytest.raises(FormatError, match="is not utf8"):
        planted().evaluate_word_analogies(path)


# --- word pairs


def pair_file(path, wv, rng, delimiter="\t", head="", tail=""):
    lines = [head] if head else []
    for _ in range(60):
        first = second = str(rng.choice(wv.index_to_key))
        while first.upper() == second.upper():  # cosines of 1 are ties, which gensim breaks by rounding
            second = str(rng.choice(wv.index_to_key))
        lines.append(f"{first}{delimiter}{second}{delimiter}{rng.uniform(0, 10):.2f}{tail}")
    lines.insert(20, f"unknown{delimiter}{wv.index_to_key[0]}{delimiter}5.0{tail}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300000, 40])
@pytest.mark.parametrize(("delimiter", "head"), [("\t", ""), ("\t", "# comment"), (",", "word1,word2,score")])
def test_pairs_are_gensims(tmp_path, case_insensitive, dummy4unknown, restrict_vocab, delimiter, head):
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
        # Rare Words: two words, the mean, then each judge's score
        ("".join(line + "\t9\t0\t3\n" for line in PLAIN.splitlines()), "\t"),
        # SimLex-999: a header, and a part of speech before the score
        ("word1\tword2\tPOS\tSimLex999\tconc\n" + PLAIN.replace("\t5", "\tN\t5").replace("\t2", "\tA\t2")
         .replace("\t1", "\tV\t1").replace("\t4", "\tN\t4").replace("\n", "\t8\n"), "\t"),
        # MEN's lemma form
        ("sun-n sunlight-n 5.0\nmoon-n river-n 2.5\nbank-n run-v 1\nsun-n moon-n 4\n", None),
    ],
)  # fmt: skip
def test_every_files_way_of_writing_the_same_pairs_gives_the_same_result(tmp_path, text, delimiter):
    wv = similar_words()
    (tmp_path / "plain").write_text(PLAIN)
    (tmp_path / "pairs").write_bytes(text.encode())
    result = wv.evaluate_word_pairs(tmp_path / "pairs", delimiter)
    assert result == wv.evaluate_word_pairs(tmp_path / "plain")
    assert (result.covered, result.total, result.skipped) == (4, 4, [])


def test_a_suffix_that_only_some_words_have_is_part_of_the_word(tmp_path):
    (tmp_path / "pairs").write_text(PLAIN + "sun-n\tmoon\t1\n")
    assert similar_words().evaluate_word_pairs(tmp_path / "pairs").covered == 4


def test_malformed_lines_are_counted(tmp_path):
    (tmp_path / "pairs").write_text(
        "a\tb\tscore\n" + PLAIN + "sun\tmoon\nsun\tmoon\tmuch\nsun\tmoon\tnan\n\n\trun\t2\n"
    )
    result = similar_words().evaluate_word_pairs(tmp_path / "pairs")
    assert result.skipped == [6, 7, 8, 10]
    assert result.total == 4


def test_files_without_usable_pairs_say_why(tmp_path):
    path = tmp_path / "pairs"
    path.write_text(PLAIN.replace("\t", ";"))
    with pytest.raises(FormatError, match=r"no line among .* is two words and a score with '\\t' between"):
        similar_words().evaluate_word_pairs(path)
    path.write_text("he\tshe\t1\nsun\tmoon\t2\n")
    with pytest.raises(FormatError, match="in 1 of 2 pairs"):
        similar_words().evaluate_word_pairs(path)
    path.write_text("")
    with pytest.raises(FormatError, match="holds no pairs"):
        similar_words().evaluate_word_pairs(path, None)
    path.write_text("a\tb\t1\n" + "x" * (1 << 20) + "\n")
    with pytest.raises(FormatError, match="line 2 has 1048576 letters or more"):
        similar_words().evaluate_word_pairs(path)
    with pytest.raises(OptionError, match="encoding='klingon'"):
        similar_words().evaluate_word_pairs(path, None, "klingon")


def test_pairs_may_come_from_a_pipe_that_can_be_read_once(tmp_path):
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
        evaluate_word_pairs(similar_words(), tmp_path / "pairs")
