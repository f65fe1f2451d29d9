"""The maps of a model: computed once, kept on disk, and ended when the explorer ends."""

import dataclasses
import time

import numpy as np
import pytest

from explore._models import matrices, missed
from firth import KeyedVectors
from firth.errors import OptionError
from firth.explore import arrangement, map_files
from firth.explore.atlas import Atlas, scaled
from firth.explore.explored import Explored


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRTH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def waited(atlas: Atlas) -> np.ndarray:
    for _ in range(600):
        points = atlas.points("neighbours")
        if not isinstance(points, float):
            return points
        assert 0 <= points <= 1
        time.sleep(0.05)
    raise AssertionError("the map was not computed in 30 seconds")


def coloured(atlas: Atlas, *of: str):
    for _ in range(600):
        scale = atlas.colours(*of)
        if not isinstance(scale, float):
            return scale
        time.sleep(0.05)
    raise AssertionError("the colours were not computed in 30 seconds")


def test_a_map_is_computed_once_and_then_read(subject, folder, monkeypatch):
    first = waited(Atlas(subject))
    assert [path.suffix for path in folder.glob("*.map")] == [".map"]
    monkeypatch.setattr(arrangement, "neighbour_layout", None)  # a call would raise
    assert np.array_equal(waited(Atlas(subject)), first)


def test_a_damaged_file_is_not_used(subject, folder):
    first = waited(Atlas(subject))
    (path,) = folder.glob("*.map")
    sound = path.read_bytes()
    for damaged in (b"", sound[:-1], sound + b"\0\0\0\0", bytes([sound[0] ^ 1]) + sound[1:], sound[:-1] + b"\xff"):
        path.write_bytes(damaged)
        assert map_files.read_array(path.stem, "map", "<u2") is None or damaged == sound
    assert np.array_equal(waited(Atlas(subject)), first)
    assert path.read_bytes() == sound


def test_the_name_of_a_map_depends_on_every_number(subject):
    center, _ = matrices()
    name = map_files.name_of(subject.vectors)
    for place in [(0, 0), (-1, -1)]:
        changed = center.copy()
        changed[place] += 1
        assert map_files.name_of(KeyedVectors(subject.vectors.index_to_key, changed)) != name
    assert map_files.name_of(KeyedVectors(subject.vectors.index_to_key, center)) == name


def test_without_a_folder_maps_are_computed_and_not_kept(subject, monkeypatch):
    monkeypatch.setenv("FIRTH_CACHE_DIR", "")
    assert len(waited(Atlas(subject))) == len(subject.vectors)


def test_the_folder_keeps_the_latest_maps(folder):
    points = np.zeros((3, 2), np.uint16)
    for number in range(25):
        map_files.write_array(f"{number:064x}", "map", points)
    assert len(list(folder.glob("*.map"))) == 20


def test_closing_ends_the_computation(folder):
    rng = np.random.default_rng(1)
    vectors = KeyedVectors([f"w{i}" for i in range(20_000)], rng.normal(size=(20_000, 50)).astype(np.float32))
    atlas = Atlas(Explored("large", vectors))
    assert isinstance(atlas.points("neighbours"), float)
    start = time.monotonic()
    atlas.close()
    assert time.monotonic() - start < 2
    assert not list(folder.glob("*.map"))


def test_an_error_of_the_computation_is_raised_to_whoever_asks(subject, folder, monkeypatch):
    def fail(*_):
        raise MemoryError("none is left")

    monkeypatch.setattr(arrangement, "neighbour_layout", fail)
    with pytest.raises(MemoryError, match="none is left"):
        waited(Atlas(subject))


def test_the_lengths_of_vectors_are_colours(subject):
    scale = coloured(Atlas(subject), "norm")
    assert scale.values.shape == (len(subject.vectors),)
    assert (scale.low, scale.high) == tuple(np.percentile(subject.vectors.norms, [1, 99]))


@pytest.mark.parametrize("call", [lambda atlas: atlas.points("flat"), lambda atlas: atlas.colours("mood")])
def test_an_unknown_name_is_an_error(subject, call):
    with pytest.raises(OptionError, match="is unknown: give one of"):
        call(Atlas(subject))


def test_colours_of_numbers_that_are_equal_or_not_finite():
    assert scaled(np.array([3.0, 3.0])).values.tolist() == [0, 0]
    assert scaled(np.array([0.0, np.nan, 1.0, np.inf])).values.tolist() == [0, 0, 255, 255]
    assert scaled(np.array([np.nan])).values.tolist() == [0]


@pytest.mark.parametrize("name", ["pca", "neighbours"])
def test_the_error_of_a_map_is_the_share_of_the_ten_neighbours_that_it_misses(subject, folder, name):
    atlas = Atlas(subject)
    scale = coloured(atlas, "error", name)
    points = waited(atlas) if name == "neighbours" else atlas.points("pca")
    for row, word in enumerate(subject.words):
        neighbours = [subject.rows[other] for other, _ in subject.vectors.most_similar(word)]
        assert scale.values[row] == round(len(missed(points, row, neighbours)) / 10 * 255)
    assert (scale.low, scale.high, scale.known) == (0, 1, len(subject.words))
    kept = {path.suffix for path in folder.iterdir() if path.suffix != ".lock"}
    assert {f".{name}-error", ".near", ".density"} <= kept


def test_density_is_the_mean_cosine_of_the_ten_neighbours(subject, folder):
    atlas = Atlas(subject)
    scale = coloured(atlas, "density")
    found = [subject.vectors.most_similar(word) for word in subject.words]
    means = np.array([np.mean([cosine for _, cosine in neighbours]) for neighbours in found])
    assert (scale.low, scale.high) == pytest.approx(np.percentile(means, [1, 99]), abs=1e-6)
    assert scale.values == pytest.approx(np.clip((means - scale.low) / (scale.high - scale.low), 0, 1) * 255, abs=1)


def test_colours_of_words_without_a_value_are_counted(subject):
    stability = np.full(len(subject.words), np.nan)
    stability[:2] = 0.5, 1
    scale = coloured(Atlas(dataclasses.replace(subject, stability=stability)), "stability")
    assert scale.known == 2
    assert scale.values[:3].tolist() == [128, 255, 0]
    with pytest.raises(OptionError, match="start firth explore with --stability"):
        coloured(Atlas(subject), "stability")
