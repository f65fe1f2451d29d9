"""`firth train --watch`: its flags."""

import socket

import pytest


def test_a_busy_port_is_refused_before_the_corpus_is_read(run, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a b " * 100)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = run("train", corpus, "-o", tmp_path / "m.firth", "--watch", "--no-browser", "--port", port)
    assert done.code != 0
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use; give another" in done.err
    assert not (tmp_path / "m.firth").exists()


@pytest.mark.parametrize(("flags", "error"), [
    (["--port", "8080"], "--port needs --watch"),
    (["--no-browser"], "--no-browser needs --watch"),
    (["--watch", "--port", "80"], "--port 80 is not allowed: give a whole number from 1024 to 65535"),
])  # fmt: skip
def test_flags_of_the_page_are_checked(run, tmp_path, flags, error):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a b " * 100)
    done = run("train", corpus, "-o", tmp_path / "m.firth", *flags)
    assert done.code == 2
    assert error in done.err
