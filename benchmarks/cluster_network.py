"""Trains on two members in two network namespaces, joined by a link of limited speed, and compares with `firth plan`.

    sudo python benchmarks/cluster_network.py wiki.txt [--gbits 1] [--vector-size 100] [--epochs 3]

Each member is a process with one thread in a namespace of its own. A pair of virtual Ethernet devices joins the two,
and `tc` (token bucket filter) limits the speed in both directions. Linux only; it needs the programs `ip` and `tc`, and
the right to use them. Both members share this machine, so the forecast is for machines of one core with its speeds.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from firth.cluster.member import Member
from firth.cluster.setup import Setup
from firth.cluster.transport import FlightExchange
from firth.options import Options
from firth.planning import Forecast, Machines, Workload, measure
from firth.text import read_corpus

SPACES = ["firth-a", "firth-b"]
HOSTS = ["10.213.7.1", "10.213.7.2"]
PORT = 47_213
TOKEN = "the two namespaces see nobody else"
BURST = "256kb"
ROUNDS = 2  # of measuring this machine


def command(text: str) -> None:
    """Run a command; raise `CalledProcessError` if it fails."""
    subprocess.run(text.split(), check=True)


@contextmanager
def joined_namespaces(gbits: float) -> Iterator[None]:
    """Make two namespaces that are joined by a link of this speed in each direction; remove them at the end."""
    try:
        for space in SPACES:
            command(f"ip netns add {space}")
        command(f"ip link add veth netns {SPACES[0]} type veth peer name veth netns {SPACES[1]}")
        for space, host in zip(SPACES, HOSTS, strict=True):
            command(f"ip -n {space} address add {host}/24 dev veth")
            command(f"ip -n {space} link set lo up")
            command(f"ip -n {space} link set veth up")
            limit = f"tbf rate {round(gbits * 1e9)} burst {BURST} latency 50ms"
            command(f"ip netns exec {space} tc qdisc add dev veth root {limit}")
        yield
    finally:
        for space in SPACES:
            subprocess.run(["ip", "netns", "delete", space], check=False)


def run_member(number: int, corpus: str, options: Options) -> dict[str, Any]:
    """Train one of two members, in this process, and return what it did; members keep step by what they exchange."""
    with ExitStack() as stack:
        exchange = FlightExchange(number, 2, TOKEN, HOSTS[number], PORT)
        exchange.connect([f"grpc+tcp://{host}:{PORT}" for host in HOSTS])
        read = read_corpus(corpus, options, workers=1)
        tokens, counts = stack.enter_context(read.tokens), read.vocabulary.counts
        half = tokens.n_blocks // 2
        shares = (half, tokens.n_blocks - half)
        setup = Setup(counts, options, tokens.n_words, read.raw_words, tokens.longest, shares)
        member = stack.enter_context(closing(Member(setup, tokens.split(half)[number], exchange, 1)))
        wait_for(HOSTS[1 - number])
        member.start()
        epochs = [run_epoch(member, setup, exchange, epoch) for epoch in range(options.epochs)]
        sizes = {"words": tokens.n_words, "vocabulary": len(counts), "sentences": read.sentences}
        return {**sizes, "epochs": epochs, "memory": peak_memory()}


def wait_for(host: str) -> None:
    """Wait until the other member listens."""
    while True:
        try:
            socket.create_connection((host, PORT), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


def peak_memory() -> int:
    """Return the peak resident set of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def run_epoch(member: Member, setup: Setup, exchange: FlightExchange, epoch: int) -> dict[str, Any]:
    """Train an epoch, and return its time, its pairs and the bytes that this member sent."""
    began, before, pairs = time.perf_counter(), exchange.sent_bytes.copy(), 0
    for chunk in range(len(setup.chunks(epoch))):
        pairs += member.run_chunk(epoch, chunk).pairs
    member.end_loss()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "pairs": pairs, "sent": sum((exchange.sent_bytes - before).values())}


def run_both(arguments: list[str]) -> list[dict[str, Any]]:
    """Run each member in its namespace, and return what they did."""
    processes = [
        subprocess.Popen(
            ["ip", "netns", "exec", space, sys.executable, __file__, *arguments, "--member", str(number)],
            stdout=subprocess.PIPE,
        )
        for number, space in enumerate(SPACES)
    ]
    outputs = [process.communicate()[0] for process in processes]
    return [json.loads(output) for output in outputs]


def report(found: list[dict[str, Any]], load: Workload, gbits: float) -> None:
    """Measure this machine, and print what is predicted beside what was measured.

    Other work on a machine makes it slower, never faster, so the fastest epoch counts, and the fastest measurement.
    """
    speeds = max((measure(load.options, load.shape) for _ in range(ROUNDS)), key=lambda each: each.steps)
    row = Forecast(load, Machines(nodes=2, cores=1, network_gbits=gbits), speeds).on(2)
    rounds = list(zip(*(each["epochs"][1:] for each in found), strict=True))  # the first epoch has small chunks
    seconds = min(max(each["seconds"] for each in epoch) for epoch in rounds)
    sent = sum(each["sent"] for each in rounds[-1]) / 2
    memory = max(each["memory"] for each in found)
    print(f"{gbits:g} Gb/s, {load.vocabulary:,} x {load.options.vector_size}, limited by: {row.limit}")
    for name, phase in row.seconds._asdict().items():
        print(
            f"  {name:10}" + "  ".join(f"{resource} {seconds:.2f} s" for resource, seconds in phase._asdict().items())
        )
    for name, predicted, measured, unit in (
        ("bytes that a member sends in an epoch", sum(row.sent.values()) / 1e6, sent / 1e6, "MB"),
        ("time of an epoch", row.seconds.epoch, seconds, "s"),
        ("memory of a member", row.memory_bytes / 1e6, memory / 1e6, "MB"),
    ):
        print(f"{name:38} predicted {predicted:9.2f} {unit:2}  measured {measured:9.2f} {unit}")


def main() -> None:
    """Run the comparison, or one of its members."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--gbits", type=float, default=1.0)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--member", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    options = Options(vector_size=given.vector_size, epochs=given.epochs)
    if given.member is not None:
        print(json.dumps(run_member(given.member, given.corpus, options)))
        return
    with joined_namespaces(given.gbits):
        found = run_both(sys.argv[1:])
    size = found[0]
    load = Workload(size["words"], size["vocabulary"], options, round(size["words"] / size["sentences"]))
    report(found, load, given.gbits)


if __name__ == "__main__":
    main()
