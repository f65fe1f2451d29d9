"""What the page computes from points, without the page, in Node.js if it is installed."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from explore._models import missed
from explore.test_static import STATIC

NODE = shutil.which("node")
if NODE is None:
    pytest.skip("Node.js is not installed", allow_module_level=True)
CASES = """
const { missed, nearestRow, rowsWhere } = await import(process.argv[1]);
const given = JSON.parse(process.argv[2]);
const points = new Uint16Array(given.points.flat());
console.log(JSON.stringify({
  missed: given.neighbours.map((near, row) => missed(points, row, near)),
  nearest: given.places.map((place) => nearestRow(points, place, given.reach)),
  left: rowsWhere(points, ([x]) => x < 0.5),
}));
"""


@pytest.mark.parametrize(("V", "spread"), [(1, 9), (2, 9), (51, 9), (300, 20), (300, 65_000)])
def test_points_are_found_as_by_a_search_of_all(V, spread):
    rng = np.random.default_rng(V)
    points = rng.integers(0, spread + 1, (V, 2)).astype(np.uint16)  # with a small spread many are equally near
    neighbours = [rng.choice(np.delete(np.arange(V), row), min(V - 1, 10), replace=False).tolist() for row in range(V)]
    places = rng.uniform(0, spread / 65_535, (100, 2))
    given = {"points": points.tolist(), "neighbours": neighbours, "places": places.tolist(), "reach": 0.05}
    command = [NODE, "--input-type=module", "-e", CASES, (STATIC / "points.js").as_uri(), json.dumps(given)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["missed"] == [missed(points, row, near) for row, near in enumerate(neighbours)]
    assert found["left"] == np.flatnonzero(points[:, 0] < 65_535 / 2).tolist()
    distances = np.linalg.norm(places[:, None] - points / 65_535, axis=2)
    expected = np.where(distances.min(axis=1) < 0.05, distances.argmin(axis=1), -1)
    assert found["nearest"] == expected.tolist()
