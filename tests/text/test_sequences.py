"""Sequences of a table of events against pandas, and against the same lists given as a corpus."""

import datetime
import pickle
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import Options, Sequences, Word2Vec, sequences
from firth.errors import CorpusError
from firth.text import read_corpus
from firth.text.sequences import times_of

EVENTS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from("abcd")),
        st.one_of(st.none(), st.integers(-3, 9)),
        st.one_of(st.none(), st.integers(0, 5)),
    ),
    max_size=40,
)


def frame(rows):
    return pd.DataFrame(rows, columns=["session", "item", "time"]).astype(
        {"session": "string", "item": "Int64", "time": "Int64"}
    )


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.booleans())
def test_sequences_are_those_of_a_groupby_of_pandas(rows, is_ordered):
    table = frame(rows)
    order = "time" if is_ordered else None
    used = table.dropna(subset=["session", "item", *([order] if order else [])])
    parts = [part for _, part in used.groupby("session", sort=False)]
    expected = [(part.sort_values(order, kind="stable") if order else part)["item"].tolist() for part in parts]
    found = sequences(table, by="session", item="item", order=order)
    assert list(found) == expected
    assert len(found) == len(expected)
    assert sum(found.skipped.values()) == len(table) - len(used)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=9), min_size=1, max_size=9))
def test_sequences_are_read_as_the_same_lists_are(lists):
    options = Options(min_count=2)
    made = Sequences.from_lists(lists)
    assert list(made) == lists
    try:
        expected = read_corpus(lists, options)
    except CorpusError as error:
        with pytest.raises(CorpusError, match=str(error)[:20]):
            read_corpus(made, options)
        return
    found = read_corpus(made, options)
    assert found.vocabulary.index_to_key == expected.vocabulary.index_to_key
    assert found.vocabulary.counts.tolist() == expected.vocabulary.counts.tolist()
    assert found.tokens.fingerprint() == expected.tokens.fingerprint()
    assert (found.raw_words, found.sentences) == (expected.raw_words, expected.sentences)
    assert (found.distinct_words, found.below_min_count) == (expected.distinct_words, expected.below_min_count)


LISTS = [["x", "y", "x"], ["z"], ["y", "z", "x", "w"]]
TABLE = pd.DataFrame(
    {"s": [7, 7, 9, 7, 8, 8, 8, 8], "i": ["y", "x", "z", "x", "w", "y", "z", "x"], "t": [2, 1, 1, 3, 9, 1, 2, 3]}
)


@pytest.mark.parametrize(
    "kind",
    [
        lambda table: table,
        pl.from_pandas,
        lambda table: pl.from_pandas(table).lazy(),
        pa.Table.from_pandas,
        lambda table: pa.Table.from_pandas(table).to_reader(),
        lambda table: table.to_dict("list"),
        lambda table: table.to_dict("records"),
        lambda table: table.astype({"i": "category"}),
        lambda table: table.astype({"i": "object"}),
        lambda table: pl.from_pandas(table).with_columns(pl.col("i").cast(pl.Categorical)),
    ],
)
def test_tables_of_every_library_give_the_same_sequences(kind):
    assert list(sequences(kind(TABLE), by="s", item="i", order="t")) == LISTS


def test_a_dataset_and_its_selection_give_sequences():
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_pandas(TABLE)
    assert list(sequences(dataset, by="s", item="i", order="t")) == LISTS
    assert list(sequences(dataset.select([2, 1, 0]), by="s", item="i", order="t")) == [["z"], ["x", "y"]]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".jsonl", ".feather"])
def test_files_give_sequences(tmp_path, suffix):
    path = tmp_path / f"events{suffix}"
    if suffix == ".jsonl":
        TABLE.to_json(path, orient="records", lines=True)
    else:
        write = {".parquet": TABLE.to_parquet, ".feather": TABLE.to_feather}.get(suffix)
        write(path) if write else TABLE.to_csv(path, index=False)
    assert list(sequences(path, by="s", item="i", order="t")) == LISTS
    assert list(sequences(str(path), by="s", item="i", order="t")) == LISTS


def test_columns_themselves_are_taken_without_a_table():
    assert list(sequences(by=TABLE["s"], item=TABLE["i"].tolist(), order=TABLE["t"].to_numpy())) == LISTS


def test_several_columns_make_a_session_of_each_combination():
    days = TABLE.assign(day=[1, 2, 1, 1, 1, 1, 2, 2])
    found = sequences(days, by=["s", "day"], item="i")
    assert list(found) == [["y", "x"], ["x"], ["z"], ["w", "y"], ["z", "x"]]


@pytest.mark.parametrize("kind", ["datetime64[ns]", "string", "float64", "bool"])
def test_sessions_and_times_may_be_of_any_type_with_an_order(kind):
    values = TABLE["t"].astype(kind)
    expected = [part.sort_values("t", kind="stable")["i"].tolist() for _, part in
                TABLE.assign(t=values).groupby("s", sort=False)]  # fmt: skip
    assert list(sequences(TABLE.assign(t=values), by="s", item="i", order="t")) == expected
    assert len(sequences(TABLE.assign(s=values), by="s", item="i")) == values.nunique()


def test_rows_without_a_value_are_counted_by_the_column_that_has_none():
    table = {"s": [1, None, 2, 2, 2], "i": ["x", "y", None, "z", "z"], "t": [1.0, None, 2.0, np.nan, 0.0]}
    found = sequences(table, by="s", item="i", order="t")
    assert list(found) == [["x"], ["z"]]
    assert found.skipped == {"by": 1, "item": 1, "order": 1}
    assert repr(found) == "<Sequences: 2 sequences of 2 items, 2 events; 3 rows without a value skipped>"
    assert read_corpus(found, Options(min_count=1)).null_rows == 3


def test_slices_keep_items_and_weights():
    found = sequences(TABLE, by="s", item="i", order="t").with_weights([1, 2, 3])
    assert found[1] == LISTS[1]
    assert found[-1] == LISTS[-1]
    assert list(found[1:]) == LISTS[1:]
    assert found[::-2].weights.tolist() == [3, 1]
    assert list(found[::-2]) == [LISTS[2], LISTS[0]]
    assert list(found[5:]) == []
    assert repr(found) == "<Sequences: 3 sequences of 4 items, 8 events, weights 6 in all>"
    with pytest.raises(IndexError):
        found[3]
    assert list(pickle.loads(pickle.dumps(found))) == LISTS


def test_a_whole_weight_repeats_a_sequence_exactly():
    weights = [3, 0, 2]
    repeated = [part for part, n in zip(LISTS, weights, strict=True) for _ in range(n)]
    for seed in range(20):
        options = Options(min_count=1, seed=seed)
        found, expected = read_corpus(Sequences.from_lists(LISTS, weights), options), read_corpus(repeated, options)
        assert found.tokens.fingerprint() == expected.tokens.fingerprint()
        assert found.vocabulary.index_to_key == expected.vocabulary.index_to_key
        assert found.vocabulary.counts.tolist() == expected.vocabulary.counts.tolist()
        assert (found.raw_words, found.sentences, found.distinct_words) == (17, 5, 4)


def test_weights_of_two_train_what_every_sentence_twice_trains():
    rng = np.random.default_rng(1)
    lists = [rng.integers(0, 9, 12).tolist() for _ in range(30)]
    options = {"min_count": 1, "vector_size": 8, "epochs": 2, "sample": 0.0}
    weighted = Word2Vec(**options).fit(Sequences.from_lists(lists, np.full(30, 2.0)), progress=False)
    twice = Word2Vec(**options).fit([part for part in lists for _ in range(2)], progress=False)
    np.testing.assert_array_equal(weighted.wv.vectors, twice.wv.vectors)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=5), st.integers(0, 2**63 - 1))
def test_a_sequence_occurs_floor_or_ceiling_of_its_weight_times(weights, seed):
    times = times_of(np.array(weights), len(weights), seed)
    assert all(np.floor(w) <= n <= np.floor(w) + 1 for w, n in zip(weights, times, strict=True))
    whole = np.floor(weights)
    np.testing.assert_array_equal(times_of(whole, len(weights), seed), whole)


def test_the_mean_number_of_times_is_the_weight():
    n = 200_000
    for weight in (0.1, 0.5, 2.75):
        times = times_of(np.full(n, weight), n, 7)
        spread = np.sqrt((weight % 1) * (1 - weight % 1) / n)
        assert abs(times.mean() - weight) < 5 * spread, "five standard errors of a Bernoulli mean"


def test_weights_of_sessions_are_read_from_the_table():
    table = TABLE.assign(w=[2, 2, 0, 2, 1.5, 1.5, 1.5, 1.5])
    found = sequences(table, by="s", item="i", order="t", weight="w")
    assert found.weights.tolist() == [2, 0, 1.5]
    with pytest.raises(CorpusError, match="a session has the weights 1 and 2 in two of its rows: weight is the weight"):
        sequences(table.assign(w=[1, 2, 1, 1, 1, 1, 1, 1]), by="s", item="i", weight="w")


def test_ids_stay_what_they_are_in_the_vectors():
    table = {"s": np.repeat(np.arange(40), 5), "i": np.arange(200) % 7 - 3}
    model = Word2Vec(min_count=1, vector_size=4, epochs=1, window=1000).fit(
        sequences(table, by="s", item="i"), progress=False
    )
    assert sorted(model.wv.index_to_key) == [-3, -2, -1, 0, 1, 2, 3]
    assert {type(key) for key in model.wv.index_to_key} == {int}
    assert dict(zip(model.wv.index_to_key, model.wv.counts.tolist(), strict=True)) == Counter(table["i"].tolist())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sequences(TABLE, by="q", item="i"), r"^the table, of type DataFrame, has no column 'q': its columns "
         r"are 's', 'i', 't'$"),
        (lambda: sequences(TABLE, by=TABLE["s"], item="i"), r"^by, of type Series, is not the name of a column: give"),
        (lambda: sequences(by="s", item="i"), r"^by='s' is not a column: give an array, or a table and a name"),
        (lambda: sequences(by=[1, 2], item=["a"]), r"^the columns differ in length: by 2, item 1$"),
        (lambda: sequences({"s": [1, 2], "i": [1.0, 2.5]}, by="s", item="i"), r"^the column 'i' is of type double, and "
         r"items must be strings or whole numbers.*: pandas makes .* astype\(\"Int64\"\)"),
        (lambda: sequences({"s": [1], "i": [datetime.date(2020, 1, 1)]}, by="s", item="i"), r"is of type date32.*: "
         r"convert the column to strings"),
        (lambda: sequences({"s": [1], "i": [True]}, by="s", item="i"), r"is of type bool, .*: convert the column"),
        (lambda: sequences({"s": [1], "i": np.array([2**63], "u8")}, by="s", item="i"), r"outside int64"),
        (lambda: sequences({"s": [1], "i": [{"a": 1}]}, by="s", item="i"), r"'item' is of type struct.*: int64>, whose "
         r"values cannot be compared"),
        (lambda: sequences({"s": [1], "i": ["a"], "t": [[1]]}, by="s", item="i", order="t"), r"which has no order$"),
        (lambda: sequences({"s": [1], "i": ["a"], "w": ["b"]}, by="s", item="i", weight="w"), r"weights must be num"),
        (lambda: sequences({"s": [1], "i": ["a"], "w": [-1]}, by="s", item="i", weight="w"), r"^the weight -1 of "
         r"sequence 0 is not allowed: give finite numbers from 0 to 16,777,216$"),
        (lambda: Sequences.from_lists([["a"]], [np.inf]), r"^the weight inf of sequence 0 is not allowed"),
        (lambda: Sequences.from_lists([["a"]], [1, 2]), r"^weights is an array of int64 .*: give 1 number"),
        (lambda: sequences("nowhere.parquet", by="s", item="i"), r"^'nowhere.parquet' does not exist"),
        (lambda: sequences(__file__, by="s", item="i"), r"is not a table by its name: it must end in \.parquet, "),
        (lambda: sequences(42, by="s", item="i"), r"^the table, of type int, cannot be read: give a table of"),
        (lambda: sequences([("a", 1)], by="s", item="i"), r"^the table, of type list, cannot be read"),
        (lambda: sequences([], by="s", item="i"), r"^the table, of type list, has no column 'i': its columns are none"),
        (lambda: sequences(by=[1, 2], item=["a", 1]), r"^item cannot be read as a column: .* Give values of one type"),
        (lambda: Sequences.from_lists([["a"], None], [1, 1]), r"^1 sentence is missing: leave out missing sentences"),
        (lambda: Word2Vec(lowercase=True).fit(sequences(TABLE, by="s", item="i")), r"^lowercase=True is for text, and "
         r"items stay as they are: omit it$"),
        (lambda: Word2Vec().fit(sequences(TABLE[:0], by="s", item="i")), r"^the corpus is empty"),
        (lambda: Word2Vec().fit(sequences(TABLE, by="s", item="i"), tokenizer=str.split), r"^tokenizer is for text"),
    ],
)  # fmt: skip
def test_what_is_not_a_table_of_events_is_refused(make, message):
    with pytest.raises(CorpusError, match=message):
        make()


def test_a_table_without_any_item_has_no_sequences():
    made = sequences(pd.DataFrame({"s": [1, 2], "i": [None, None]}), by="s", item="i")
    assert len(made) == 0
    assert made.skipped == {"by": 0, "item": 2}


@pytest.mark.parametrize(("name", "delimiter"), [("e.tsv", "\t"), ("e.csv", ";"), ("e.csv.gz", "|"), ("e.csv", ",")])
def test_the_delimiter_of_a_file_is_found_in_its_first_line(tmp_path, name, delimiter):
    events = pd.DataFrame({"s": [1, 2, 1], "i": ["a,b", "b", "c;d|e\tf"]})
    events.to_csv(tmp_path / name, sep=delimiter, index=False)
    assert list(sequences(tmp_path / name, by="s", item="i")) == [["a,b", "c;d|e\tf"], ["b"]]


def test_a_damaged_file_is_refused_with_its_name(tmp_path):
    path = tmp_path / "events.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CorpusError, match=r"events\.parquet cannot be read as a parquet file: "):
        sequences(path, by="s", item="i")
