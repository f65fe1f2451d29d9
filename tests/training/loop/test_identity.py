import hashlib
import json

import pytest

from firth.training.loop import identity


@pytest.mark.parametrize("keys", [[], ["a"], ["\u00e9\ud800", "b", "c"], [1, -2, 3]])
@pytest.mark.parametrize("at_a_time", [1, 2, 100])
def test_the_digest_of_words_is_that_of_one_json_array(monkeypatch, keys, at_a_time):
    monkeypatch.setattr(identity, "_KEYS_AT_A_TIME", at_a_time)
    assert identity._digest_of(keys).hexdigest() == hashlib.sha256(json.dumps(keys).encode()).hexdigest()
