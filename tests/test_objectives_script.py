"""The mathematics of the interactive page against `firth.objectives`, in Node.js if it is installed."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firth import objectives

SCRIPT = Path(__file__).parents[1] / "docs/theme/objectives.js"
NODE = shutil.which("node")
if NODE is None:
    pytest.skip("Node.js is not installed", allow_module_level=True)
CASES = """
const { naiveSoftmax, negativeSampling } = await import(process.argv[1]);
const pairs = JSON.parse(process.argv[2]);
console.log(JSON.stringify(pairs.map(({ center, outside, negatives, U }) =>
  [naiveSoftmax(center, outside, U), negativeSampling(center, outside, negatives, U)])));
"""


def pairs(scale: float) -> list[dict]:
    rng = np.random.default_rng(1)
    shapes = [(int(rng.integers(1, 9)), int(rng.integers(1, 6)), int(rng.integers(0, 7))) for _ in range(40)]
    return [
        {
            "center": rng.normal(0, scale, D).tolist(),
            "outside": int(rng.integers(V)),
            "negatives": rng.integers(V, size=K).tolist(),  # also the outside word, and words twice
            "U": rng.normal(0, scale, (V, D)).tolist(),
        }
        for V, D, K in shapes
    ]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_losses_and_gradients_are_those_of_objectives(scale):
    given = pairs(scale)
    command = [NODE, "--input-type=module", "-e", CASES, SCRIPT.as_uri(), json.dumps(given)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for pair, (softmax, sampling) in zip(given, found, strict=True):
        center, o, U = pair["center"], pair["outside"], pair["U"]
        for result, expected in [
            (softmax, objectives.naive_softmax(center, o, U)),
            (sampling, objectives.negative_sampling(center, o, pair["negatives"], U)),
        ]:
            for name, value in zip(("loss", "center", "outside"), expected, strict=True):
                np.testing.assert_allclose(result[name], value, rtol=1e-9, atol=1e-12 * scale**2)
        scores = np.array(U) @ center
        np.testing.assert_allclose(softmax["probabilities"], objectives.softmax(scores), rtol=1e-9, atol=1e-300)
        drawn = scores[[o, *pair["negatives"]]]
        np.testing.assert_allclose(sampling["scores"], drawn, rtol=1e-9, atol=1e-12 * scale**2)
        np.testing.assert_allclose(sampling["probabilities"], objectives.sigmoid(drawn), rtol=1e-9, atol=1e-300)
