"""Training and file access use neither the network nor Numba's cache on disk."""

from random import Random

from stress._child import output_of

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


def test_training_and_files_use_no_network_and_not_the_cache_of_numba(tmp_path):
    folders = [tmp_path / name for name in ("work", "again", "cache")]
    for folder in folders:
        folder.mkdir()
    cache = {"NUMBA_CACHE_DIR": str(folders[2]), "FIRTH_CACHE_DIR": ""}
    clean = output_of(ALONE, folders[0], **cache)
    assert list(folders[2].iterdir()) == []
    poison = Random(0)
    for number, suffix in enumerate(["nbi", "1.nbc", "pyc"] * 3):
        place = folders[2] / f"training_{number}" / f"kernels.train_block-{number}.py311.{suffix}"
        place.parent.mkdir()
        place.write_bytes(poison.randbytes(1000))
    before = {path: path.read_bytes() for path in folders[2].rglob("*.*")}
    assert output_of(ALONE, folders[1], **cache) == clean
    assert {path: path.read_bytes() for path in folders[2].rglob("*") if path.is_file()} == before
