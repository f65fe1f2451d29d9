"""Ray clusters on this machine, and runs on them in processes of their own, which tests kill."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from firth import Word2Vec
from firth.cluster.probe import reachable

OPTIONS = {"vector_size": 24, "epochs": 3, "min_count": 1, "blocks": 6, "seed": 3}

TRAIN = """
import sys
from firth import Word2Vec
corpus, output, cluster, nodes, checkpoint, resume = sys.argv[1:7]
def tell(model):
    print("epoch", len(model.history), flush=True)
model = Word2Vec(**{options}).fit(
    corpus, cluster=cluster, nodes=int(nodes), checkpoint=checkpoint, checkpoint_minutes=1e-6,
    resume=resume == "resume", callbacks=tell, progress=True, **{arguments}
)
model.save(output)
"""


def write_corpus(path, n_words=600_000, V=3_000, seed=7):
    """Write sentences of random words, so many that an epoch has several chunks and blocks of rows."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, V + 1)
    ids = rng.choice(V, n_words, p=shares / shares.sum())
    lines = [" ".join(f"w{i}" for i in sentence) for sentence in np.split(ids, np.arange(20, n_words, 20))]
    path.write_text("\n".join(lines) + "\n")
    return path


def digest(model):
    """Return a digest of what was trained, and of the losses."""
    sha = hashlib.sha256(np.ascontiguousarray(model.wv.vectors).data)
    sha.update(np.ascontiguousarray(model.outside).data)
    sha.update(repr([(r.epoch, r.loss, r.end_loss, r.pairs, r.words, r.alpha) for r in model.history]).encode())
    sha.update(repr(model.wv.index_to_key).encode())
    return sha.hexdigest()


def digest_here(corpus, **options):
    """Return the digest of the same run on one thread."""
    return digest(Word2Vec(**OPTIONS | options, workers=1).fit(corpus, progress=False))


def start_training(*arguments, variables=None, fit=None, **options):
    """Start `TRAIN` in a process of its own, with more variables in its environment; its lines go to a pipe.

    fit  more arguments of `fit`
    """
    program = TRAIN.replace("{options}", repr(OPTIONS | options)).replace("{arguments}", repr(fit or {}))
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], env={**os.environ, **(variables or {})},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(process, text, seconds=120):
    """Return the lines of a process up to the first that contains a text."""
    lines, end = [], time.monotonic() + seconds
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
        assert time.monotonic() < end, lines
    raise AssertionError(f"no line has {text!r}: {''.join(lines)}")


@contextmanager
def drained(process):
    """Read the lines of a process in the `with` block, so that it never waits for a reader; yield those read so far."""
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    yield lines
    reader.join(30)


def newest_checkpoint(folder):
    """Return the name of the newest checkpoint in a folder, or an empty text."""
    return max((path.name for path in folder.glob("checkpoint-*.firth")), default="")


def command_of(pid):
    """Return the command, or the title, of a process; an empty text if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def members():
    """Return the numbers of the processes in which members train, on the nodes that this process started."""
    return [pid for pid in children(os.getpid()) if "ray::MemberProcess" in command_of(pid)]


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def make_certificates(folder):
    """Return the variables with which Ray encrypts, for new certificates; needs openssl."""
    folder.mkdir()
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,IP:::ffff:127.0.0.1\n")
    commands = [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=node -keyout node.key -out node.csr",
        "x509 -req -in node.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out node.crt",
    ]
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    files = {"SERVER_CERT": "node.crt", "SERVER_KEY": "node.key", "CA_CERT": "ca.crt"}
    return {"RAY_USE_TLS": "1"} | {f"RAY_TLS_{name}": str(folder / file) for name, file in files.items()}


@contextmanager
def ray_start(*arguments, within=(), **variables):
    """Start a node by Ray's own command, with these variables in its environment, and wait until it runs.

    within  a command that runs the command after it
    """
    program = Path(sys.executable).with_name("ray")
    common = ["--num-cpus=1", "--node-ip-address=127.0.0.1", "--object-store-memory=80000000", "--block"]
    process = subprocess.Popen(
        [*within, program, "start", *common, *arguments], env={**os.environ, **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(process, "Ray runtime started")
        yield
    finally:
        for pid in [process.pid, *children(process.pid)]:
            kill(pid)
        process.wait()
        process.stdout.close()


def with_folder(real, seen):
    """Return a command after which another runs where the folder `seen` has the files of `real`, for it alone."""
    return ["unshare", "--mount", "sh", "-c", f'mount --bind {real} {seen} && exec "$@"', "sh"]


def can_mount():
    """Return whether `with_folder` works here."""
    return shutil.which("unshare") is not None and not subprocess.call(
        ["unshare", "--mount", "mount", "--bind", "/tmp", "/tmp"], stderr=subprocess.DEVNULL
    )


def kill_node(address, choose=min):
    """Kill all processes of a node that is not the first, as if its machine lost its power."""
    raylets = [pid for pid in children(os.getpid()) if "raylet/raylet" in command_of(pid)]
    own = [pid for pid in raylets if any(f"={each}" in command_of(pid) for each in (address, reachable(address)))]
    raylet = choose([pid for pid in own if "--head" not in command_of(pid)])
    for pid in [raylet, *children(raylet)]:
        kill(pid)


def children(parent):
    """Return the numbers of the child processes of a process, and of theirs."""
    own: list[int] = []
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            own += map(int, path.read_text().split())
    return [each for child in own for each in (child, *children(child))]


@contextmanager
def ended(process):
    """Kill a process, and all of its session, at the end of the `with` block."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
