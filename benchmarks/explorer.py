"""Measures the explorer: start, first paint, bytes, frames, answers, memory, the layout beside umap-learn, and its end.

    python benchmarks/explorer.py model.firth
    python benchmarks/explorer.py model.firth --browser          # also first paint and frames: Playwright and Chromium
    python benchmarks/explorer.py model.firth --layout --umap    # the map by neighbours, and umap-learn's
    python benchmarks/explorer.py large.firth --generate 1000000 100    # writes random vectors to the file first

Times are wall time over the loopback interface. The kernels are compiled by a first, unmeasured run. Exit status: 2 for
wrong usage.
"""

import argparse
import http.client
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from firth import KeyedVectors
from firth.explore.layout import MOST_ARRANGED, nearest_rows, neighbour_layout
from firth.explore.maps import pca_positions, principal_axes

FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]
FRAMES = """() => new Promise((done) => {
  const canvas = document.getElementById("map-labels"), times = [];
  const step = (now) => {
    times.push(now);
    if (times.length > 60) return done(1000 * (times.length - 1) / (times.at(-1) - times[0]));
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: times.length % 2 ? 20 : -20, cancelable: true }));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


class Server:
    """`firth explore` in a process of its own."""

    def __init__(self, model: Path):
        self.start = time.perf_counter()
        command = [sys.executable, "-m", "firth", "explore", str(model), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = [self.process.stdout.readline() for _ in range(2)][1].strip()
        self.seconds = time.perf_counter() - self.start
        parts = urlsplit(self.address)
        self.host, self.cookie = parts.netloc, ""
        self.cookie = self.get(f"{parts.path}?{parts.query}").headers["set-cookie"].partition(";")[0]

    def get(self, target: str) -> Any:
        connection = http.client.HTTPConnection(self.host)
        connection.request("GET", target, headers={"Cookie": self.cookie})
        response = connection.getresponse()
        response.content = response.read()  # type: ignore[attr-defined]
        return response

    def memory(self) -> float:
        """Return the resident megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1e3

    def stop(self) -> float:
        start = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        return time.perf_counter() - start


def main() -> int:
    """Measure what was asked for, and print a line for each figure."""
    arguments = parser().parse_args()
    if arguments.generate:
        generate(arguments.model, *arguments.generate)
    wv = KeyedVectors.load(arguments.model, mmap=arguments.model.suffix == ".firth")
    wv.fill_norms()
    print(f"{arguments.model.name}: {len(wv):,} x {wv.vector_size}")
    Server(arguments.model).stop()
    server = Server(arguments.model)
    line("command to address", server.seconds, "s")
    answers(server, wv)
    line("memory of the server", server.memory(), "MB")
    line("of which above the model", server.memory() - model_bytes(arguments.model) / 1e6, "MB")
    line("bytes of the code, all files", code_bytes(server), "kB")
    line("bytes of words and one map", data_bytes(server, wv), "kB")
    line("Ctrl-C to the end", server.stop(), "s")
    if arguments.browser:
        browser(arguments.model)
    if arguments.layout:
        layouts(wv, arguments.umap)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("model", type=Path, help="a model, or vectors in any format")
    p.add_argument(
        "--generate", nargs=2, type=int, metavar=("V", "D"), help="write V random vectors of D numbers first"
    )
    p.add_argument("--browser", action="store_true", help="also measure the page in Chromium")
    p.add_argument("--layout", action="store_true", help="also measure the map by neighbours")
    p.add_argument("--umap", action="store_true", help="also umap-learn, which must be installed")
    return p


def generate(path: Path, V: int, D: int) -> None:
    """Write V random vectors of D numbers."""
    rows = np.random.default_rng(1).standard_normal((V, D), dtype=np.float32)
    KeyedVectors([f"word{row}" for row in range(V)], rows).save(path)


def line(name: str, value: float, unit: str) -> None:
    print(f"{name:34}{value:12,.3g} {unit}", flush=True)


def answers(server: Server, wv: KeyedVectors) -> None:
    rng = random.Random(1)
    words = [str(key) for key in wv.index_to_key[:30_000]]
    for name, n in (("neighbours", 1), ("an equation", 2)):
        questions = [quote(" - ".join(rng.sample(words, n))) for _ in range(60)]
        times = sorted(timed(partial(server.get, f"/api/ask?q={question}")) for question in questions)
        line(f"{name}: median", 1e3 * times[30], "ms")
        line(f"{name}: 95th percentile", 1e3 * times[56], "ms")


def model_bytes(model: Path) -> int:
    """Return the size of the file; a file that is mapped counts with the pages in use, so the figure is too low."""
    return model.stat().st_size


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def code_bytes(server: Server) -> float:
    static = Path(sys.modules["firth.explore.layout"].__file__ or "").parent / "static"
    return sum(len(server.get(f"/static/{file.name}").content) for file in static.iterdir()) / 1e3


def data_bytes(server: Server, wv: KeyedVectors) -> float:
    step = 200_000
    parts = [server.get(f"/api/{what}start={start}&count={step}").content
             for start in range(0, len(wv), step) for what in ("words?", "points?map=pca&")]  # fmt: skip
    return sum(map(len, parts)) / 1e3


def browser(model: Path) -> None:
    """Measure the first paint from the start of the command, and frames a second while the map zooms."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        server = Server(model)
        page.goto(server.address)
        page.wait_for_selector("html[data-map]")
        line("command to first paint", time.perf_counter() - server.start, "s")
        page.wait_for_selector("html[data-ready=true]")
        line("frames while zooming", page.evaluate(FRAMES), "a second")
        server.stop()
        chromium.close()


def layouts(wv: KeyedVectors, with_umap: bool) -> None:
    """Compare maps by how many of the ten true neighbours are among the ten nearest, and by random triplets."""
    units = wv.get_normed_vectors()
    start = pca_positions(wv, principal_axes(wv))
    judged = Judge(wv, units)
    judged.print("PCA", start, 0)
    before = time.perf_counter()
    positions = neighbour_layout(wv, nearest_rows(wv, lambda share: None).rows, start, lambda share: None)
    judged.print("firth", positions, time.perf_counter() - before)
    if with_umap:
        import umap

        before = time.perf_counter()
        positions = umap.UMAP(metric="cosine", random_state=1).fit_transform(units)
        judged.print("umap-learn", positions, time.perf_counter() - before)


class Judge:
    """A sample of words with their true neighbours, and random triplets."""

    def __init__(self, wv: KeyedVectors, units: Any):
        rng = np.random.default_rng(1)
        self.units = units
        self.sample = rng.choice(len(wv), min(1000, len(wv)), replace=False)
        self.true = nearest_rows(wv, lambda share: None).rows[self.sample] if len(wv) <= MOST_ARRANGED else None
        self.triplets = rng.integers(0, len(wv), (100_000, 3)).T

    def print(self, name: str, positions: Any, seconds: float) -> None:
        kept = f"{self.kept(positions):.3f}" if self.true is not None else "-"
        one, two = (self.nearer(points) for points in (self.units, positions))
        print(f"{name:12} neighbours kept {kept}  triplets {np.mean(one == two):.3f}  {seconds:.1f} s", flush=True)

    def kept(self, positions: Any) -> float:
        found = 0
        for row, true in zip(self.sample, self.true, strict=True):
            gaps = np.sum((positions - positions[row]) ** 2, axis=1)
            gaps[row] = np.inf
            found += len(np.intersect1d(np.argpartition(gaps, 10)[:10], true))
        return found / self.true.size

    def nearer(self, points: Any) -> Any:
        a, b, c = (points[rows] for rows in self.triplets)
        return np.sum((a - b) ** 2, axis=1) < np.sum((a - c) ** 2, axis=1)


if __name__ == "__main__":
    sys.exit(main())
