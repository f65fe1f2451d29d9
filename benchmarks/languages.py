"""Defines artificial languages with the statistics of raw Korean and of English, for texts of any size.

Every word is a stem, an ending and a mark. Stems and endings are drawn by Zipf-Mandelbrot laws. Korean stems take
particles or verb endings and punctuation, so that a frequent stem occurs in hundreds of forms, while most of the
distinct words of a text occur only once or twice. English words are stems without endings.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Strings = NDArray[np.uint8]
"""One string of UTF-8 in each row; NUL bytes are padding."""
Numbers = NDArray[np.int64]


class Zipf(NamedTuple):
    """A Zipf-Mandelbrot law: rank r = 0, 1, ..., ranks - 1 has a probability proportional to (r + shift)^-power."""

    ranks: int
    power: float
    shift: float

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, int]) -> Numbers:
        """Return ranks drawn by inverting the distribution function of the continuous law."""
        exponent = 1 - self.power
        low, high = self.shift**exponent, (self.ranks + self.shift) ** exponent
        drawn = (low + rng.random(shape) * (high - low)) ** (1 / exponent) - self.shift
        return np.minimum(drawn.astype(np.int64), self.ranks - 1)


class Language(NamedTuple):
    """The parts of words, and how often each occurs.

    `endings` holds a block of `ending_law.ranks` rows for each kind of stem, each in order of frequency; stem s is of
    kind `kinds[s % len(kinds)]`.
    """

    stems: Strings
    stem_law: Zipf
    endings: Strings
    ending_law: Zipf
    kinds: Numbers
    marks: Strings
    """What follows a word: the last mark ends every line, the others have the probabilities `mark_shares`."""
    mark_shares: list[float]
    line_words: int
    """The mean number of words in a line."""


def _syllable(lead: str, vowel: str, tail: str) -> str:
    """Return the Hangul syllable made of the first letter of `lead`, the vowel of `vowel` and the rest of `tail`."""
    first, of_lead, of_vowel = ord("가"), 588, 28  # syllables with the same first letter, and with the same vowel too
    place = (ord(lead) - first) // of_lead * of_lead
    place += (ord(vowel) - first) % of_lead // of_vowel * of_vowel
    return chr(first + place + (ord(tail) - first) % of_vowel)


SUFFIXES = "들 적 하기 성 화 인 들만 상 간 별 측 씩 쪽 형 께 님 용 식 권"
PARTICLES = (
    "을 의 이 에 는 를 은 가 로 에서 으로 와 과 도 에는 에서는 만 까지 부터 에게 으로는 처럼 보다 이나 에도 "
    "라는 이라고 마다 조차 에서의 으로부터"
)
TENSES = "었 하 았 했 되 겠 시 됐 하였 히 기 리 셨 이었 우 지않 려하 고있 어지"
VERB_ENDINGS = (
    "다 는 고 은 을 지 면 서 며 던 기 게 니 도록 지만 는데 거나 려고 습니다 으면서 자 음 으나 므로 는지 "
    "다가 니까 네 어야 든지 는다"
)
NOUN, VERB = 0, 1
LEADS, VOWELS, TAILS = "가나다라마바사아자차카타파하", "아애야어에여오요우유으이", "아악안알암압앙"
SYLLABLES = [_syllable(*parts) for parts in product(LEADS, VOWELS, TAILS)]


def korean(seed: int) -> Language:
    """Return a language of which 77 million words take 823 MB and have 8.6 million distinct forms."""
    rng = np.random.default_rng([seed, 0])
    syllables = [str(syllable) for syllable in rng.permutation(SYLLABLES)]
    stem_law = Zipf(3_000_000, 1.36, 32)
    stems = _spelled(rng, [syllables, syllables], stem_law.ranks, {1: 1.2, 100: 1.7, 10_000: 2.35, 3_000_000: 3.3})
    endings = [
        _joined(["", *SUFFIXES.split()], ["", *PARTICLES.split()]),
        _joined(["", *TENSES.split()], VERB_ENDINGS.split()),
    ]
    each = min(map(len, endings))
    return Language(
        stems=stems,
        stem_law=stem_law,
        endings=_strings([*endings[NOUN][:each], *endings[VERB][:each]]),
        ending_law=Zipf(each, 1.43, 1.5),
        kinds=np.array([NOUN, VERB, NOUN, NOUN, VERB, NOUN, NOUN, VERB, NOUN, NOUN]),
        marks=_strings([" ", ", ", "’ ", ".\n"]),
        mark_shares=[0.96, 0.035, 0.005],
        line_words=15,
    )


def english(seed: int) -> Language:
    """Return a language whose words have the lengths and the frequencies of English, without case and punctuation."""
    rng = np.random.default_rng([seed, 0])
    law = Zipf(1_000_000, 1.35, 6)
    lengths = {1: 2.6, 20: 3.8, 100: 5.5, 600: 7.0, 3_000: 8.0, 30_000: 8.3, 1_000_000: 8.5}
    return Language(
        stems=_spelled(rng, [list("tnsrldhcmfpgwybvk"), list("eaoiu")], law.ranks, lengths),
        stem_law=law,
        endings=_strings([""]),
        ending_law=Zipf(1, 1.5, 1.0),
        kinds=np.array([NOUN]),
        marks=_strings([" ", "\n"]),
        mark_shares=[1.0],
        line_words=24,
    )


LANGUAGES = {"english": english, "korean": korean}


def _joined(first: list[str], second: list[str]) -> list[str]:
    """Return the distinct strings a + b, those of the first a and b of the lists first."""
    pairs = sorted(product(range(len(first)), range(len(second))), key=lambda pair: (pair[0] + 1) * (pair[1] + 1))
    return list(dict.fromkeys(first[a] + second[b] for a, b in pairs))


def _strings(texts: list[str]) -> Strings:
    encoded = np.array([text.encode() for text in texts])
    return encoded.view(np.uint8).reshape(len(texts), -1)


def _spelled(rng: np.random.Generator, alphabets: list[list[str]], count: int, lengths: dict[int, float]) -> Strings:
    """Return `count` distinct words, spelled with letters of the two alphabets in turn.

    `lengths` holds the mean number of letters at some ranks, in ascending order.
    """
    drawn = count + count // 4  # short words are drawn more than once
    means = np.interp(np.log(np.arange(1, drawn + 1)), np.log(list(lengths)), list(lengths.values()))
    letters = _letters(rng, alphabets, np.maximum(1, rng.normal(means, means / 4).round().astype(np.int64)))
    words = letters[_first_occurrences(rng, letters)[:count]]
    return _strings(["", *alphabets[0], *alphabets[1]])[words].reshape(count, -1)


def _letters(rng: np.random.Generator, alphabets: list[list[str]], lengths: Numbers) -> Numbers:
    """Return a word in each row: the numbers of its letters, those of the second alphabet after the first, or 0."""
    shape = (len(lengths), int(lengths.max()))
    first, second = (Zipf(len(alphabet), 0.8, 5).draw(rng, shape) for alphabet in alphabets)
    place = np.arange(shape[1])
    is_first = (place + rng.integers(2, size=(shape[0], 1))) % 2 == 0
    letters = 1 + np.where(is_first, first, len(alphabets[0]) + second)
    return np.where(place < lengths[:, np.newaxis], letters, 0)


def _first_occurrences(rng: np.random.Generator, rows: Numbers) -> Numbers:
    """Return the numbers of the rows that differ from every row before them, found by a random 64-bit hash."""
    hashes = rows @ rng.integers(1 << 62, size=rows.shape[1])
    return np.sort(np.unique(hashes, return_index=True)[1])
