"""`firth item2vec`: the columns it reads, the vectors it writes, and errors."""

import pandas as pd
import pytest

from cli._program import one_line
from firth import Word2Vec, sequences


@pytest.fixture
def events(tmp_path):
    rows = [(s, f"item{(s + i * i) % 7}", 10 - i, s % 3, 1.0 + s % 2) for s in range(40) for i in range(4)]
    path = tmp_path / "events.parquet"
    pd.DataFrame(rows, columns=["session", "item", "time", "country", "weight"]).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("flags", "arguments"),
    [
        ((), {"by": "session"}),
        (("--order", "time", "--weight", "weight"), {"by": "session", "order": "time", "weight": "weight"}),
        (("--by", "country"), {"by": ["session", "country"]}),
    ],
)
def test_the_command_trains_what_the_classes_train(run, events, tmp_path, flags, arguments):
    common = ("--by", "session", "--item", "item", "--seed", 3, "--vector-size", 8)
    done = run("item2vec", events, "-o", tmp_path / "m.firth", *common, *flags)
    assert done.code == 0
    assert "saved       " in done.out
    corpus = sequences(events, item="item", **arguments)
    options = {"vector_size": 8, "window": 1000, "shrink_windows": False, "sample": 0, "min_count": 1, "seed": 3}
    model = Word2Vec(**options).fit(corpus)
    assert Word2Vec.load(tmp_path / "m.firth").wv.vectors.tobytes() == model.wv.vectors.tobytes()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--item", "item"], 2, "Missing option '--by'"),
        (["--by", "session", "--item", "items"], 1, "items"),
        (["--by", "session", "--item", "item", "--window", "0"], 2, "--window 0 is not allowed"),
    ],
)
def test_what_is_wrong_is_said_before_training(run, events, tmp_path, arguments, code, message):
    done = run("item2vec", events, "-o", tmp_path / "m.firth", "-q", *arguments)
    assert done.code == code
    assert message in one_line(done.err)
    assert not (tmp_path / "m.firth").exists()
