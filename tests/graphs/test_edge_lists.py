"""Edge lists in files: layouts, names, weights, comments, compression, and errors with line numbers."""

import gzip

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from firth import CorpusError, RandomWalks
from firth.graphs.edge_lists import read_edge_list

WEIGHTED = [("a", "b", 1.5), ("b", "c d", 2.0), ("a", "a", 0.25)]


def edges_of(path, weight="weight"):
    """Return the edges in a file as a list of names and weights."""
    found = read_edge_list(str(path), weight, False)
    weights = [None] * len(found.sources) if found.weights is None else found.weights.tolist()
    names = found.names
    return [
        (names[s], names[t], w) for s, t, w in zip(found.sources.tolist(), found.targets.tolist(), weights, strict=True)
    ]


def written(tmp_path, text, name="edges.txt"):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / name


@pytest.mark.parametrize(
    "text",
    [
        "1\t2\n2\t3\n",
        "1 2\n2 3",
        "1,2\r\n2,3\r\n",
        "1;2\n2;3\n",
        "# Nodes: 3 Edges: 2\n# FromNodeId\tToNodeId\n1\t2\n2\t3\n",
        "% sym\n\n1 2\n\n\n2 3\n\n",
        "  1   2 \n2    \t3\t\n",
        "\ufeff1 2\n2 3\n",
        "source,target\n1,2\n2,3\n",
        "Source;Type;Target\n1;x;2\n2;y;3\n",
    ],
)
def test_every_layout_gives_the_same_edges(tmp_path, text):
    assert edges_of(written(tmp_path, text)) == [("1", "2", None), ("2", "3", None)]


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\t1.5\nb\tc d\t2\na\ta\t0.25\n",
        "a,b,1.5\nb,c d,2e0\na,a,.25\n",
        '"a",b,1.5\nb,"c d",2\na,a,0.25\n',
        "weight;source;target\n1.5;a;b\n2;b;c d\n0.25;a;a\n",
    ],
)
def test_weights_are_read(tmp_path, text):
    assert edges_of(written(tmp_path, text)) == WEIGHTED


def test_weights_can_have_another_name_or_be_ignored(tmp_path):
    path = written(tmp_path, "source,target,times,weight\na,b,3,x\n")
    assert edges_of(path, "times") == [("a", "b", 3.0)]
    assert edges_of(path, None) == [("a", "b", None)]
    assert edges_of(written(tmp_path, "a b 0\n"), None) == [("a", "b", None)]


def test_parquet_and_arrow_are_tables(tmp_path):
    table = pa.table({"source": ["a", "b"], "target": ["b", "c"], "weight": [1, 2]})
    parquet.write_table(table, tmp_path / "edges.parquet")
    feather.write_feather(table, str(tmp_path / "edges.arrow"))
    for name in ("edges.parquet", "edges.arrow"):
        assert edges_of(tmp_path / name) == [("a", "b", 1.0), ("b", "c", 2.0)]


def test_a_damaged_table_is_named(tmp_path):
    parquet.write_table(pa.table({"source": ["a"], "target": ["b"]}), tmp_path / "edges.parquet")
    data = (tmp_path / "edges.parquet").read_bytes()
    with pytest.raises(CorpusError, match=r"cut\.parquet cannot be read as a Parquet file"):
        RandomWalks(written(tmp_path, data[:-20], "cut.parquet"))


@pytest.mark.parametrize("start", [b"%PDF-1.4\n", b"PK\3\4", b"\x80\x04\x95"])
def test_a_file_of_another_kind_is_refused(tmp_path, start):
    with pytest.raises(CorpusError, match="not a text"):
        RandomWalks(written(tmp_path, start + b"\0" * 100))


def test_compressed_files_are_read(tmp_path):
    path = tmp_path / "edges.txt.gz"
    path.write_bytes(gzip.compress(b"1 2\n2 3\n"))
    assert edges_of(path) == [("1", "2", None), ("2", "3", None)]


@given(
    st.lists(
        st.tuples(*2 * [st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t ,;\"'"), min_size=1)]),
        min_size=1,
    ),
    st.sampled_from("\t,"),
)
def test_any_names_are_read_as_they_are(tmp_path_factory, edges, delimiter):
    first = "".join(edges[0])
    if first[0] in "#%\ufeff" or first.strip() != first:
        return
    path = tmp_path_factory.mktemp("edges") / "edges.txt"
    path.write_bytes("".join(f"{a}{delimiter}{b}\n" for a, b in edges).encode())
    assert edges_of(path) == [(a, b, None) for a, b in edges]


def test_nodes_with_the_usual_names_of_columns_need_a_header(tmp_path):
    (tmp_path / "edges.txt").write_text("source target\nfrom to\nsrc dst\n")
    assert edges_of(tmp_path / "edges.txt") == [("from", "to", None), ("src", "dst", None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no edges"),
        ("# only\n\n", "has no edges"),
        ("a\n", "line 1 has 1 field, 'a': give two nodes"),
        (
            "From,To\na,b\n",
            r"line 1 \('From,To'\) looks like names of columns: rename those of the nodes to source and ",
        ),
        ("src\tdst\tn\na\tb\t1\n", "line 1 .* looks like names of columns"),
        ("# x\na b c d\n", "line 2 has 4 fields"),
        ("a b\nb c\n\nc\n", r"line 4 \('c'\) has 1 field, where the first line has 2"),
        ("a\tb\t1\nb\tc\tx\n", r"line 2 \('b\\tc\\tx'\) has the weight 'x': give a number"),
        ("a b 1\nb c 0\n", r"line 2 \('b c 0'\) has the weight 0: give a positive, finite number"),
        ("a b 1\nb c -1\n", "line 2 .* has the weight -1"),
        ("a b 1\nb c nan\n", "line 2 .* has the weight nan"),
        ("a b 1\nb c inf\n", "line 2 .* has the weight inf"),
        ("a,b\nb,\n", r"line 2 \('b,'\) has an empty target"),
        ("source,target\n", "has no edges after the names of the columns"),
        ("source,target,weight\na,b,\n", "line 2 .* has the weight '': give a number"),
        (b"a b\nb \xff\n", "line 2 .* is not UTF-8"),
    ],
)
def test_an_error_gives_the_line(tmp_path, text, message):
    with pytest.raises(CorpusError, match=message):
        RandomWalks(written(tmp_path, text))


@pytest.mark.parametrize("name", ["absent.txt", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        CorpusError, match=r"absent\.txt does not exist: give the path|^\. is a folder: give the path of a file$"
    ):
        RandomWalks(name)


def test_a_file_that_does_not_fit_in_memory_is_refused(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("firth.graphs.edge_lists.require_memory", lambda parts, *_: asked.append(sum(parts.values())))
    read_edge_list(str(written(tmp_path, "1 2\n" * 100)), None, False)
    assert asked == [12 * 400]


def test_comments_are_counted(tmp_path):
    walks = RandomWalks(written(tmp_path, "# a\n% b\n1 2\n"))
    assert walks.n_comments == 2
    assert walks.nodes == ["1", "2"]
    assert np.isin([node for walk in walks for node in walk], ["1", "2"]).all()
