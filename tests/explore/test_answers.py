"""Answers to questions: they are those of `KeyedVectors`, for any word."""

import json

import numpy as np
import pytest

from explore._models import ODD, SCRIPTS, WORDS, counts
from firth import KeyedVectors, Word2Vec
from firth.explore.answers import Answers, Search
from firth.explore.explored import Explored

ALL = Search(5, None)


@pytest.fixture(scope="module")
def answers(subject):
    return Answers(subject)


def pairs(found: list[dict]) -> list[tuple[str, float]]:
    return [(item["word"], item["score"]) for item in found]


def test_the_overview_has_the_sizes_and_questions_that_can_be_answered(answers):
    overview = answers.overview()
    assert (overview["words"], overview["dimensions"], overview["counts"], overview["outside"]) == (
        len(WORDS),
        8,
        True,
        True,
    )
    assert overview["examples"] == ["king - man + woman"]
    assert answers.ask(overview["examples"][0], ALL)["kind"] == "equation"


def test_a_vocabulary_without_the_examples_offers_words_of_its_own():
    model = Explored("test", KeyedVectors([f"w{i}" for i in range(9)], np.eye(9, dtype=np.float32)))
    examples = Answers(model).overview()["examples"]
    assert len(examples) == 3
    assert all(Answers(model).ask(text, ALL)["kind"] == "word" for text in examples)
    empty = Explored("empty", KeyedVectors([], np.zeros((0, 3), np.float32)))
    assert Answers(empty).overview()["examples"] == []


def test_a_word_has_its_neighbours_by_both_vectors_and_its_numbers(answers, subject):
    answer = answers.ask("king", ALL)
    assert (answer["kind"], answer["word"], answer["row"], answer["count"]) == ("word", "king", 1, counts()[1])
    assert answer["share"] == pytest.approx(counts()[1] / counts().sum())
    assert answer["norm"] == pytest.approx(1)
    assert pairs(answer["neighbours"]) == subject.vectors.most_similar("king", topn=5)
    assert pairs(answer["outside"]["neighbours"]) == subject.outside.most_similar("king", topn=5)
    assert [item["score"] for item in answer["predicted"]] == sorted(
        (i["score"] for i in answer["predicted"]), reverse=True
    )


def test_the_line_of_python_gives_the_same_words(answers, subject):
    for text, place in [
        ("king", "neighbours"),
        ("king - man + woman", "added"),
        ("man > woman", "high"),
        *((word, "neighbours") for word in ODD),
    ]:
        for search in (ALL, Search(3, 20)):
            answer = answers.ask(text, search)
            assert pairs(answer[place]) == eval(answer["python"], {"wv": subject.vectors}), answer["python"]


def test_the_parts_of_a_cosine_sum_to_it(answers):
    answer = answers.ask("king - man + woman", ALL)
    assert answer["added"][0]["word"] == "queen"
    for item in answer["added"]:
        assert sum(item["parts"]) == pytest.approx(item["score"], abs=1e-6)  # the cosine is computed in float32
    assert [term["weight"] for term in answer["terms"]] == [1, -1, 1]


def test_products_are_those_of_cosmul_and_need_a_positive_word(answers, subject):
    answer = answers.ask("king - man + woman", ALL)
    assert pairs(answer["multiplied"]) == subject.vectors.most_similar_cosmul(["king", "woman"], ["man"], topn=5)
    assert answers.ask("- man", ALL)["multiplied"] == []


def test_an_axis_has_words_at_both_ends(answers, subject):
    answer = answers.ask("man > woman", ALL)
    assert pairs(answer["high"]) == subject.vectors.most_similar(["woman"], ["man"], topn=5)
    assert pairs(answer["low"]) == subject.vectors.most_similar(["man"], ["woman"], topn=5)


def test_an_unknown_word_is_answered_by_near_spellings(answers):
    answer = answers.ask("kign - man + womn", ALL)
    assert answer["kind"] == "unknown"
    assert [part["word"] for part in answer["words"]] == ["kign", "womn"]
    assert "king" in [item["word"] for item in answer["words"][0]["near"]]
    assert "woman" in [item["word"] for item in answer["words"][1]["near"]]


def test_suggestions_are_prefixes_by_frequency_and_then_near_words(answers):
    assert [item["word"] for item in answers.suggest("king")] == ["king", "kingdom", "Kings", "kong", "knig", "kin"]
    assert [item["word"] for item in answers.suggest("KINGS")] == ["Kings", "king"]
    assert answers.suggest("") == []
    assert len(answers.suggest("f")) == 8


@pytest.mark.parametrize("word", [*SCRIPTS, *ODD])
def test_every_word_can_be_asked_for_as_it_is(answers, word):
    answer = answers.ask(word, ALL)
    assert (answer["kind"], answer["word"], answer["row"]) == ("word", word, WORDS.index(word))
    json.dumps(answer, allow_nan=False)


def test_whole_numbers_as_keys_are_words_too():
    vectors = KeyedVectors([30, 7, 12], np.array([[1, 0], [1, 0.1], [0, 1]], np.float32))
    answers = Answers(Explored("numbers", vectors))
    assert pairs(answers.ask("30", ALL)["neighbours"]) == [("7", pytest.approx(0.995, abs=1e-3)), ("12", 0.0)]
    assert answers.ask("7 - 30", ALL)["python"] == "wv.most_similar(positive=[7], negative=[30], topn=5)"
    assert answers.ask("8", ALL)["kind"] == "unknown"


def test_vectors_that_are_not_finite_are_valid_json():
    vectors = KeyedVectors(["a", "b", "zero"], np.array([[1, 0], [np.nan, np.inf], [0, 0]], np.float32))
    model = Explored("bad", vectors, KeyedVectors(["a", "b", "zero"], vectors.vectors), {})
    for text in ("a", "b", "zero", "a - b", "a > zero", "zero > a", "a - a"):
        with np.errstate(invalid="ignore"):
            json.dumps(Answers(model).ask(text, ALL), allow_nan=False)


def test_n_grams_make_vectors_of_unknown_words_but_not_of_equations():
    texts = [["king", "queen", "kings", "queens", "man", "woman"]] * 50
    model = Word2Vec(
        subwords=(3, 4), buckets=500, vector_size=8, min_count=1, epochs=1, schedule="hogwild", workers=1, sample=0
    )
    answers = Answers(Explored("subwords", model.fit(texts, progress=False).wv))
    answer = answers.ask("kingly", ALL)
    assert (answer["kind"], answer["row"], len(answer["neighbours"])) == ("word", None, 5)
    assert answers.ask("kingly - man", ALL)["kind"] == "equation"


def test_an_empty_vocabulary_has_no_answers():
    answers = Answers(Explored("empty", KeyedVectors([], np.zeros((0, 3), np.float32))))
    assert answers.ask("king", ALL) == {"kind": "unknown", "text": "king", "words": [{"word": "king", "near": []}]}
    assert answers.suggest("king") == []
