"""`firth node2vec`: flags, the vectors it writes, and errors."""

import pytest

from cli._program import one_line
from firth import RandomWalks, Word2Vec


@pytest.fixture
def edges(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("a b 1\nb c 2\nc d 1\nd e 3\ne a 1\na c 1\n")
    return path


def test_the_command_trains_what_the_classes_train(run, edges, tmp_path):
    flags = ("--p", 0.5, "--q", 2, "--walks-per-node", 20, "--walk-length", 30, "--seed", 3, "--vector-size", 8)
    done = run("node2vec", edges, "-o", tmp_path / "m.firth", *flags)
    assert done.code == 0
    assert "saved       " in done.out
    walks = RandomWalks(edges, 20, 30, p=0.5, q=2, seed=3)
    model = Word2Vec(vector_size=8, window=10, sample=0, min_count=1, epochs=1, seed=3).fit(walks)
    assert Word2Vec.load(tmp_path / "m.firth").wv.vectors.tobytes() == model.wv.vectors.tobytes()


def test_directions_and_weights_can_be_chosen(run, edges, tmp_path):
    def sizes(*flags):
        assert run("node2vec", edges, "-o", tmp_path / "m.firth", "-q", "--vector-size", 4, *flags).code == 0
        return Word2Vec.load(tmp_path / "m.firth").wv.counts.tolist()

    found = [sizes(), sizes("--directed"), sizes("--no-weights"), sizes("--weight", "other")]
    assert len({tuple(counts) for counts in found[:3]}) == 3
    assert found[3] == found[0]  # without a header, the third field is the weight


def test_the_defaults_are_those_of_the_paper(run):
    text = " ".join(run("node2vec", "--help").out.split())
    for flag, default in {
        "walks-per-node": "10",
        "walk-length": "80",
        "window": "10",
        "p": "1.0",
        "epochs": "1",
    }.items():
        assert text.partition(f" --{flag} ")[2].partition("[default: ")[2].partition("]")[0] == default


def test_an_edge_list_is_read_from_standard_input(run, tmp_path):
    assert run("node2vec", "-", "-o", tmp_path / "m.firth", "-q", "--vector-size", 4, stdin="a b\nb c\n").code == 0
    assert set(Word2Vec.load(tmp_path / "m.firth").wv.index_to_key) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent.txt"], 1, "absent.txt does not exist"),
        (["edges.txt", "--p", "0"], 2, "--p 0.0 is not allowed: give a number from 1e-09 to 1e+09"),
        (["edges.txt", "--walk-length", "1"], 2, "--walk-length 1 is not allowed"),
        (["edges.txt", "--window", "0"], 2, "--window 0 is not allowed"),
        (["edges.txt", "--validation", "2"], 2, "--validation 2.0 is not allowed"),
        (["edges.txt", "--lowercase"], 1, "--lowercase is for text"),
        (["m.firth"], 2, "m.firth is part of the corpus and would be overwritten"),
    ],
)
def test_a_wrong_argument_is_refused_before_training(run, edges, monkeypatch, arguments, code, message):
    monkeypatch.chdir(edges.parent)
    (edges.parent / "m.firth").write_text("a b\n")
    done = run("node2vec", *arguments, "-o", "m.firth", "-q")
    assert (done.code, done.out) == (code, "")
    assert message in one_line(done.err)
