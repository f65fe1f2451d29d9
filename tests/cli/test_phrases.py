"""`firth phrases`: the text it writes, its summary, its flags, and usage errors."""

import pytest

from cli._program import Done, one_line
from firth import Phrases
from firth.options import ENGLISH_CONNECTOR_WORDS, PhraseOptions

TEXT = "we fly to new york city from the bank of america\nnew york is not the bank\nthe city of new york\n" * 10
FLAGS = ["--min-count", 1, "--threshold", 0.5, "--no-progress"]


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.txt"


def expected(**options) -> str:
    sentences = [line.split() for line in TEXT.splitlines()]
    phrases = Phrases(min_count=1, **{"threshold": 0.5, **options}).fit(sentences, progress=False)
    return "".join(" ".join(sentence) + "\n" for sentence in phrases.transform(sentences))


def test_phrases_are_joined_and_summarised(run, text, output):
    done = run("phrases", text, "-o", output, *FLAGS)
    assert (done.code, done.err) == (0, "")
    assert output.read_text() == expected()
    assert "new_york" in output.read_text()
    words = len(output.read_text().split())
    phrases = len(Phrases(min_count=1, threshold=0.5).fit(text, progress=False).scores)
    assert f"pass 1      {phrases} phrases, joined {len(TEXT.split()) - words} times; words left {words}\n" in done.out
    assert "\nhighest     " in done.out
    assert done.out.endswith(f"saved       {output} ({output.stat().st_size} bytes)\n")


def test_quiet_prints_nothing(run, text, output):
    assert run("phrases", text, "-o", output, *FLAGS, "-q") == Done(0, "", "")


def test_progress_goes_to_standard_error(run, text, output):
    done = run("phrases", text, "-o", output)
    assert "read 220 words in 30 sentences" in done.err
    assert "read 220" not in done.out


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--scoring", "npmi", "--threshold", "0.3"], {"scoring": "npmi", "threshold": 0.3}),
        (["--delimiter", "+"], {"delimiter": "+"}),
        (["--connector-words", "english"], {"connector_words": ENGLISH_CONNECTOR_WORDS}),
        (["--connector-words", "words.txt"], {"connector_words": {"of", "is"}}),
        (["--max-vocab", "1000"], {"max_vocab": 1000}),
        (["--workers", "2"], {}),
    ],
)
def test_every_option_is_used(run, text, output, monkeypatch, flags, options):
    monkeypatch.chdir(text.parent)
    (text.parent / "words.txt").write_text("of\n  is\n")
    assert run("phrases", text, "-o", output, *FLAGS, *flags).code == 0
    assert output.read_text() == expected(**options)


def test_further_passes_find_longer_phrases(run, text, output):
    done = run("phrases", text, "-o", output, *FLAGS, "--passes", 2)
    assert "\npass 2      " in done.out
    assert "_new_york" in output.read_text() or "new_york_" in output.read_text()


def test_dropped_pairs_are_a_warning(run, text, output):
    done = run("phrases", text, "-o", output, *FLAGS[:-1], "--max-vocab", 15)
    assert done.code == 0
    assert "WARNING: rare pairs were dropped " in done.err
    assert " because of --max-vocab 15: counts of pairs may be too low" in done.err


def test_standard_input_is_read(run, output):
    assert run("phrases", "-", "-o", output, *FLAGS, stdin=TEXT).code == 0
    assert output.read_text() == expected()


@pytest.mark.parametrize(("interrupt", "code"), [(KeyboardInterrupt, 130), (SystemExit, 143)])
def test_an_interrupt_leaves_the_old_output(run, text, output, monkeypatch, interrupt, code):
    def find_phrases(*_):
        raise interrupt

    monkeypatch.setattr("firth.phrases.files.find_phrases", find_phrases)
    output.write_text("old")
    assert run("phrases", text, "-o", output, "-q") == Done(code, "", "firth: interrupted\n")
    assert output.read_text() == "old"
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.txt", "text.txt"]


def test_help_shows_the_meaning_of_each_option(run):
    text = " ".join(run("phrases", "--help").out.split())
    for name, field in PhraseOptions.__dataclass_fields__.items():
        assert f"--{name.replace('_', '-')} " in text
        assert name == "connector_words" or field.metadata["meaning"][1:] in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["text.txt"], 2, "Missing option '--output'"),
        (["text.txt", "-o", "-"], 2, "text cannot be written to standard output"),
        (["text.txt", "-o", "text.txt"], 2, "text.txt is part of the corpus and would be overwritten"),
        (["text.txt", "-o", "absent/out.txt"], 1, "this folder does not exist"),
        (["text.txt", "-o", "."], 1, "is a folder: give the name of a file"),
        (["absent.txt", "-o", "o"], 1, "absent.txt"),
        (["text.txt", "-o", "o", "--passes", "0"], 2, "--passes 0 is not allowed: give a whole number of at least 1"),
        (["text.txt", "-o", "o", "--threshold", "-1"], 2, "--threshold -1 is not allowed with --scoring default"),
        (["text.txt", "-o", "o", "--threshold", "x"], 2, "--threshold 'x' is not allowed: give a number"),
        (["text.txt", "-o", "o", "--scoring", "npmi"], 2, "--threshold 10 is not allowed with --scoring npmi: give a"),
        (["text.txt", "-o", "o", "--scoring", "pmi"], 2, "--scoring 'pmi' is not allowed: give 'default' or 'npmi'"),
        (["text.txt", "-o", "o", "--delimiter", ""], 2, "--delimiter '' is not allowed: give at least one character"),
        (["text.txt", "-o", "o", "--delimiter", " "], 2, "--delimiter ' ' is not allowed: whitespace separates"),
        (["text.txt", "-o", "o", "--connector-words", "absent"], 1, "absent: No such file or directory"),
        (["text.txt", "-o", "o", "--connector-words", "empty.txt"], 2, "empty.txt has no words"),
        (["text.txt", "-o", "o", "--connector-words", "binary"], 2, "binary is not UTF-8 text"),
    ],
)
def test_errors_are_one_line_and_write_nothing(run, text, monkeypatch, arguments, code, message):
    monkeypatch.chdir(text.parent)
    (text.parent / "empty.txt").write_text(" \n")
    (text.parent / "binary").write_bytes(b"\xff\xfe")
    before = sorted(text.parent.iterdir())
    done = run("phrases", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in one_line(done.err)
    assert sorted(text.parent.iterdir()) == before
    assert text.read_text() == TEXT


def test_a_column_of_a_table_and_another_encoding_are_read(run, text, output, tmp_path):
    (tmp_path / "t.csv").write_text(
        "id,text\n" + "".join(f"1,{line}\n" for line in TEXT.splitlines()), encoding="cp500"
    )
    flags = ["--column", "text", "--encoding", "cp500", "-q"]
    assert run("phrases", tmp_path / "t.csv", "-o", output, *FLAGS, *flags) == Done(0, "", "")
    assert output.read_text() == expected()
