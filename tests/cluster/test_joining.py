"""Joining a cluster: one that is absent, open to everybody, or asks for another token is refused, with what to do."""

import os
import stat
import sys

import pytest

from firth.cluster import joining, local, probe
from firth.cluster.joining import _checked
from firth.cluster.probe import Answer
from firth.errors import ClusterError, MissingExtraError

AT = "10.0.0.1:6379"
ACCEPTED, REFUSED = Answer(AT, "accepted"), Answer(AT, "refused")


def test_a_cluster_that_takes_our_token_and_no_other_is_joined():
    assert _checked(ACCEPTED, REFUSED, insecure=False) == AT
    assert _checked(ACCEPTED, REFUSED, insecure=True) == AT


@pytest.mark.parametrize(
    ("own", "random", "message"),
    [
        (Answer(AT, "absent", "timeout"), REFUSED, rf"no Ray cluster answers at {AT} \(timeout\)"),
        (ACCEPTED, ACCEPTED, f"{AT} does not ask for a token, so everybody .* insecure=True if nobody"),
        (Answer(AT, "no token"), REFUSED, "this process has none: write the cluster's token to"),
        (REFUSED, REFUSED, "refuses the token of this process. It is taken from RAY_AUTH_TOKEN"),
    ],
)
def test_another_cluster_is_refused(own, random, message):
    with pytest.raises(ClusterError, match=message):
        _checked(own, random, insecure=False)


def test_an_open_cluster_is_joined_on_request():
    assert _checked(ACCEPTED, ACCEPTED, insecure=True) == AT


def test_more_nodes_than_a_machine_should_run_are_refused():
    with pytest.raises(ClusterError, match=r"100 nodes on this machine would take too much .* give at most 16 nodes"):
        local.local_cluster(100).__enter__()


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_new_token_can_be_read_by_its_user_alone(home):
    local.ensure_token()
    path = home / ".ray" / "auth_token"
    token = path.read_text()
    assert len(token) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    local.ensure_token()
    assert path.read_text() == token


def test_of_two_new_tokens_the_first_counts(home):
    path = home / "auth_token"
    path.write_text("theirs")
    local._write_token(path)
    assert path.read_text() == "theirs"
    assert list(home.iterdir()) == [path]


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_a_token_in_the_environment_is_kept(home, monkeypatch, name):
    monkeypatch.setenv(name, "secret")
    local.ensure_token()
    assert list(home.iterdir()) == []


def test_a_home_that_cannot_be_written_to_is_explained(home):
    (home / ".ray").write_text("a file")
    with pytest.raises(ClusterError, match=r"no token for Ray could be created: .*Set RAY_AUTH_TOKEN to a long secret"):
        local.ensure_token()


@pytest.mark.parametrize(
    ("before", "is_open", "after"),
    [(None, False, "token"), ("disabled", False, "token"), ("k8s", False, "k8s"), ("token", True, "disabled")],
)
def test_the_environment_of_ray_asks_for_a_token_and_sends_no_statistics(monkeypatch, before, is_open, after):
    given = {} if before is None else {"RAY_AUTH_MODE": before}
    monkeypatch.setattr(os, "environ", given)
    local.prepare_environment(is_open=is_open)
    assert os.environ["RAY_AUTH_MODE"] == after
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.fixture
def without_ray(tmp_path, monkeypatch):
    """Make `import ray` fail, in this process and in those that it starts."""
    (tmp_path / "ray.py").write_text("raise ImportError('no Ray here')")
    monkeypatch.syspath_prepend(tmp_path)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setattr(os, "environ", {**os.environ, "PYTHONPATH": path})
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)


def test_without_ray_the_command_that_installs_it_is_named(without_ray):
    from firth.cluster.arguments import Cluster

    command = r"training on a cluster needs Ray: install it with  pip install 'firth\[ray\]'"
    with pytest.raises(MissingExtraError, match=command), joining.joined(Cluster(AT), 1):
        pass
    with pytest.raises(MissingExtraError, match=command):
        probe.ask(AT)
    with pytest.raises(MissingExtraError, match=command), local.local_cluster():
        pass
