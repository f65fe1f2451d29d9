"""Training and file access use neither the network nor a cache on disk."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

ALONE = """
import hashlib, sys
from pathlib import Path
from firth import KeyedVectors, Word2Vec
bad = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "subprocess.", "os.system", "pickle.find_class")
def hook(event, arguments):
    if event.startswith(bad):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(hook)
folder = Path(sys.argv[1])
model = Word2Vec(vector_size=8, min_count=1, epochs=1, workers=1)
model.fit([["a", "b", "c"] * 5] * 50, progress=False)
model.save(folder / "m.firth")
for name in ("native", "word2vec-text", "npz", "arrow", "parquet", "safetensors"):
    model.wv.save(folder / "v", name)
    KeyedVectors.load(folder / "v", name).most_similar("a")
print(hashlib.sha256(model.wv.vectors.tobytes()).hexdigest())
"""


def run(folder: Path, cache: Path) -> str:
    """Run `ALONE` in a process of its own and return the digest of the vectors."""
    command = [sys.executable, "-c", ALONE, str(folder)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment).stdout


def test_training_and_files_use_no_network_and_no_compiled_cache(tmp_path):
    folders = [tmp_path / name for name in ("work", "again", "cache")]
    for folder in folders:
        folder.mkdir()
    clean = run(folders[0], folders[2])
    assert list(folders[2].iterdir()) == []
    poison = Random(0)
    for number, suffix in enumerate(["nbi", "1.nbc", "pyc"] * 3):
        place = folders[2] / f"training_{number}" / f"kernels.train_block-{number}.py311.{suffix}"
        place.parent.mkdir()
        place.write_bytes(poison.randbytes(1000))
    before = {path: path.read_bytes() for path in folders[2].rglob("*.*")}
    assert run(folders[1], folders[2]) == clean
    assert {path: path.read_bytes() for path in folders[2].rglob("*") if path.is_file()} == before
