"""Training on Ray clusters, which are started on this machine: equal bytes, failures, and refusals."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pytest
from test_docs import blocks

from cluster._ray import (
    OPTIONS,
    can_mount,
    children,
    command_of,
    digest,
    digest_here,
    drained,
    ended,
    kill,
    kill_node,
    make_certificates,
    members,
    newest_checkpoint,
    ray_start,
    start_training,
    wait_for,
    with_folder,
    write_corpus,
)
from firth import ClusterError, CorpusError, OptionError, Word2Vec, load
from firth.cli import main
from firth.cluster.local import local_cluster
from firth.cluster.member_process import certificates
from firth.cluster.probe import ask, reachable

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves pipes and processes to the garbage collector
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
pytest.importorskip("ray", reason="needs pip install 'firth[ray]'")

KILLS = int(os.environ.get("FIRTH_CLUSTER_KILLS", "4"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt")


@pytest.fixture(scope="module")
def expected(corpus):
    return digest_here(corpus)


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of four nodes."""
    with local_cluster(4) as address:
        yield address


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_any_number_of_nodes_gives_the_bytes_of_one_thread(cluster, corpus, expected, nodes):
    model = Word2Vec(**OPTIONS).fit(corpus, cluster=cluster, nodes=nodes, progress=False)
    assert digest(model) == expected
    assert members() == []


def test_callbacks_and_history_are_those_of_one_machine(cluster, corpus, expected):
    seen = []

    def stop_after_two(model):
        seen.append((len(model.history), model.wv.vectors.copy()))
        return len(model.history) == 2

    here = Word2Vec(**OPTIONS, workers=1).fit(corpus, callbacks=stop_after_two, progress=False)
    on_one_machine, seen = seen[:], []
    there = Word2Vec(**OPTIONS).fit(corpus, cluster=cluster, nodes=2, callbacks=stop_after_two, progress=False)
    assert digest(there) == digest(here) != expected
    assert [epoch for epoch, _ in seen] == [1, 2]
    for (_, one), (_, other) in zip(on_one_machine, seen, strict=True):
        assert np.array_equal(one, other)
    assert there.corpus == here.corpus


def test_vectors_to_start_from_and_frozen_words_are_those_of_one_machine(cluster, corpus, tmp_path):
    earlier = tmp_path / "earlier.firth"
    Word2Vec(**OPTIONS | {"epochs": 1, "max_vocab": 500}).fit(corpus, progress=False).save(earlier)
    freeze = ["w0", "w7", "w300"]
    here = Word2Vec(**OPTIONS, workers=1).fit(corpus, init=earlier, freeze=freeze, progress=False)
    there = Word2Vec(**OPTIONS).fit(corpus, init=earlier, freeze=freeze, cluster=cluster, nodes=3, progress=False)
    assert digest(there) == digest(here)
    assert there.corpus == here.corpus
    assert there.corpus["frozen"] == 3
    assert np.array_equal(there.wv["w7"], load(earlier).wv["w7"])


def test_the_validation_loss_is_that_of_one_machine(cluster, corpus, tmp_path):
    here = Word2Vec(**OPTIONS, workers=1).fit(corpus, validation=0.2, progress=False)
    losses = [record.validation_loss for record in here.history]
    assert losses[0] != losses[-1]
    there = Word2Vec(**OPTIONS).fit(corpus, validation=0.2, cluster=cluster, nodes=3, progress=False)
    assert [record.validation_loss for record in there.history] == losses
    assert digest(there) == digest(here)

    arguments = (corpus, tmp_path / "m.firth", cluster, 3, tmp_path / "run", "start")
    with ended(start_training(*arguments, fit={"validation": 0.2})) as process:
        wait_for(process, "epoch 1")
        kill(members()[0])
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, rest
    killed = load(tmp_path / "m.firth")
    assert [record.validation_loss for record in killed.history] == losses
    assert digest(killed) == digest(here)


def test_a_corpus_in_memory_is_sent_to_the_members_also_after_one_was_killed(cluster, corpus, expected):
    sentences = [line.split() for line in corpus.read_text().splitlines()]

    def kill_one(model):
        if len(model.history) == 1:
            kill(members()[0])

    there = Word2Vec(**OPTIONS).fit(iter(sentences), cluster=cluster, nodes=3, callbacks=kill_one, progress=False)
    assert digest(there) == expected


def test_a_validation_text_in_memory_is_read_once(cluster, corpus):
    sentences = [line.split() for line in corpus.read_text().splitlines()[:500]]
    here = Word2Vec(**OPTIONS, workers=1).fit(corpus, validation=sentences, progress=False)
    there = Word2Vec(**OPTIONS).fit(corpus, validation=iter(sentences), cluster=cluster, nodes=2, progress=False)
    assert [r.validation_loss for r in there.history] == [r.validation_loss for r in here.history]
    assert digest(there) == digest(here)


@pytest.mark.skipif(not can_mount(), reason="only root can give each node a folder of its own")
def test_each_node_reads_the_files_that_it_alone_has(corpus, tmp_path):
    lines = corpus.read_text().splitlines(keepends=True)
    ends = [0, 9_000, 17_000, len(lines)]
    parts = {name: lines[a:b] for name, a, b in zip(["a.txt", "b.txt", "c.txt"], ends, ends[1:], strict=False)}
    for name, disk in zip(parts, ["second", "first", "first"], strict=True):
        (tmp_path / disk).mkdir(exist_ok=True)
        (tmp_path / disk / name).write_text("".join(parts[name]))
    data = tmp_path / "data"
    data.mkdir()
    here = Word2Vec(**OPTIONS, workers=1).fit([tmp_path / "second", tmp_path / "first"], progress=False)

    with local_cluster(1, cpus=0) as address, ExitStack() as stack:
        for disk in ("first", "second"):
            inside = with_folder(tmp_path / disk, data)
            stack.enter_context(ray_start(f"--address={reachable(address)}", within=inside))
        there = Word2Vec(**OPTIONS).fit(data, cluster=address, node_files=True, progress=False)
        assert digest(there) == digest(here)
        assert there.corpus == here.corpus
        patterns = [f"{data}/c*", f"{data}/a.txt", f"{data}/b.txt"]
        run = tmp_path / "run"
        with pytest.raises(CorpusError, match=r"no node has a file .*/data/d\.txt: check the path"):
            Word2Vec(**OPTIONS).fit([*patterns, data / "d.txt"], cluster=address, node_files=True, progress=False)
        with pytest.raises(CorpusError, match=r"the node \S+ has none of the files of the corpus"):
            Word2Vec(**OPTIONS).fit(patterns[::2], cluster=address, node_files=True, progress=False)
        with pytest.raises(CorpusError, match=r"have /.*/first/b\.txt, with the same size and beginning"):
            Word2Vec(**OPTIONS).fit(tmp_path / "first", cluster=address, node_files=True, progress=False)
        arguments = (data, tmp_path / "m.firth", address, 2, run, "start")
        with ended(start_training(*arguments, fit={"node_files": True})) as process:
            wait_for(process, "epoch 1")
            kill(members()[0])
            rest, _ = process.communicate(timeout=120)
        assert process.returncode == 0, rest
        assert digest(load(tmp_path / "m.firth")) == digest(here)


SOFTMAX = {"objective": "softmax"}


@pytest.mark.parametrize(("nodes", "changes"), [(1, {}), (2, {"warm_epochs": 0}), (3, {})])
def test_the_softmax_on_any_number_of_nodes_has_the_bytes_of_one_thread(cluster, corpus, nodes, changes):
    options = OPTIONS | SOFTMAX | changes
    model = Word2Vec(**options).fit(corpus, cluster=cluster, nodes=nodes, validation=0.1, progress=False)
    here = Word2Vec(**options, workers=1).fit(corpus, validation=0.1, progress=False)
    assert digest(model) == digest(here)
    assert [each.validation_loss for each in model.history] == [each.validation_loss for each in here.history]
    assert members() == []


@pytest.mark.parametrize("moment", ["counted", "epoch 2/3", "epoch 2\n"])
def test_a_killed_member_of_the_softmax_changes_no_byte(cluster, corpus, tmp_path, moment):
    """It is killed in the warm start, before its second epoch ends, or in the passes."""
    output, arguments = tmp_path / "model.firth", SOFTMAX | {"epochs": 12}
    with ended(start_training(corpus, output, cluster, 3, tmp_path / "run", "start", **arguments)) as process:
        lines = wait_for(process, moment)
        kill(members()[-1])
        lines += wait_for(process, "starts again from the last checkpoint")
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, "".join(lines) + rest
    assert digest(load(output)) == digest_here(corpus, **arguments)


def test_the_softmax_is_resumed_on_another_number_of_nodes(cluster, corpus, tmp_path):
    output, run, arguments = tmp_path / "model.firth", tmp_path / "run", SOFTMAX | {"epochs": 12}
    with ended(start_training(corpus, output, cluster, 3, run, "start", **arguments)) as process:
        wait_for(process, "epoch 2\n")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert "repeat the call with resume=True" in rest
    model = Word2Vec(**OPTIONS | arguments).fit(
        corpus, cluster=cluster, nodes=2, checkpoint=run, resume=True, progress=False
    )  # fmt: skip
    assert digest(model) == digest_here(corpus, **arguments)


def test_a_killed_member_changes_no_byte(cluster, corpus, expected, tmp_path):
    output = tmp_path / "model.firth"
    with ended(start_training(corpus, output, cluster, 3, tmp_path / "run", "start")) as process:
        wait_for(process, "epoch 1")
        kill(members()[0])
        lines = "".join(wait_for(process, "starts again from the last checkpoint"))
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, lines + rest
    assert digest(load(output)) == expected
    assert members() == []


def test_a_killed_node_changes_no_byte(corpus, expected, tmp_path):
    with local_cluster(3) as address:
        output = tmp_path / "model.firth"
        with ended(start_training(corpus, output, address, 3, tmp_path / "run", "start")) as process:
            wait_for(process, "epoch 1")
            kill_node(address)
            rest, _ = process.communicate(timeout=240)
        assert process.returncode == 0, rest
        assert "training on 2 nodes" in rest
        assert digest(load(output)) == expected


@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize("objective", [{}, SOFTMAX])
def test_kills_at_random_moments_change_no_byte(corpus, tmp_path, objective):
    """FIRTH_CLUSTER_KILLS is the number of kills; every fourth is that of a whole node, and another then joins.

    At most two kills of members come between two checkpoints, and one of a node.
    """
    output, run, rng, before = tmp_path / "model.firth", tmp_path / "run", np.random.default_rng(11), ["none", "none"]
    options = {"epochs": 3 * KILLS, **objective}
    with ExitStack() as stack:
        address = stack.enter_context(local_cluster(3))
        arguments = (corpus, output, address, 3, run, "start")
        process = stack.enter_context(ended(start_training(*arguments, fit={"validation": 0.1}, **options)))
        lines = stack.enter_context(drained(process))
        for number in range(1, KILLS + 1):
            time.sleep(rng.uniform(0, 4))
            while not (alive := members()) or newest_checkpoint(run) == before[-2]:
                assert process.poll() is None, f"the run ended before all kills: {''.join(lines[-40:])}"
                time.sleep(0.05)
            before.append(newest_checkpoint(run))
            if number % 4:
                kill(int(rng.choice(alive)))
            else:
                kill_node(address, lambda nodes: int(rng.choice(nodes)))
                before.append(before[-1])
                stack.enter_context(ray_start(f"--address={reachable(address)}"))
        process.wait(timeout=300)
    assert process.returncode == 0, "".join(lines[-40:])
    here = Word2Vec(**OPTIONS | options, workers=1).fit(corpus, validation=0.1, progress=False)
    assert digest(load(output)) == digest(here)
    assert [record.validation_loss for record in load(output).history] == [r.validation_loss for r in here.history]


def test_a_run_is_resumed_on_another_number_of_nodes(cluster, corpus, expected, tmp_path):
    output, run = tmp_path / "model.firth", tmp_path / "run"
    with ended(start_training(corpus, output, cluster, 3, run, "start")) as process:
        wait_for(process, "epoch 1")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert "repeat the call with resume=True" in rest
    assert not output.exists()
    assert members() == []
    model = Word2Vec(**OPTIONS).fit(
        corpus, cluster=cluster, nodes=2, checkpoint=run, resume=True, progress=False
    )  # fmt: skip
    assert digest(model) == expected
    assert len(list(run.glob("rows-*"))) == len(list(run.glob("checkpoint-*"))) == 2


def test_a_killed_driver_leaves_no_process(corpus, tmp_path):
    with ended(start_training(corpus, tmp_path / "m.firth", "auto", 2, tmp_path / "run", "start")) as process:
        wait_for(process, "epoch 1")
        started = children(process.pid)
        assert len([pid for pid in started if "ray::MemberProcess" in command_of(pid)]) == 2
        kill(process.pid)
        end = time.monotonic() + 20
        while left := [command_of(pid) for pid in started if command_of(pid) and not is_agent(pid)]:
            assert time.monotonic() < end, left
            time.sleep(0.2)


def is_agent(pid):
    """Return whether a process is one of Ray's two agents of a node, which end a minute after it."""
    return command_of(pid).startswith(("ray::DashboardAgent", "ray::RuntimeEnvAgent"))


def ask_with(address, **variables):
    """Train on a cluster in a process with these variables in its environment; return its last line."""
    program = f"from firth import Word2Vec; Word2Vec().fit({__file__!r}, cluster={address!r}, progress=False)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | variables
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=90)
    assert time.monotonic() - began < 30
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


def test_a_wrong_token_or_none_is_refused(cluster, tmp_path):
    wrong = ask_with(cluster, RAY_AUTH_TOKEN="wrong")
    assert wrong.startswith("firth.errors.ClusterError: the Ray cluster at 127.0.0.1:")
    assert "refuses the token of this process" in wrong
    assert "this process has none" in ask_with(cluster, HOME=str(tmp_path))


def test_no_cluster_at_an_address_is_an_error():
    assert "no Ray cluster answers at 127.0.0.1:9" in ask_with("127.0.0.1:9")


def test_a_random_token_is_not_accepted(cluster):
    own, random = ask(cluster)
    assert (own.reply, random.reply) == ("accepted", "refused")


def test_an_open_cluster_is_joined_on_request_alone(corpus, expected, tmp_path):
    port = 6399
    address = f"127.0.0.1:{port}"
    with ray_start("--head", f"--port={port}", "--include-dashboard=false", RAY_AUTH_MODE="disabled"):
        own, random = ask(address)
        assert (own.reply, random.reply) == ("accepted", "accepted")
        with pytest.raises(ClusterError, match="does not ask for a token, so everybody who can reach it"):
            Word2Vec(**OPTIONS).fit(corpus, cluster=address, progress=False)
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
        command = ["train", corpus, "-o", tmp_path / "m.firth", "--cluster", address, "--insecure", *flags]
        subprocess.run([sys.executable, "-m", "firth", *map(str, command)], check=True, timeout=120)
    assert digest(load(tmp_path / "m.firth")) == expected


def test_nodes_with_other_settings_are_refused(corpus):
    refused = pytest.raises(ClusterError, match="would not compute the same bits: the settings of Numba is")
    with local_cluster(1) as address, ray_start(f"--address={reachable(address)}", NUMBA_OPT="2"), refused:
        Word2Vec(**OPTIONS).fit(corpus, cluster=address, nodes=2, progress=False)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_with_certificates_ray_and_the_members_encrypt(corpus, expected, tmp_path, monkeypatch):
    output, variables = tmp_path / "model.firth", make_certificates(tmp_path / "certificates")
    arguments = (corpus, output, "auto", 2, tmp_path / "run", "start")
    with ended(start_training(*arguments, variables=variables)) as process:
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, rest
    assert digest(load(output)) == expected
    variables.pop("RAY_TLS_CA_CERT")
    monkeypatch.setattr(os, "environ", variables)
    with pytest.raises(ClusterError, match="set RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and"):
        certificates()


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(children(os.getpid()))
    for _, code in blocks("cluster.md"):
        exec(code, {"__name__": "docs"})
    assert main(["train", "corpus.txt", "-o", "m.firth", "--cluster", "auto", "--nodes", "2", "--epochs", "1"]) == 0
    assert len(load("m.firth").history) == 1
    assert [command_of(pid) for pid in set(children(os.getpid())) - before] == []


def test_more_nodes_than_there_are_is_an_error(cluster, corpus):
    with pytest.raises(ClusterError, match="nodes=5, but the cluster has 4 nodes with cores"):
        Word2Vec(**OPTIONS).fit(corpus, cluster=cluster, nodes=5, progress=False)


def test_more_nodes_than_blocks_is_an_error(cluster, corpus):
    with pytest.raises(OptionError, match="4 nodes cannot share 2 blocks of rows"):
        Word2Vec(**OPTIONS | {"blocks": 2}).fit(corpus, cluster=cluster, progress=False)
