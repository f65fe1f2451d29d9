"""The demonstration: its text and its output."""

import re

import pytest

from firth import demo
from firth.cli import main
from firth.errors import CorpusError


@pytest.fixture
def library(tmp_path):
    """A small library, with folders that are skipped."""
    reading = "def read(self, write): return self.reader.write(writer)\n\n# append month red left compile\n"
    for name in ("a.py", "b/c.py", "test/d.py", "b/tests/e.py", "site-packages/f.py", "_sysconfigdata_x.py", "g.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(reading * 200)
    return tmp_path


def test_files_are_sorted_and_tests_are_skipped(library):
    assert [path.name for path in demo.source_files(library)] == ["a.py", "c.py"]


def test_a_library_without_source_files_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="holds no source files"):
        demo.source_files(tmp_path)


def test_each_line_is_a_sentence_and_the_order_is_deterministic(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"x = os.path.isdir(y_1)\n\n# caf\xe9\n--\n")
    found = list(demo.sentences([path]))
    assert sorted(found) == [["caf"], ["x", "os", "path", "isdir", "y"]]
    path.write_text("\n".join("abcdefghijklmnopqrstuvwxyz"))
    first = list(demo.sentences([path]))
    assert first == list(demo.sentences([path]))
    assert first != sorted(first)


def test_neighbours_and_an_analogy_are_printed(library):
    printed: list[str] = []
    model = demo.run(workers=1, seed=3, files=demo.source_files(library), write=printed.append)
    text = "\n".join(printed)
    assert "2 files" in printed[0]
    assert f"loss        {model.history[0].loss:.4f} " in text
    for word in demo.WORDS:
        assert re.search(rf"\n  {word} +\w+ -?\d", text)
    assert "Analogy: read is to write as reader is to ...  " in text
    assert (model.options.seed, model.workers) == (3, 1)


def test_missing_words_are_not_an_error(tmp_path):
    (tmp_path / "a.py").write_text("other words than those of the demonstration\n" * 500)
    printed: list[str] = []
    demo.run(workers=1, files=[tmp_path / "a.py"], write=printed.append)
    assert any("no analogy" in text for text in printed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_standard_library_gives_sensible_neighbours(seed, capsys):
    assert main(["demo", "--seed", str(seed)]) == 0
    out = capsys.readouterr().out

    def near(word: str) -> list[str]:
        line = re.search(rf"^  {word} +(.*)$", out, re.MULTILINE)
        return re.findall(r"[a-z]+", line[1])

    assert "readinto" in near("read")
    assert near("append")[0] == "extend"
    assert near("month")[0] == "day"
    assert {"green", "blue"} <= set(near("red"))
    assert "as reader is to ...  writer " in out
    losses = [float(text) for text in re.search(r"loss +([\d. ]+) nats", out)[1].split()]
    assert len(losses) == demo.OPTIONS["epochs"]
    assert losses == sorted(losses, reverse=True)
