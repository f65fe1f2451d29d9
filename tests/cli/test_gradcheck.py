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
