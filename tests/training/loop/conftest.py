"""The fixture that the tests of checkpoints and of signals share."""

import pytest

from firth.text import store
from firth.training.negative_sampling import partition
from firth.training.softmax import batches


@pytest.fixture
def many_tasks(monkeypatch):
    """Cut a small corpus into many tasks of every kind."""
    monkeypatch.setattr(store, "BLOCK_WORDS", 2_000)
    monkeypatch.setattr(partition, "MIN_BUCKET_PAIRS", 1)
    monkeypatch.setattr(partition, "BUCKET_PAIRS", 12_000)  # a chunk has at most two token blocks
    monkeypatch.setattr(batches, "BATCH", 40)
