"""Files that lie on some nodes alone: what each node finds, in which order the nodes follow, and what is refused."""

from concurrent.futures import Future

import pytest

from cluster.test_text import PLAIN, check_same, read
from firth import CorpusError, OptionError, Word2Vec
from firth.cluster.node_files import NodeFile, NodeFiles, checked_paths, find_files, order_nodes
from firth.errors import ClusterError
from firth.messages import command_line
from firth.training.loop.progress import Reporter
from firth.training.run import Texts


class Node:
    """A handle of a node that has these files."""

    def __init__(self, *files):
        self.files = files

    def submit(self, method, *arguments):
        assert method == "find_files"
        result = Future()
        result.set_result(self.files)
        return result


def file(path, position=0, size=10, beginning=b"a"):
    return NodeFile(position, path, size, beginning)


@pytest.fixture
def disks(tmp_path):
    """The folders of two nodes, with the files of a corpus."""
    texts = {"one/b.txt": "a b\nc d\n", "one/e.txt": "e a\n", "two/a.txt": "d d\n", "two/sub/c.txt": "c c a\n"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_node_finds_the_files_that_it_has_in_the_order_of_the_corpus(disks):
    paths = checked_paths([disks / "two", str(disks / "nowhere*.txt"), disks / "missing", str(disks / "one" / "*.txt")])
    found = find_files(paths, PLAIN, None)
    assert [(each.position, each.path.removeprefix(f"{disks}/")) for each in found] == [
        (0, "two/a.txt"), (0, "two/sub/c.txt"), (3, "one/b.txt"), (3, "one/e.txt"),
    ]  # fmt: skip
    assert [each.size for each in found] == [4, 6, 8, 4]
    assert len({each.beginning for each in found}) == 4
    assert find_files([f"{disks}/missing"], PLAIN, None) == []


def test_a_pattern_of_any_depth_finds_files_at_the_first(disks):
    assert len(find_files([f"{disks}/one/**/*.txt"], PLAIN, None)) == 2


def test_the_folder_of_checkpoints_is_not_read(disks):
    with pytest.raises(OptionError, match="is inside the corpus"):
        find_files([str(disks)], PLAIN, str(disks / "run"))


def test_relative_paths_start_in_the_folder_of_the_driver(disks, monkeypatch):
    monkeypatch.chdir(disks)
    assert checked_paths("one/*.txt") == [f"{disks}/one/*.txt"]


@pytest.mark.parametrize("corpus", [[["a", "b"]], "-", ["a.txt", "-"], "", iter(["a"]), 3, None])
def test_a_corpus_that_is_not_paths_is_refused(corpus):
    with pytest.raises(OptionError, match="node_files=True needs paths that each node can look up"):
        Word2Vec().fit(corpus, cluster="auto", node_files=True)


def test_nodes_follow_in_the_order_of_their_first_files():
    found = [[file("/d/m"), file("/d/z", 1)], [file("/d/n"), file("/d/o")], [file("/d/a", 1)], [file("/d/b")]]
    assert order_nodes(["/d", "/e"], found, list("wxyz")) == [3, 0, 1, 2]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            [[file("/d/a")], []],
            r"second has none of the files of the corpus \(/d, /e\): put some there, or start Ray on",
        ),
        ([[file("/d/a")], [file("/d/b")]], "no node has a file /e: check the path"),
        (
            [[file("/d/a"), file("/e", 1)], [file("/d/a")]],
            "first and second both have /d/a, with the same size and",
        ),
        ([[file("/d/a"), file("/e", 1)], [file("/d/a", 0, 11)]], "have different files of the same path, /d/a: give"),
        ([[file("/d/a"), file("/e", 1)], [file("/d/a", 0, 10, b"b")]], "have different files of the same path, /d/a"),
    ],
)
def test_files_that_make_no_corpus_are_refused(found, message):
    if not found[1]:
        found[0].append(file("/e", 1))
    with pytest.raises(CorpusError, match=message):
        order_nodes(["/d", "/e"], found, ["first", "second"])


def test_members_are_numbered_in_the_order_of_the_corpus(disks):
    nodes = [Node(*find_files([str(disks / name)], PLAIN, None)) for name in ("two/sub", "one")]
    order, plan = NodeFiles(Texts("/d"), None, Reporter()).find(nodes, ["two", "one"])
    assert order == [1, 0]
    files = [disks / "one" / "b.txt", disks / "one" / "e.txt", disks / "two" / "sub" / "c.txt"]
    assert plan.files == [files[:2], files[2:]]
    check_same(read(plan.files), files)


def test_files_that_are_lost_with_a_node_end_the_run():
    files, one, other = NodeFiles(Texts("/d"), None, Reporter()), Node(file("/d/a")), Node(file("/d/b"), file("/d/c"))
    files.find([one, other], "xy")
    files.find([other, one], "yx")
    with pytest.raises(ClusterError, match=r"has lost 2 files of the corpus, such as /d/b, with a node: start Ray on"):
        files.find([one], "x")


def test_all_nodes_take_part():
    files = NodeFiles(Texts("/d"), None, Reporter())
    files.check_number(None, 3)
    files.check_number(3, 3)
    with command_line(), pytest.raises(ClusterError, match=r"--nodes 2, but the cluster has 3 nodes with cores, and"):
        files.check_number(2, 3)
    files.find([Node(file("/d/a"))], "x")
    files.check_number(2, 1)  # a node was lost, but none of the files
