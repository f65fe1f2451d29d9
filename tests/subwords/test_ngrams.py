import itertools

from hypothesis import given
from hypothesis import strategies as st
from subwords._slowly import fnv, ids_of, ngrams_of

from firth.subwords import NgramScheme
from firth.subwords.ngrams import hash_byte, utf8

WORDS = st.text(st.characters(codec="utf-8") | st.sampled_from("abé語😀<>"), max_size=12)
BUCKETS = st.sampled_from([1, 7, 1000, 2_000_000, 2**31 - 1])
SCHEMES = st.builds(NgramScheme, st.integers(0, 6), st.integers(0, 9), BUCKETS)


def lists_of(words, scheme):
    starts, ids = scheme.lists([utf8(word) for word in words])
    return [ids[first:stop].tolist() for first, stop in itertools.pairwise(starts)]


def test_the_hash_is_fnv_1a():
    """The values of the reference test vectors of FNV (Noll), where bytes below 128 are the same signed or not."""
    for text, expected in {"": 0x811C9DC5, "a": 0xE40C292C, "foobar": 0xBF9CF968}.items():
        value = 2166136261
        for byte in text.encode():
            value = hash_byte(value, byte)
        assert value == expected == fnv(text)


def test_bytes_of_other_scripts_are_taken_as_signed():
    """fastText 0.9.3 uses these rows of a model with 1,000 buckets, as `fasttext print-ngrams` shows."""
    korean, french = [505, 870, 57], [890, 546, 832, 570, 654]
    assert lists_of(["강아지", "naïve"], NgramScheme(3, 3, 1000)) == [korean, french]


def test_ngrams_are_of_characters_and_not_of_bytes():
    assert ngrams_of("語😀", 2, 3) == ["<語", "<語😀", "語😀", "語😀>", "😀>"]
    scheme = NgramScheme(2, 3, 2_000_000)
    assert lists_of(["語😀"], scheme) == [[fnv(part) % 2_000_000 for part in ("<語", "<語😀", "語😀", "語😀>", "😀>")]]


def test_the_word_for_the_end_of_a_sentence_has_no_ngrams():
    assert lists_of(["</s>", "s"], NgramScheme(1, 2, 100))[0] == []


@given(st.lists(WORDS, max_size=5), SCHEMES)
def test_words_have_the_ngrams_of_the_definition(words, scheme):
    assert lists_of(words, scheme) == [ids_of(word, scheme) for word in words]


def test_a_word_with_a_lone_surrogate_has_ngrams():
    assert len(lists_of(["a\ud800b"], NgramScheme(3, 3, 10))[0]) == 3
