"""`firth gradcheck`: the report, and its exit code."""

import json

from firth import objectives


def test_every_gradient_is_right(run):
    done = run("gradcheck", "--json")
    checks = json.loads(done.out)
    assert done.code == 0
    assert all(check["passed"] and check["difference"] <= check["tolerance"] for check in checks)
    out = run("gradcheck", "--seed", 2).out
    assert out.endswith(f"{len(checks)} of {len(checks)} gradients agree with central differences\n")
    assert all(check["name"] in out for check in checks)


def test_a_wrong_gradient_fails(run, monkeypatch):
    monkeypatch.setattr(objectives, "sigmoid_derivative", lambda x: 1.01 * objectives.sigmoid(x))
    done = run("gradcheck")
    assert done.code == 1
    assert "WRONG" in done.out
    assert run("gradcheck", "--seed", "-1").code == 2


def test_the_worked_example_shows_the_numbers_of_its_json(run):
    lines = run("gradcheck", "--example").out
    found = json.loads(run("gradcheck", "--example", "--json").out)
    assert list(found) == ["naive_softmax", "negative_sampling"]
    losses = [each["value"] for part in found.values() for each in part if each["symbol"] in "LJ"]
    assert len(losses) == 4
    assert losses[1] < losses[0]
    assert losses[3] < losses[2]
    assert all(f"{loss:.4f}" in lines for loss in losses)
