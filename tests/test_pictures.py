"""The pictures of the documentation: the command still draws each of them, and each is shown."""

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib.pyplot as plt

from firth import demo

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
SCRIPT = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
PICTURES = sorted(path.name for path in IMAGES.iterdir())


def test_every_picture_is_drawn_and_shown(tmp_path):
    files = demo.source_files()
    modules = [path for path in files if path.parent == files[0].parent]  # without packages
    SCRIPT["draw_all"](tmp_path, SCRIPT["Models"](modules, epochs=1, min_count=1))
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES
    assert not plt.get_fignums()
    page = (ROOT / "docs" / "plots.md").read_text(encoding="utf-8")
    for name in PICTURES:
        assert ET.parse(tmp_path / name).getroot().tag.endswith("svg")
        assert f"](images/{name})" in page
        assert (IMAGES / name).stat().st_size < 200_000
