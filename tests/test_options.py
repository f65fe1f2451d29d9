"""Every option: its default, its range, what types it takes, and what its errors say."""

import dataclasses
import inspect
import json
import math
import operator
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import FirthError, OptionError
from firth.options import Options, shortened
from firth.other_programs import FOREIGN_NAMES, answer

FIELDS = {option.name: option for option in dataclasses.fields(Options)}
WHOLE = ["vector_size", "window", "negative", "min_count", "max_vocab", "epochs", "seed", "blocks", "warm_epochs"]
REAL = ["ns_exponent", "sample", "alpha", "min_alpha", "center_power"]
SWITCHES = ["shrink_windows", "lowercase", "unigram_intercept"]
NAMES = {"schedule": ("blocks", "hogwild"), "objective": ("negative_sampling", "softmax")}


def test_names_and_defaults_are_gensims_where_gensim_has_them():
    assert Options().to_dict() == {
        "vector_size": 100, "window": 5, "shrink_windows": True, "negative": 5, "ns_exponent": 0.75,
        "sample": 1e-3, "min_count": 5, "max_vocab": None, "epochs": 5, "alpha": 0.025, "min_alpha": 1e-4,
        "seed": 1, "lowercase": False, "schedule": "blocks", "blocks": 16,
            "objective": "negative_sampling", "unigram_intercept": True, "center_power": 0.5, "warm_epochs": 3,
    }  # fmt: skip


def test_every_option_is_whole_real_a_switch_or_a_name_and_has_a_meaning():
    assert sorted(FIELDS) == sorted([*WHOLE, *REAL, *SWITCHES, *NAMES])
    assert all(option.metadata["meaning"] for option in FIELDS.values())


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("vector_size", 1, 2048),
        ("window", 1, 100),
        ("negative", 1, 64),
        ("min_count", 1, 2**63 - 1),
        ("max_vocab", 1, 2**63 - 1),
        ("epochs", 1, 10_000),
        ("seed", 0, 2**63 - 1),
        ("blocks", 1, 256),
        ("warm_epochs", 0, 2**63 - 1),
    ],
)
def test_whole_numbers_are_taken_up_to_their_limits_and_no_further(name, lowest, highest):
    bounds = f"from {lowest} to {highest}"
    assert getattr(Options(**{name: lowest}), name) == lowest
    with pytest.raises(OptionError, match=f"^{name}={lowest - 1} is not allowed: give a whole number {bounds}"):
        Options(**{name: lowest - 1})
    assert getattr(Options(**{name: highest}), name) == highest
    with pytest.raises(OptionError, match=f"^{name}={highest + 1} is not allowed: give .* {bounds}"):
        Options(**{name: highest + 1})


@pytest.mark.parametrize(
    ("name", "allowed", "refused", "bounds"),
    [
        ("ns_exponent", [-4.0, 0.0, 4.0], [-4.001, 4.001], "a number from -4 to 4"),
        ("sample", [0.0, 1e-5, 1.0], [-1e-9, 1.001], "a number from 0 to 1"),
        ("alpha", [1e-4, 1.0, 1e6], [0.0, -0.025, 1e39], r"a number above 0, at most 3e\+38"),
        ("min_alpha", [0.0, 0.025], [-1e-9], "a number of at least 0"),
    ],
)
def test_real_numbers_are_taken_up_to_their_limits_and_no_further(name, allowed, refused, bounds):
    for value in allowed:
        assert getattr(Options(**{name: value}), name) == value
    for value in [*refused, math.nan, math.inf, -math.inf]:
        with pytest.raises(OptionError, match=f"^{name}={re.escape(str(value))} is not allowed: give {bounds} "):
            Options(**{name: value})


@given(st.sampled_from(WHOLE), st.integers(-(2**70), 2**70))
def test_a_whole_number_is_kept_as_it_is_or_refused(name: str, value: int):
    limits = FIELDS[name].metadata
    if limits["low"] <= value and (limits["high"] is None or value <= limits["high"]):
        kept = getattr(Options(**{name: value}), name)
        assert kept == value
        assert type(kept) is int
    else:
        with pytest.raises(OptionError, match=re.escape(f"{name}={value}")):
            Options(**{name: value})


@given(st.sampled_from(["ns_exponent", "sample", "alpha"]), st.floats())
def test_a_real_number_is_kept_as_it_is_or_refused(name: str, value: float):
    inside = {"ns_exponent": -4 <= value <= 4, "sample": 0 <= value <= 1, "alpha": 0 < value <= 3e38}
    try:
        options = Options(**{name: value, "min_alpha": 0.0})
    except OptionError:
        assert not inside[name]
    else:
        assert inside[name]
        assert getattr(options, name) == value


# Types


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint8, np.uint64])
def test_numpy_whole_numbers_become_ints(kind):
    options = Options(window=kind(7), max_vocab=kind(9), alpha=kind(1))
    assert (options.window, options.max_vocab, options.alpha) == (7, 9, 1.0)
    assert [type(v) for v in (options.window, options.max_vocab, options.alpha)] == [int, int, float]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, Fraction])
def test_other_real_numbers_become_floats(kind):
    options = Options(alpha=kind(0.5), sample=kind(0.25))
    assert (options.alpha, options.sample) == (0.5, 0.25)
    assert type(options.alpha) is type(options.sample) is float


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_switches_are_true_or_false_in_python_or_numpy(value):
    assert Options(lowercase=value).lowercase is bool(value)


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, 1.0, "True", "yes", None, np.int64(1)])
def test_switches_are_nothing_else(name, value):
    message = f"{name}={value!r} is not allowed: give True or False ({FIELDS[name].metadata['meaning']})"
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        Options(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "value",
    [2.0, 2.5, np.float64(2.0), True, np.True_, "2", b"2", [2], np.array([2]), np.array(2), 2j, object],
)
def test_whole_numbers_are_not_taken_from_anything_else(name, value):
    with pytest.raises(OptionError, match=re.escape(f"{name}={value!r} is not allowed: give a whole number")):
        Options(**{name: value})


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    "value",
    [
        True,
        np.True_,
        "0.5",
        b"0.5",
        None,
        [0.5],
        np.array([0.5]),
        0.5j,
        np.complex128(0.5),
        Decimal(1),
        10**400,
    ],
)
def test_real_numbers_are_not_taken_from_anything_else(name, value):
    with pytest.raises(OptionError, match=re.escape(f"{name}={shortened(value)} is not allowed: give a number")):
        Options(**{name: value})


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"max_vocab"}))
def test_only_max_vocab_may_be_none(name):
    assert Options(max_vocab=None).max_vocab is None
    with pytest.raises(OptionError, match=f"^{name}=None is not allowed"):
        Options(**{name: None})
    with pytest.raises(
        OptionError, match="max_vocab=0 is not allowed: give a whole number from 1 to 9223372036854775807 or None"
    ):
        Options(max_vocab=0)


# Options together


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


def test_a_replaced_option_is_checked_again():
    assert dataclasses.replace(Options(), window=9) == Options(window=9)
    with pytest.raises(OptionError, match="window=0"):
        dataclasses.replace(Options(), window=0)


# Names and values from elsewhere

valid = st.fixed_dictionaries(
    {},
    optional={
        "vector_size": st.integers(1, 2048),
        "shrink_windows": st.booleans(),
        "ns_exponent": st.floats(-4, 4),
        "sample": st.floats(0, 1),
        "max_vocab": st.none() | st.integers(1, 2**63 - 1),
        "alpha": st.floats(1e-4, 10),
        "seed": st.integers(0, 2**63 - 1),
        "lowercase": st.booleans(),
    },
)


@given(valid)
def test_options_survive_json_and_pickle(values: dict[str, Any]):
    options = Options(**values)
    assert options.to_dict() == {**Options().to_dict(), **values}
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert pickle.loads(pickle.dumps(options)) == options


def test_numpy_values_are_ready_for_json():
    options = Options(window=np.int64(4), alpha=np.float32(0.5), lowercase=np.True_)
    assert '"window": 4' in json.dumps(options.to_dict())


def test_from_dict_checks_values_as_the_constructor_does():
    assert Options.from_dict({}) == Options()
    with pytest.raises(OptionError, match="window=0"):
        Options.from_dict({"window": 0})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("vectorsize", "vector_size"),
        ("windw", "window"),
        ("min_counts", "min_count"),
        ("aplha", "alpha"),
        ("Epochs", "epochs"),
        ("worker", "workers"),
    ],
)
def test_an_unknown_name_is_answered_with_the_one_that_was_meant(name, meant):
    with pytest.raises(OptionError, match=f"^unknown option '{name}': did you mean '{meant}'\\?$"):
        Options.from_dict({name: 5})


def test_a_name_like_no_other_is_answered_with_all_of_them():
    with pytest.raises(OptionError, match=r"^unknown option 'zzz'; options are vector_size, .*, workers$") as error:
        Options.from_dict({"window": 5, "zzz": 1})
    assert all(name in str(error.value) for name in FIELDS)


# Names of other programs

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


def gensims(*callables: str) -> list[str]:
    """Return the names of the parameters of gensim's functions."""
    models = pytest.importorskip("gensim.models")
    signatures = [inspect.signature(operator.attrgetter(name)(models)).parameters for name in callables]
    return [name for parameters in signatures for name in parameters if name not in ("self", "kwargs")]


@pytest.mark.parametrize("names", [GENSIM_3, FASTTEXT, SPARK, WORD2VEC_C], ids=["gensim 3", "fastText", "Spark", "C"])
def test_every_name_of_another_program_is_known(names):
    assert set(names) <= FOREIGN_NAMES | set(FIELDS) | {"workers"}


def test_every_name_of_gensim_is_known():
    names = set(gensims("Word2Vec", "FastText", "Word2Vec.train")) - {"word_count"}
    assert names <= FOREIGN_NAMES | set(FIELDS) | {"workers"}


def test_names_of_other_programs_are_not_also_names_here():
    assert not FOREIGN_NAMES & (set(FIELDS) | {"workers"})


@pytest.mark.parametrize("name", sorted(FOREIGN_NAMES))
def test_the_answer_to_a_name_is_a_sentence_with_names_that_exist(name):
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
        ("sg", "skip-gram (sg=1) is the only architecture, and CBOW (sg=0) is not available: leave it out"),
        (
            "hs",
            "hierarchical softmax is not available: leave it out .*, or give objective='softmax' for the exact softmax",
        ),
        ("sentences", r"give the corpus to fit: Word2Vec\(\.\.\.\)\.fit\(corpus\)"),
        (
            "trim_rule",
            "there is no rule for single words: use min_count and max_vocab, or .*",
        ),
        ("max_final_vocab", "use max_vocab"),
        ("minCount", "use min_count"),
        ("numPartitions", "training runs on one machine: use workers, the number of threads"),
    ],
)
def test_answers(name, text):
    assert re.fullmatch(text.replace("(sg=1)", r"\(sg=1\)").replace("(sg=0)", r"\(sg=0\)"), answer(name))


def test_an_option_error_is_a_value_error():
    assert issubclass(OptionError, ValueError)
    assert issubclass(OptionError, FirthError)


@pytest.mark.parametrize(("name", "choices"), NAMES.items())
def test_a_name_is_one_of_its_choices(name, choices):
    for choice in choices:
        assert getattr(Options(**{name: choice}), name) == choice
    for wrong in ("Blocks", "", None, 1, b"blocks"):
        with pytest.raises(OptionError, match=f"^{name}=.* is not allowed: give '{choices[0]}' or "):
            Options(**{name: wrong})


# Values as messages show them


@pytest.mark.parametrize(
    "value",
    [10**10000, -(10**10000), "x" * 10**8, b"x" * 10**8, np.str_("x" * 10**6), [0] * 10**7, Fraction(10**9999, 7)],
    ids=["int", "negative int", "str", "bytes", "NumPy's str", "list", "Fraction"],
)
def test_a_huge_value_is_shown_by_its_beginning(value):
    name = "window" if isinstance(value, int) else "alpha"
    with pytest.raises(OptionError, match=f"^{name}=.* is not allowed: give a") as error:
        Options(**{name: value})
    assert len(str(error.value)) < 400


def test_a_huge_name_is_shown_by_its_beginning():
    with pytest.raises(OptionError, match=r"^unknown option 'xxx.*x'\.\.\. \(10,000,000 long\)") as error:
        Options.from_dict({"x" * 10**7: 1})
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", [5, None, 2.5, ("window",), b"window"])
def test_a_name_that_is_no_string_is_unknown(name):
    with pytest.raises(OptionError, match=re.escape(f"unknown option {name!r}")):
        Options.from_dict({name: 1})


@pytest.mark.parametrize("value", [np.timedelta64(5, "D"), np.timedelta64("NaT", "D"), np.datetime64("2020")])
@pytest.mark.parametrize("name", [*WHOLE, *REAL])
def test_a_time_is_no_number(name, value):
    with pytest.raises(OptionError, match=f"^{name}="):
        Options(**{name: value})
