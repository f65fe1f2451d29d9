"""Tests tables and columns in memory: pandas, polars, Arrow, Hugging Face datasets, dicts, and what is refused."""

import subprocess
import sys

import datasets
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as arrow_dataset
import pytest
import scipy.sparse as sp
from stress._corpus import ALL, LINES, check

from firth.errors import CorpusError
from firth.text import ReadOptions, check_corpus, read_corpus

TEXTS = [" ".join(line) for line in LINES]
COLUMNS = {"id": [1, 2, 3], "text": TEXTS, "words": LINES}


class Stream:
    """A table of an unknown library that speaks Arrow's C protocol."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


TABLES = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas of objects": lambda: pd.DataFrame(COLUMNS, dtype=object),
    "pandas of Arrow": lambda: pa.table(COLUMNS).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "lazy polars": lambda: pl.LazyFrame(COLUMNS),
    "table": lambda: pa.table(COLUMNS),
    "batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "reader": lambda: pa.table(COLUMNS).to_reader(),
    "dataset of Arrow": lambda: arrow_dataset.dataset(pa.table(COLUMNS)),
    "stream": lambda: Stream(pa.table(COLUMNS)),
    "dataset": lambda: datasets.Dataset.from_dict(COLUMNS),
    "shuffled dataset": lambda: datasets.Dataset.from_dict(COLUMNS).select([2, 0, 1]).select([1, 2, 0]),
    "streamed dataset": lambda: datasets.Dataset.from_dict(COLUMNS).to_iterable_dataset(),
    "mapped stream": lambda: datasets.Dataset.from_dict(COLUMNS).to_iterable_dataset().map(lambda row: row),
    "dict": lambda: COLUMNS,
    "dicts": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    "generated dicts": lambda: (dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("column", ["text", "words"])
def test_tables_in_memory_give_the_words_of_a_column(kind, column):
    check(read_corpus(TABLES[kind](), ALL, column=column), LINES)


@pytest.mark.parametrize("kind", TABLES)
def test_the_texts_of_a_table_go_to_the_tokenizer(kind):
    corpus = read_corpus(TABLES[kind](), ALL, column="text", tokenizer=lambda text: text.split("a"))
    check(corpus, [text.split("a") for text in TEXTS])
    with pytest.raises(CorpusError, match=r"tokenizer= splits texts, and column 'words' of .* omit tokenizer"):
        read_corpus(TABLES[kind](), ALL, column="words", tokenizer=str.split)


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_without_a_column_named_is_refused_with_its_columns(kind):
    columns = r"its columns are id \(.*\), text \(.*\), words \(.*\): name the column .* column='text'$"
    with pytest.raises(CorpusError, match=columns):
        read_corpus(TABLES[kind](), ALL)
    with pytest.raises(CorpusError, match=r"has no column 'texts': its columns are id \("):
        read_corpus(TABLES[kind](), ALL, column="texts")


REVIEWS = {"": [0], "id": [1], "label": ["x"], "critique": ["a long text"]}


@pytest.mark.parametrize(
    ("table", "what", "example"),
    [
        ([{"id": 1, "label": "x", "critique": "a long text"}], "list, whose rows are dicts, is a table", "'critique'"),
        ([{"": 1, "n": 2}], r"its columns are '' \(int\), n \(int\): ", "NAME"),
        (REVIEWS, "of type dict, is a table", "'critique'"),
        ({"king": 3, "queen": 2}, "of type dict, is a table", "NAME"),
        (pd.DataFrame(REVIEWS), "of type DataFrame, is a table", "'critique'"),
        (pa.table(REVIEWS), "of type Table, is a table", "NAME"),
        (pa.table({"id": [1], "critique": ["a"]}), "of type Table, is a table", "'critique'"),
    ],
)
def test_the_example_of_a_column_is_one_that_holds_texts(table, what, example):
    with pytest.raises(CorpusError, match=f"{what}.* as in column={example}$"):
        read_corpus(table, ALL)


@pytest.mark.parametrize(
    "kind", [kind for kind in TABLES if kind not in ("reader", "stream", "dicts", "generated dicts")]
)
def test_tables_are_checked_before_they_are_read(kind):
    with pytest.raises(CorpusError, match=r"its columns are id \("):
        check_corpus(TABLES[kind](), ReadOptions())
    check_corpus(TABLES[kind](), ReadOptions(column="text"))


def test_a_check_leaves_the_rows_of_a_reader():
    reader = pa.table(COLUMNS).to_reader()
    check_corpus(reader, ReadOptions(column="text"))
    check(read_corpus(reader, ALL, column="text"), LINES)


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: pd.Series(rows),
        lambda rows: pd.Series(rows, dtype=pd.ArrowDtype(pa.array(rows).type)),
        lambda rows: pl.Series(rows),
        lambda rows: pa.array(rows),
        lambda rows: pa.chunked_array([rows[:1], rows[1:]]),
        lambda rows: Stream(pa.chunked_array([rows])),
        lambda rows: iter(datasets.Dataset.from_dict({"x": rows})["x"]),
        lambda rows: pd.DataFrame({"x": rows}),
        lambda rows: pl.DataFrame({"x": rows}),
        lambda rows: pa.table({"x": rows}),
        lambda rows: iter(rows),
    ],
)
@pytest.mark.parametrize("rows", [TEXTS, LINES, [[3, 1], [2, 3]]])
def test_a_column_needs_no_name_and_its_null_rows_are_counted(make, rows):
    corpus = read_corpus(make([*rows[:1], None, *rows[1:], None]), ALL)
    check(corpus, LINES if rows is TEXTS else rows)
    assert corpus.null_rows == 2


def test_categories_and_views_are_texts():
    check(read_corpus(pd.Series(TEXTS, dtype="category"), ALL), LINES)
    check(read_corpus(pa.array(TEXTS, pa.string_view()), ALL), LINES)
    check(read_corpus(pa.array(TEXTS, pa.large_string()), ALL), LINES)
    check(read_corpus(pa.array([["a", "b"], ["c", "a"]], pa.list_(pa.string(), 2)), ALL), [["a", "b"], ["c", "a"]])


def test_categories_of_polars_are_texts():
    pytest.importorskip("polars", minversion="2", reason="earlier versions export them wrongly")
    check(read_corpus(pl.Series(TEXTS, dtype=pl.Categorical), ALL), LINES)
    check(read_corpus(pl.Series(LINES, dtype=pl.List(pl.Categorical)), ALL), LINES)


def test_long_and_short_rows_of_many_sizes_are_read_in_order():
    rng = np.random.default_rng(1)
    lines = [[f"w{i}" for i in rng.integers(0, 999, size)] for size in rng.integers(0, 300, 2000)]
    lines[50] = [f"w{i}" for i in rng.integers(0, 99, 10**6)]
    for make in (pd.Series, pl.Series, pa.array):
        check(read_corpus(make([" ".join(line) for line in lines]), ALL, workers=2), lines)
        check(read_corpus(make(lines), ALL, workers=2), lines)


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        (pd.Series([1, 2]), {}, r"the Series holds int64 values, but its rows must be texts.*give offsets"),
        (pd.Series([1, None]), {}, r"the Series holds double values.*Pandas makes whole numbers floats.*astype"),
        (pd.Series([[1.0, 2.0]]), {}, r"the token 1.0 is of type float.*Pandas makes whole numbers floats.*astype"),
        (pd.Series(["a b", ["c"]]), {}, r"the Series holds texts, but row 1 is \['c'\], of type list"),
        (pd.Series([["c"], "a b"]), {}, r"holds strings instead of lists of words: sentence 1 is 'a b'"),
        (
            pd.Series(TEXTS),
            {"column": "text"},
            "of type Series, is a column itself and has no column 'text': omit colu",
        ),
        (pa.array([1, 2]), {}, "the Int64Array holds int64 values"),
        (pl.Series([[1.5]]), {}, r"the Series holds large_list<item: double.*> values.*Pandas"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"column": "a"}, "has two columns of the same name"),
        (pd.DataFrame(), {}, "it has no columns"),
        ([{"a": "x"}, ["b"]], {"column": "a"}, "row 1 is .'b'., of type list, instead of a dict"),
        ([["b"], {"a": 1}], {}, r"sentence 1 is a dict, \{'a': 1\}: give lists of words, or dicts alone"),
        ({"text": "a b"}, {"column": "text"}, "column 'text' of the dict is 'a b', of type str: it must be the rows"),
        (LINES, {"column": "text"}, "of type list, is not a table and has no columns: omit column"),
        (LINES, {"encoding": "latin-1"}, "encoding= decodes files of text, and this corpus is not files: omit it"),
        (np.zeros((2, 2), int), {"column": "x"}, "column is for tables, and the corpus is an array: omit it"),
        (pd.DataFrame({"a": [1, 2]}).groupby("a"), {}, r"the token a 0 1 is of type DataFrame: tokens must be"),
        (nx.path_graph(3), {}, r"graph or a sparse matrix, of type Graph: to train on random walks .*RandomWalks"),
        (sp.csr_array(np.eye(2)), {}, r"graph or a sparse matrix, of type csr_array"),
        (iter(["a", 5]), {}, r"holds texts, but row 1 is 5, of type int"),
        (iter(["a", "b\ud800"]), {}, r"row 1, 'b\\ud800', contains '\\ud800', half of a surrogate pair"),
    ],
)
def test_wrong_columns_are_refused(corpus, options, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL, **options)


def test_a_column_of_a_dataset_is_a_column():
    column = datasets.Dataset.from_dict(COLUMNS)["text"]
    if isinstance(column, list):
        pytest.skip("in earlier versions it is a list")
    check(read_corpus(column, ALL), LINES)
    with pytest.raises(CorpusError, match="of type Column, is a column itself"):
        read_corpus(column, ALL, column="text")


def test_a_column_may_be_named_by_a_number():
    check(read_corpus(pd.DataFrame([[1, "a b"], [2, "c"]]), ALL, column=1), [["a", "b"], ["c"]])


@pytest.mark.parametrize("streamed", [False, True])
def test_a_dict_of_datasets_is_refused_with_its_splits(streamed):
    train = datasets.Dataset.from_dict(COLUMNS)
    splits = datasets.DatasetDict(train=train, test=train)
    if streamed:
        splits = datasets.IterableDatasetDict({name: part.to_iterable_dataset() for name, part in splits.items()})
    with pytest.raises(CorpusError, match=r"holds the splits 'train', 'test': give one of them, as in corpus\['train'"):
        read_corpus(splits, ALL, column="text")


def test_no_library_is_imported_to_recognise_a_table():
    code = (
        "import sys; from firth.text import read_corpus; from firth.options import Options; import pyarrow as pa\n"
        "table, options = pa.table({'x': ['a b', 'c']}), Options(min_count=1)\n"
        "sys.modules.pop('pandas', None)  # PyArrow imports it\n"
        "for corpus in (table, table['x'], [['a']], iter(['a b'])): read_corpus(corpus, options)\n"
        "print({'pandas', 'polars', 'datasets'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("column", [[], [None, None], [float("nan")], pd.Series([], dtype=float)])
def test_a_column_without_values_is_empty_and_not_a_column_of_numbers(column):
    with pytest.raises(CorpusError, match="the corpus is empty"):
        read_corpus(pd.DataFrame({"text": column}), ALL, column="text")
