"""The library of textures and users' own folders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hamster_bench.envs.factors import textures
from hamster_bench.envs.factors.procedural import REVISION
from hamster_bench.envs.factors.procedural.fields import Stream, noise, sample, sine
from hamster_bench.envs.factors.textures import load_texture, texture_names
from hamster_bench.errors import HamsterBenchError, InvalidOptionError, UnknownNameError

# THE COLOSSEUM draws from so many pictures.
_UPSTREAM_COUNT = 212

_PINNED = {
    "botanical_04": "aa64c2c0738e",
    "brick_00": "d1ad882519ea",
    "fabric_07": "7fa5548682bc",
    "ground_04": "3149a0e6cd62",
    "noise_03": "7baec0c90499",
    "pattern_09": "231d0532ceb5",
    "plaid_00": "df7766aa17ce",
    "stone_11": "e3683b0f3d9a",
    "tile_11": "6d16b3f97a90",
    "wood_03": "db96e00cea33",
}
_LIBRARY = "9bd0c0103364"
"""Of revision 1."""


def _digest(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:12]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "textures"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NDArray[np.uint8]]:
    """All own textures (n, 256, 256, 3), in the order of their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAMSTER_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield np.stack([load_texture(name) for name in texture_names()])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with pictures of several kinds and a file that is none."""
    place = tmp_path / "pictures"
    place.mkdir()
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 255, (64, 100, 3), np.uint8)).save(place / "small.png")
    Image.fromarray(np.full((300, 400, 3), (200, 40, 90), np.uint8)).save(place / "plain.JPG")
    Image.fromarray(np.full((10, 10), 51, np.uint8)).save(place / "grey.jpeg")
    (place / "notes.txt").write_text("not a picture")
    return place


def test_there_are_as_many_textures_as_upstream_draws_from() -> None:
    names = texture_names()
    assert len(names) >= _UPSTREAM_COUNT
    assert len(set(names)) == len(names)
    assert list(names) == sorted(names)
    families = {name.rsplit("_", 1)[0] for name in names}
    assert {"wood", "stone", "tile", "fabric", "pattern", "noise", "brick", "metal"} <= families


def test_textures_are_rgb_images_of_one_size(library: NDArray[np.uint8]) -> None:
    assert library.dtype == np.uint8
    assert library.shape == (len(texture_names()), 256, 256, 3)


def test_textures_never_change_within_a_revision(library: NDArray[np.uint8]) -> None:
    """Who changes a texture raises REVISION, or old images come out of users' caches."""
    named = dict(zip(texture_names(), library, strict=True))
    assert {name: _digest(named[name]) for name in _PINNED} == _PINNED
    assert (REVISION, _digest(library)) == (1, _LIBRARY)


def test_another_process_makes_the_same_bits(tmp_path: Path) -> None:
    """In a fresh process with an empty cache, where numpy may use none of the processor's extensions that it would choose."""
    script = (
        "import hashlib, sys\n"
        "from hamster_bench.envs.factors.textures import load_texture\n"
        "print(*(hashlib.sha256(load_texture(name).tobytes()).hexdigest()[:12] for name in sys.argv[1:]))\n"
    )
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    environment = os.environ | {"HAMSTER_BENCH_CACHE": str(tmp_path), "NPY_DISABLE_CPU_FEATURES": " ".join(extensions)}
    command = [sys.executable, "-W", "ignore", "-c", script, *_PINNED]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == list(_PINNED.values())


def test_textures_differ_from_each_other(library: NDArray[np.uint8]) -> None:
    count = len(library)
    pairs = np.triu_indices(count, 1)
    coarse = library.reshape(count, 8, 32, 8, 32, 3).mean((2, 4)).reshape(count, -1)
    fine = library.reshape(count, 32, 8, 32, 8, 3).mean((2, 4)).reshape(count, -1)
    means = library.mean((1, 2))

    def gaps(values: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = (values**2).sum(1)
        between = squares[:, None] + squares[None] - 2 * values @ values.T
        return np.sqrt(np.maximum(between, 0) / values.shape[1])[pairs]

    assert np.median(gaps(coarse)) > 60
    assert np.median(gaps(means)) > 50
    # Few are alike from afar, none on a closer look.
    assert (gaps(coarse) < 8).sum() <= 0.0005 * len(pairs[0])
    assert gaps(fine).min() > 6


def test_no_texture_is_a_flat_colour(library: NDArray[np.uint8]) -> None:
    assert library.std((1, 2)).mean(-1).min() > 7


@pytest.mark.parametrize("axis", [0, 1])
def test_textures_tile(library: NDArray[np.uint8], axis: int) -> None:
    """Across the seam neighbours differ no more than somewhere inside; the tolerance is for grain that chance made a little larger."""
    for name, image in zip(texture_names(), library.astype(np.int16), strict=True):
        steps = np.abs(image - np.roll(image, 1, axis)).mean((1 - axis, 2))
        assert steps[0] <= 1.1 * steps[1:].max(), name


def test_tiling_is_measured(library: NDArray[np.uint8]) -> None:
    """The measure above fails on a picture that does not tile."""
    ramp = np.arange(256, dtype=np.int16)[:, None, None] + np.zeros((256, 256, 3), np.int16)
    steps = np.abs(ramp - np.roll(ramp, 1, 0)).mean((1, 2))
    assert steps[0] > 1.1 * steps[1:].max()


def test_a_second_load_comes_from_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_texture("wood_03")
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(textures, "make_texture", lambda name: pytest.fail(f"{name} made again"))
    second = load_texture("wood_03")
    assert np.array_equal(first, second)
    second[:] = 0
    assert np.array_equal(first, load_texture("wood_03"))


@pytest.mark.parametrize("damage", [b"", b"short", bytes(32 + 256 * 256 * 3)])
def test_a_damaged_cache_file_is_replaced(cache: Path, damage: bytes) -> None:
    expected = load_texture("brick_00")
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert np.array_equal(load_texture("brick_00"), expected)
    assert path.read_bytes() == whole


def test_without_a_cache_textures_are_made_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    expected = load_texture("tile_05")
    blocked = tmp_path / "file"
    blocked.write_text("a file where the cache should be")
    monkeypatch.setenv("HAMSTER_BENCH_CACHE", str(blocked))
    assert np.array_equal(load_texture("tile_05"), expected)
    assert blocked.read_text() == "a file where the cache should be"


@pytest.mark.parametrize("name", ["wod_03", "", "../wood_03", "wood_03.png"])
def test_unknown_names_are_refused(cache: Path, name: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown texture"):
        load_texture(name)


def test_names_of_a_users_folder_are_its_pictures_sorted(folder: Path) -> None:
    (folder / "sub.png").mkdir()
    assert texture_names(folder) == ("grey.jpeg", "plain.JPG", "small.png")


def test_users_pictures_get_the_common_size(folder: Path) -> None:
    for name in texture_names(folder):
        image = load_texture(name, folder)
        assert image.shape == (256, 256, 3)
        assert image.dtype == np.uint8
    assert np.abs(load_texture("plain.JPG", folder).astype(int) - (200, 40, 90)).max() <= 3
    assert np.abs(load_texture("grey.jpeg", folder).astype(int) - 51).max() <= 1


def test_transparent_pictures_lie_on_white(folder: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 4), np.uint8)).save(folder / "clear.png")
    assert load_texture("clear.png", folder).min() == 255


def test_sixteen_bit_grey_is_scaled_not_clipped(folder: Path) -> None:
    Image.fromarray(np.full((8, 8), 100 * 257, np.uint16)).save(folder / "deep.png")
    assert np.unique(load_texture("deep.png", folder)).tolist() == [100]


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"GIF89a" + b"\0" * 40])
def test_broken_pictures_are_named(folder: Path, content: bytes) -> None:
    (folder / "broken.png").write_bytes(content)
    with pytest.raises(HamsterBenchError, match=r"broken\.png cannot be read: .+"):
        load_texture("broken.png", folder)


def test_cut_off_pictures_are_named(folder: Path) -> None:
    whole = (folder / "small.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidOptionError, match=r"cut\.png cannot be read"):
        load_texture("cut.png", folder)


def test_huge_pictures_are_refused_before_they_are_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InvalidOptionError, match=r"small\.png cannot be read"):
        load_texture("small.png", folder)


def test_missing_pictures_are_named(folder: Path) -> None:
    with pytest.raises(InvalidOptionError, match=r"gone\.png cannot be read: No such file"):
        load_texture("gone.png", folder)


@pytest.mark.parametrize(
    "name", ["../small.png", "/etc/passwd.png", "a/b.png", "a\\b.png", "..", "", "small.png\0.png", "notes.txt"]
)
def test_names_cannot_leave_the_folder(folder: Path, name: str) -> None:
    Image.new("RGB", (4, 4)).save(folder.parent / "small.png")
    with pytest.raises(InvalidOptionError, match="is not the name of a texture"):
        load_texture(name, folder)


def test_useless_folders_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InvalidOptionError, match="cannot be read: No such file"):
        texture_names(tmp_path / "absent")
    with pytest.raises(InvalidOptionError, match="cannot be read: Not a directory"):
        texture_names(folder / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidOptionError, match="holds no picture"):
        texture_names(tmp_path / "empty")


def test_the_sine_is_a_sine() -> None:
    turns = np.linspace(-3, 3, 4001)
    assert np.abs(sine(turns) - np.sin(2 * np.pi * turns)).max() < 1e-7


def test_noise_wraps_around_and_is_smooth() -> None:
    field = noise(Stream("a test"), 5, 9)
    for axis in (0, 1):
        steps = np.abs(field - np.roll(field, 1, axis)).max(1 - axis)
        assert steps[0] <= 1.2 * steps[1:].max()
        assert steps.max() < 0.3


def test_sampling_at_pixel_centres_gives_the_pixels() -> None:
    field = noise(Stream("a test"), 4)
    place = np.arange(256) + 0.5
    assert np.array_equal(sample(field, place[None, :] + 256, place[:, None] - 512), field)
