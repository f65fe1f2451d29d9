"""`firth explore --export`: the page as a file."""

import pytest


def test_a_page_is_written_and_what_it_holds_is_printed(run, vectors, tmp_path):
    page = tmp_path / "page.html"
    done = run("explore", vectors, "--export", page)
    assert done.code == 0
    assert done.out.startswith(f"5 words: {page} (")
    assert "vectors of 8 bits: 100.0% of the ten nearest words are those of the model" in done.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    done = run("explore", vectors, "--export", page, "--words", 3)
    assert done.out.startswith(f"3 words of 5, the most frequent: {page} (")


@pytest.mark.parametrize(("arguments", "code", "error"), [
    (["--words", "3"], 2, "--words needs --export"),
    (["--export", "-"], 2, "a page cannot be written to standard output"),
    (["--export", "nowhere/page.html"], 1, "this folder does not exist"),
    (["--export", "page.html", "--words", "0"], 2, "--words 0 is not allowed"),
])  # fmt: skip
def test_bad_requests_write_nothing(run, vectors, tmp_path, monkeypatch, arguments, code, error):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    done = run("explore", vectors, *arguments)
    assert done.code == code
    assert error in done.err
    assert set(tmp_path.iterdir()) == before
