"""The arguments for a cluster are checked before anything is started."""

import pytest

from firth import OptionError, Word2Vec
from firth.cli import main
from firth.cluster.arguments import Cluster, checked_cluster
from firth.messages import command_line

CORPUS = [["a", "b", "c"]] * 20


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "node-1.example.org:6379", "[::1]:6379", "localhost:1"])
def test_an_address_is_auto_or_host_and_port(address):
    assert checked_cluster(address, 3, False) == Cluster(address, 3, insecure=False)


@pytest.mark.parametrize("address", ["", "local", "10.0.0.1", "ray://10.0.0.1:10001", "a b:1", ":6379", 6379, b"auto"])
def test_another_address_is_refused(address):
    with pytest.raises(OptionError, match=r"cluster=.* is not allowed: give the address of a Ray cluster"):
        checked_cluster(address, None, False)


def test_none_is_the_same_as_leaving_an_argument_out():
    assert checked_cluster(None, None, None, None) is None
    assert checked_cluster("auto", None, None, None) == Cluster("auto")
    model = Word2Vec(min_count=1, vector_size=4, epochs=1, sample=0.0)
    assert len(model.fit(CORPUS, cluster=None, nodes=None, insecure=None, node_files=None).wv) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nodes": 2}, "nodes needs cluster: give the address of a Ray cluster, or 'auto'"),
        ({"insecure": True}, "insecure=True needs cluster"),
        ({"node_files": True}, "node_files=True needs cluster"),
        ({"cluster": "auto", "node_files": "yes"}, "node_files='yes' is not allowed"),
        ({"cluster": "auto", "nodes": 0}, "nodes=0 is not allowed"),
        ({"cluster": "auto", "nodes": 1.5}, "nodes=1.5 is not allowed"),
        ({"cluster": "auto", "insecure": "yes"}, "insecure='yes' is not allowed"),
        ({"cluster": "auto", "validation": 1.5}, "validation=1.5 is not allowed: give a fraction between 0 and 1"),
        ({"cluster": "auto", "kernels": "reference"}, "kernels='?reference'? is not available on a cluster"),
        ({"cluster": "auto", "resume": True}, "resume=True needs checkpoint, the folder for the checkpoints"),
        ({"cluster": "auto", "checkpoint_minutes": 1}, "checkpoint_minutes needs checkpoint"),
        ({"cluster": "auto", "nodes": 17}, "17 nodes cannot share 16 blocks of rows: each needs one. Give at most 16"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused_before_it_is_joined(arguments, message, monkeypatch):
    monkeypatch.setattr("firth.cluster.joining.ask", None)
    with pytest.raises(ValueError, match=message):
        Word2Vec(min_count=1).fit(CORPUS, **arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "cbow"}, {"objective": "hierarchical_softmax"},
        {"schedule": "hogwild"}, {"subwords": (3, 6)},
    ],
)  # fmt: skip
def test_options_that_a_cluster_does_not_train_are_refused(options, tmp_path, monkeypatch):
    monkeypatch.setattr("firth.cluster.joining.ask", None)
    (tmp_path / "corpus.txt").write_text("a b c d\n" * 20)
    with pytest.raises(OptionError, match="does not run on a cluster"):
        Word2Vec(min_count=1, **options).fit(tmp_path / "corpus.txt", cluster="auto")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--nodes", "2"], "--nodes needs --cluster: give the address of a Ray cluster, or 'auto'"),
        (["--insecure"], "--insecure needs --cluster"),
        (["--node-files"], "--node-files needs --cluster"),
        (["--cluster", "ray"], "--cluster 'ray' is not allowed: give the address of a Ray cluster"),
        (["--cluster", "auto", "--nodes", "none"], "--nodes 'none' is not allowed: give a whole number from 1 to 1024"),
        (["--cluster", "auto", "--schedule", "hogwild"], "--schedule 'hogwild' does not run on a cluster"),
    ],
)
def test_wrong_flags_are_refused(flags, message, tmp_path, capsys):
    corpus, output = tmp_path / "corpus.txt", tmp_path / "model.firth"
    corpus.write_text("a b c d\n" * 20)
    assert main(["train", str(corpus), "-o", str(output), *flags]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not output.exists()


def test_flags_are_named_on_the_command_line():
    with command_line(), pytest.raises(OptionError, match=r"--nodes needs --cluster"):
        checked_cluster(None, 2, False)
