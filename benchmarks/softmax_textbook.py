"""Trains the naive softmax as textbooks do, in PyTorch: a batch of pairs, all scores, cross entropy. A child process.

    python softmax_textbook.py JOB.json

JOB.json holds V, D, batch, workers, seconds, and `pairs`, an .npy file of (n, 2) center and outside words. Prints a
JSON object: pairs per second, the loss of the last batch, and PyTorch's version.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy


def main() -> None:
    """Train until the time is over, and print the results."""
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["workers"])
    torch.manual_seed(1)
    pairs = torch.from_numpy(np.load(job["pairs"]).astype(np.int64))
    center = torch.nn.Embedding(job["V"], job["D"])
    outside = torch.nn.Linear(job["D"], job["V"], bias=False)
    optimizer = torch.optim.SGD([*center.parameters(), *outside.parameters()], lr=0.1)  # the cheapest optimizer
    batches = iter(pairs.split(job["batch"]))

    def step() -> float:
        c, o = next(batches).unbind(1)
        loss = cross_entropy(outside(center(c)), o)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    step()  # allocating is not counted
    started, steps, loss = time.perf_counter(), 0, 0.0
    while time.perf_counter() - started < job["seconds"]:
        loss, steps = step(), steps + 1
    seconds = time.perf_counter() - started
    print(json.dumps({"pairs_per_second": steps * job["batch"] / seconds, "loss": loss, "version": torch.__version__}))


if __name__ == "__main__":
    main()
