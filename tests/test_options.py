"""Every option: its default, its range, its types, and the messages for wrong names and values."""

import dataclasses
import inspect
import json
import math
import re
import time
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress import limits
from stress._child import output_of
from stress.limits import FIELDS, is_allowed

from firth import Word2Vec
from firth.errors import OptionError
from firth.options import Options, PhraseOptions
from firth.other_programs import FOREIGN_NAMES, answer

LARGEST = 2**63 - 1


def test_names_and_defaults_are_gensims_where_gensim_has_an_equivalent():
    assert Options().to_dict() == {
        "vector_size": 100, "window": 5, "shrink_windows": True, "negative": 5, "ns_exponent": 0.75,
        "sample": 1e-3, "min_count": 5, "max_vocab": None, "epochs": 5, "alpha": 0.025, "min_alpha": 1e-4,
        "seed": 1, "lowercase": False, "schedule": "blocks", "blocks": 16,
        "subwords": None, "buckets": 2_000_000,
        "objective": "negative_sampling", "unigram_intercept": True, "center_power": 0.5, "warm_epochs": 3,
        "architecture": "skip_gram", "cbow_mean": True,
    }  # fmt: skip


def test_the_default_learning_rate_is_that_of_word2vec_c():
    assert Options(architecture="cbow").alpha == 0.05
    for others in ({}, {"objective": "softmax"}, {"architecture": "cbow", "cbow_mean": False},
                   {"architecture": "cbow", "objective": "hierarchical_softmax"}):  # fmt: skip
        assert Options(**others).alpha == 0.025  # twice as much is worse for the last two
    assert Options(architecture="cbow", alpha=0.01).alpha == 0.01


def test_cbow_trains_under_the_hogwild_schedule():
    for objective in ("negative_sampling", "hierarchical_softmax"):
        assert Options(architecture="cbow", objective=objective).schedule == "hogwild"
        with pytest.raises(OptionError, match=r"schedule=blocks is not available with architecture=cbow: .* workers=1"):
            Options(architecture="cbow", objective=objective, schedule="blocks")


def test_cbow_has_no_exact_softmax():
    with pytest.raises(
        OptionError, match=r"objective=softmax is not available with architecture=cbow: .* Use objective"
    ):
        Options(architecture="cbow", objective="softmax")


def test_no_noise_words_need_an_objective_without_them():
    with pytest.raises(
        OptionError, match=r"^negative=0 is not allowed: give at least 1 .*=hierarchical_softmax, which"
    ):
        Options(negative=0)
    with pytest.raises(OptionError, match=r"^negative=0 is not allowed"):
        Options(negative=0, architecture="cbow")
    assert Options(negative=0, objective="hierarchical_softmax").negative == 0
    assert Options(negative=0, objective="softmax").warm_epochs == 0
    assert Options(negative=1, objective="softmax").warm_epochs == 3


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"subwords": (3, 6)}, r"subwords=\(3, 6\)"),
        ({"subwords": (3, 6), "architecture": "cbow"}, r"subwords=\(3, 6\)"),
        ({"schedule": "hogwild"}, "schedule=hogwild"),
    ],
)
def test_windows_are_narrower_where_their_pairs_are_summed(options, shown):
    assert Options(window=100, **options).window == 100
    with pytest.raises(OptionError, match=rf"^window=101 is not available with {shown}, .*: give at most 100, or use"):
        Options(window=101, **options)
    assert Options(window=101, architecture="cbow").window == 101
    assert Options(window=101, objective="softmax").window == 101


@pytest.mark.parametrize(
    ("name", "allowed", "refused", "range_"),
    [
        ("vector_size", [1, 8192], [0, 8193], "a whole number from 1 to 8192"),
        ("window", [1, 32_767], [0, 32_768], "a whole number from 1 to 32767"),
        ("negative", [1, 1024], [-1, 1025], "a whole number from 0 to 1024"),
        ("blocks", [1, 1024], [0, 1025], "a whole number from 1 to 1024"),
        ("epochs", [1, 10_000], [0, 10_001], "a whole number from 1 to 10000"),
        ("min_count", [1, LARGEST], [-1, LARGEST + 1], f"a whole number from 0 to {LARGEST}"),
        ("max_vocab", [None, 1, LARGEST], [0, LARGEST + 1], f"a whole number from 1 to {LARGEST} or None"),
        ("buckets", [1, 2**31 - 1], [0, 2**31], "a whole number from 1 to 2147483647"),
        (
            "subwords",
            [None, (3, 6), (1, 1), (100, 100)],
            [(6, 3), (0, 3), (1, 101), (3,), (3, 6, 7), 3, "36", (3, "6")],
            "two whole numbers from 1 to 100, the second not below the first, such as subwords=(3, 6)",
        ),
        ("seed", [0, LARGEST], [-1, LARGEST + 1], f"a whole number from 0 to {LARGEST}"),
        ("warm_epochs", [0, LARGEST], [-1, LARGEST + 1], f"a whole number from 0 to {LARGEST}"),
        ("ns_exponent", [-4.0, 0.0, 4.0], [-4.001, 4.001, math.nan, math.inf], "a number from -4 to 4"),
        ("sample", [0.0, 1e-5, 1.0], [-1e-9, 1.001, math.nan], "a number from 0 to 1"),
        ("center_power", [0.0, 1.0], [-1e-9, 1.001, math.nan], "a number from 0 to 1"),
        ("alpha", [1e-4, 1.0, 1e6], [0.0, -0.025, 1e39, math.nan, math.inf], "a number above 0, at most 3e+38 or None"),
        ("min_alpha", [0.0, 0.025], [-1e-9, math.nan, -math.inf], "a number of at least 0"),
        ("shrink_windows", [True, False], [0, 1, None], "True or False"),
        ("unigram_intercept", [True, False], [0, 1, None], "True or False"),
        ("lowercase", [True, False], [0, 1, None], "True or False"),
        ("cbow_mean", [True, False], [0, 1, None], "True or False"),
        ("architecture", ["skip_gram", "cbow"], ["CBOW", "sg", 1, None], "'skip_gram' or 'cbow'"),
        ("schedule", ["blocks", "hogwild"], ["Blocks", "", None], "'auto' or 'blocks' or 'hogwild'"),
        (
            "objective",
            ["negative_sampling", "hierarchical_softmax+negative_sampling", "softmax"],
            ["soft", b"softmax", "negative_sampling+hierarchical_softmax"],
            "'negative_sampling' or 'hierarchical_softmax' or 'hierarchical_softmax+negative_sampling' or 'softmax'",
        ),
    ],
)
def test_the_range_of_each_option(name, allowed, refused, range_):
    assert [getattr(Options(**{name: value}), name) for value in allowed] == allowed
    for value in refused:
        start = f"{name}={value!r} is not allowed: give {range_} ("
        with pytest.raises(OptionError, match=f"^{re.escape(start)}") as error:
            Options(**{name: value})
        assert FIELDS[name].metadata["meaning"].startswith(str(error.value).removeprefix(start).removesuffix(")"))


@pytest.mark.parametrize(
    ("window", "meaning"),
    [
        (0, "words m on either side of the center word"),
        (40_000, "words m on either side of the center word; at most 32,767, because sentences are cut into parts of"),
    ],
)
def test_a_message_says_what_an_option_means_and_the_reason_of_a_limit_only_above_it(window, meaning):
    with pytest.raises(OptionError, match=re.escape(f"({meaning}") + (r"\)$" if window == 0 else " ")):
        Options(window=window)


@pytest.mark.parametrize(
    ("name", "allowed", "refused", "advice"),
    [
        ("min_count", [1, LARGEST], [0, 1.5, True, None], "give a whole number from 1 to "),
        ("threshold", [1e-9, 10, 1e300], [math.nan, math.inf, "5", None], "give a number"),
        ("threshold", [], [0, -1.0], r"with scoring=default: give a number above 0"),
        ("scoring", ["default", "npmi"], ["pmi", None], "give 'default' or 'npmi'"),
        ("delimiter", ["_", "__", " "], ["", None, b"_", 5], "give a"),
        ("max_vocab", [None, 1, LARGEST], [0, LARGEST + 1, 1.5], "give a whole number from 1 to .* or None"),
        ("connector_words", [frozenset(), frozenset({"of"})], ["of the", {"of": 1}, [1], [""], None, b"of", 5],
         "give a set of words, or 'english'"),
    ],
)  # fmt: skip
def test_the_range_of_each_option_of_phrases(name, allowed, refused, advice):
    npmi = {"threshold": 0.5} if name == "scoring" else {}
    assert [getattr(PhraseOptions(**{name: value}, **npmi), name) for value in allowed] == allowed
    for value in refused:
        with pytest.raises(OptionError, match=rf"^{name}=.* is not allowed.*{advice}"):
            PhraseOptions(**{name: value}, **npmi)


def test_the_threshold_of_npmi_is_between_minus_one_and_one():
    assert [PhraseOptions(scoring="npmi", threshold=t).threshold for t in (-1, 0, 0.5, 1)] == [-1, 0, 0.5, 1]
    for threshold in (10.0, 1.01, -1.01):
        with pytest.raises(OptionError, match=r"is not allowed with scoring=npmi: give a number from -1 to 1, such as"):
            PhraseOptions(scoring="npmi", threshold=threshold)


def test_options_of_phrases_are_gensims_and_survive_json():
    assert PhraseOptions().to_dict() == {
        "min_count": 5, "threshold": 10.0, "scoring": "default", "connector_words": [], "delimiter": "_",
        "max_vocab": 40_000_000,
    }  # fmt: skip
    options = PhraseOptions(connector_words=iter(["of", "the"]), min_count=np.int64(2))
    assert PhraseOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert options.connector_words == {"of", "the"}


LONG = 10**7
HOSTILE = [
    0, -1, 1, 2**63, 10**400, 2.0, 1e30, math.inf, -math.inf, math.nan, True, False, None, "5", b"5", "True", [], {},
    np.int8(5), np.int64(5), np.uint64(5), np.float16(0.025), np.float32(0.025), np.float64(0.025), np.float64(2.0),
    np.longdouble(0.025), np.complex128(1), np.bool_(1), np.str_("5"), np.datetime64("2020"), np.timedelta64(5, "D"),
    np.timedelta64("NaT", "D"), np.array(5), np.array([5]), Fraction(1, 40), Fraction(10**9999, 7), Decimal("0.025"),
    1j, "x" * LONG, b"x" * LONG, np.str_("x" * LONG), [0] * LONG, 10**10000, -(10**10000), object(), object, ...,
]  # fmt: skip


@pytest.mark.parametrize("make", [Options, Word2Vec])
def test_hostile_values_are_kept_or_refused_at_once(make):
    tracemalloc.start()
    for name in FIELDS:
        for value in HOSTILE:
            started = time.thread_time()  # the load of the machine does not count
            if is_allowed(name, value):
                made = make(**{name: value})
                kept = getattr(made if make is Options else made.options, name)
                assert kept is value or value is None or kept == type(kept)(value)
                kind = {"max_vocab": int, "alpha": float}.get(name, type(FIELDS[name].default))
                assert kept is None or type(kept) is kind
            else:
                with pytest.raises(OptionError, match=rf"^{name}=.* is (not allowed: give|above|below)") as error:
                    make(**{name: value})
                assert len(str(error.value)) < 500
            assert time.thread_time() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("value", [0, -1, 1025, 2**63, 2.0, math.nan, True, "5", b"5", [], "x" * LONG, 1j])
def test_hostile_values_of_workers_are_refused(value):
    with pytest.raises(OptionError, match=r"^workers=.* is not allowed: give a whole number from 1 to 1024 or None"):
        Word2Vec(workers=value)


def test_workers_may_be_a_numpy_integer():
    assert Word2Vec(workers=np.int64(5)).workers == 5
    assert type(Word2Vec(workers=np.uint8(5)).workers) is int


BEFORE_FILES = """
import sys
from firth import OptionError, Word2Vec, Options
Word2Vec(), Options()
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
try:
    Word2Vec(window=0).fit("corpus.txt")
except OptionError:
    print(opened)
"""


def test_a_wrong_option_is_refused_before_any_file_is_opened():
    assert output_of(BEFORE_FILES) == "[]\n"


anything = st.randoms(use_true_random=False).map(limits.hostile)


@given(st.sampled_from(sorted(FIELDS)), anything)
def test_any_value_is_refused_or_survives_json_and_pickle(name: str, value: Any):
    limits.tried(name, value)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), anything, max_size=4))
def test_any_values_together_are_kept_or_refused(values: dict[str, Any]):
    try:
        options = Options(**values)
    except OptionError as error:
        assert any(name in str(error) for name in values)  # noqa: PT017
    else:
        assert Options.from_dict(options.to_dict()) == options


def test_the_learning_rate_may_not_rise():
    assert Options(alpha=0.01, min_alpha=0.01).min_alpha == 0.01
    with pytest.raises(OptionError, match=r"min_alpha=0\.1 is above alpha=0\.025: .* give a min_alpha of at most"):
        Options(min_alpha=0.1)
    with pytest.raises(OptionError, match=r"min_alpha=0\.0001 is above alpha=1e-05"):
        Options(alpha=1e-5)


def test_options_are_keyword_only_frozen_and_compare_by_value():
    with pytest.raises(TypeError, match="positional"):
        Options(100)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().window = 3  # type: ignore[misc]
    assert Options(window=np.int32(3)) == Options(window=3) != Options()
    assert len({Options(), Options(window=5), Options(window=6)}) == 2


@pytest.mark.parametrize("make", [lambda **given: Options.from_dict(given), partial(dataclasses.replace, Options())])
def test_options_of_a_dictionary_and_replaced_options_are_checked(make):
    assert make(window=9) == Options(window=9)
    assert make() == Options()
    with pytest.raises(OptionError, match="window=0"):
        make(window=0)


# --- names


@pytest.mark.parametrize("make", [Options.from_dict, lambda given: Word2Vec(**given)])
def test_the_message_for_an_unknown_name_offers_the_nearest(make):
    for name, meant in [("vectorsize", "vector_size"), ("min_counts", "min_count"), ("aplha", "alpha"),
                        ("Epochs", "epochs"), ("worker", "workers"), ("windw", "window")]:  # fmt: skip
        with pytest.raises(OptionError, match=f"^unknown option '{name}': did you mean '{meant}'\\?$"):
            make({name: 5})


def test_the_message_for_an_unfamiliar_name_lists_all():
    with pytest.raises(OptionError, match=r"^unknown option 'zzz'; options are vector_size, .*, workers$") as error:
        Options.from_dict({"window": 5, "zzz": 1})
    assert all(name in str(error.value) for name in FIELDS)


def test_a_long_name_is_cut():
    with pytest.raises(OptionError, match=r"^unknown option 'xxx.*x'\.\.\. \(10,000,000 long\)") as error:
        Options.from_dict({"x" * 10**7: 1})
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", [5, None, 2.5, ("window",), b"window"])
def test_a_name_that_is_not_a_string_is_unknown(name):
    with pytest.raises(OptionError, match=re.escape(f"unknown option {name!r}")):
        Options.from_dict({name: 1})


# --- names of other programs

GENSIM_3 = ["size", "iter"]
FASTTEXT = [
    "input", "model", "lr", "dim", "ws", "epoch", "minCount", "minCountLabel", "minn", "maxn", "neg", "wordNgrams",
    "loss", "bucket", "thread", "lrUpdateRate", "t", "label", "verbose", "pretrainedVectors",
    "min_count", "word_ngrams", "lr_update_rate", "label_prefix", "pretrained_vectors", "seed",
]  # fmt: skip
SPARK = [
    "vectorSize", "minCount", "numPartitions", "stepSize", "maxIter", "seed", "inputCol", "outputCol", "windowSize",
    "maxSentenceLength", "learningRate", "numIterations",
]  # fmt: skip
WORD2VEC_C = [
    "train", "output", "size", "window", "sample", "hs", "negative", "threads", "iter", "min_count", "alpha", "classes",
    "debug", "binary", "save_vocab", "read_vocab", "cbow",
]  # fmt: skip


@pytest.mark.parametrize("names", [GENSIM_3, FASTTEXT, SPARK, WORD2VEC_C], ids=["gensim 3", "fastText", "Spark", "C"])
def test_every_name_of_another_program_is_known(names):
    assert set(names) <= FOREIGN_NAMES | set(FIELDS) | {"workers"}


def test_every_name_of_gensim_is_known():
    models = pytest.importorskip("gensim.models")
    functions = models.Word2Vec, models.FastText, models.Word2Vec.train
    names = {name for function in functions for name in inspect.signature(function).parameters}
    assert names - {"self", "kwargs", "word_count"} <= FOREIGN_NAMES | set(FIELDS) | {"workers"}


def test_no_name_of_another_program_is_an_option_of_firth():
    assert not FOREIGN_NAMES & (set(FIELDS) | {"workers"})


@pytest.mark.parametrize("name", sorted(FOREIGN_NAMES))
def test_each_answer_is_a_sentence_with_names_that_exist(name):
    text = answer(name)
    assert text[0].islower() or text.startswith("CBOW")
    assert not text.endswith((".", "?"))
    assert "{" not in text
    for used in re.findall(r"(?:use|give) ([a-z_]+)(?:=| |,|:|$)", text):
        assert used in {*FIELDS, "workers", "the", "progress"}
    with pytest.raises(OptionError, match=f"^unknown option '{name}': {re.escape(text)}$"):
        Options.from_dict({name: 1})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("size", "use vector_size"),
        ("iter", "use epochs"),
        ("sg", "use architecture: 'skip_gram', the default, is sg=1, and 'cbow' is sg=0"),
        (
            "hs",
            r"leave it out for negative sampling \(hs=0\), or give objective='hierarchical_softmax' for hs=1 "
            r"with negative=0, or objective='hierarchical_softmax\+negative_sampling' for both at once",
        ),
        ("sentences", r"give the corpus to fit: Word2Vec\(\.\.\.\)\.fit\(corpus\)"),
        ("trim_rule", "trim rules are not available: use min_count and max_vocab, or .*"),
        ("max_final_vocab", "use max_vocab"),
        ("minCount", "use min_count"),
        ("numPartitions", "use workers, the number of threads, or train on several machines: see docs/cluster.md"),
    ],
)
def test_answers(name, text):
    assert re.fullmatch(text.replace("(sg=1)", r"\(sg=1\)").replace("(sg=0)", r"\(sg=0\)"), answer(name))
