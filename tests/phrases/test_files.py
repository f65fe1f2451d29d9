"""Text files with phrases joined: the same as `Phrases`, over several passes, written atomically."""

import gzip
import io

import pytest

from firth import CorpusError, OptionError, Phrases
from firth.options import PhraseOptions
from firth.phrases import phrase_files
from phrases._oracle import random_sentences, sentences_with_names

OPTIONS = PhraseOptions(min_count=2, threshold=2, connector_words={"w1", "w2"})


def text_file(folder, sentences, name="text.txt"):
    (folder / name).write_text("".join(" ".join(sentence) + "\n" for sentence in sentences))
    return folder / name


def phrased(path) -> list[list[str]]:
    assert path.read_text().endswith("\n")
    return [line.split(" ") for line in path.read_text().splitlines()]


def in_python(sentences, passes: int):
    for _ in range(passes):
        phrases = Phrases(**vars(OPTIONS)).fit(sentences, progress=False)
        before, sentences = sentences, list(phrases.transform(sentences))
    return phrases, before, sentences


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_each_pass_is_that_of_the_class(tmp_path, passes):
    sentences = sentences_with_names(1)
    summaries = phrase_files(text_file(tmp_path, sentences), tmp_path / "out.txt", OPTIONS, passes=passes)
    phrases, before, expected = in_python(sentences, passes)
    assert phrased(tmp_path / "out.txt") == expected
    assert len(summaries) == passes
    last = summaries[-1]
    assert last.phrases == len(phrases._phrases)
    assert last.n_words == sum(map(len, expected))
    assert last.highest == list(phrases.scores.items())[:5]
    assert 0 < last.joined <= sum(map(len, before)) - last.n_words


def test_sentences_longer_than_a_block_stay_one_line(tmp_path):
    sentences = random_sentences(2, 30, 3, 80_000)
    phrase_files(text_file(tmp_path, sentences), tmp_path / "out.txt", OPTIONS)
    assert phrased(tmp_path / "out.txt") == in_python(sentences, 1)[2]


def test_spaces_are_single_and_empty_lines_left_out(tmp_path):
    (tmp_path / "text.txt").write_bytes(b"\n  new  york\tis\r\n \n\nnew york\n \xc3\xa9 new york\n" * 5)
    phrase_files(tmp_path / "text.txt", tmp_path / "out.txt", PhraseOptions(min_count=1, threshold=0.2))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "new_york is\nnew_york\né_new york\n" * 5


def test_the_output_is_compressed_by_its_suffix(tmp_path):
    corpus = text_file(tmp_path, random_sentences(3, 50, 100, 20))
    phrase_files(corpus, tmp_path / "out.txt", OPTIONS)
    phrase_files(corpus, tmp_path / "out.txt.gz", OPTIONS)
    assert gzip.decompress((tmp_path / "out.txt.gz").read_bytes()) == (tmp_path / "out.txt").read_bytes()


def test_a_text_that_cannot_be_read_leaves_the_old_output(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"new york " * 1000)[:-9])
    with pytest.raises(CorpusError, match="cannot be decompressed"):
        phrase_files(tmp_path / "text.gz", tmp_path / "out.txt", OPTIONS)
    assert (tmp_path / "out.txt").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.txt", "text.gz"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"passes": 0}, OptionError, "passes=0 is not allowed: give a whole number of at least 1"),
        ({"workers": 0}, OptionError, "workers=0 is not allowed"),
        ({"max_input_bytes": 0}, OptionError, "max_input_bytes=0 is not allowed"),
        ({"options": PhraseOptions(delimiter=" ")}, OptionError, "delimiter=' ' is not allowed: whitespace separates"),
        ({"options": PhraseOptions(delimiter="\u3000_")}, OptionError, "is not allowed: whitespace separates"),
        ({"corpus": [["new", "york"]]}, CorpusError, "the corpus is of type list: give files here"),
        ({"corpus": "absent.txt"}, CorpusError, "'absent.txt' does not exist"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(tmp_path, monkeypatch, given, error, message):
    monkeypatch.chdir(tmp_path)
    text_file(tmp_path, [["new", "york"]])
    with pytest.raises(error, match=message):
        phrase_files(**{"corpus": "text.txt", "output": "out.txt", "options": OPTIONS, **given})
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_standard_input_is_read_once(tmp_path, monkeypatch):
    sentences = random_sentences(4, 50, 100, 20)
    text = text_file(tmp_path, sentences).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    phrase_files("-", tmp_path / "out.txt", OPTIONS, passes=2)
    assert phrased(tmp_path / "out.txt") == in_python(sentences, 2)[2]
