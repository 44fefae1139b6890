"""The drawn path: the published drawing, the other style, odd paths."""

import hashlib
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hamster_bench.errors import PathError, UnknownNameError
from hamster_bench.paths import Path2D, draw_path, rasterise_path
from hamster_bench.paths.strokes import line_offsets, ring_offsets

FIXTURE = pathlib.Path(__file__).parents[3] / "shared" / "parity" / "hamster_drawing_public.npz"

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
GRASP_AND_RELEASE = Path2D([[0.2, 0.2], [0.5, 0.8], [0.8, 0.2]], [1, 0, 1])


def gray(height: int = 128, width: int = 128) -> np.ndarray:
    return np.full((height, width, 3), 100, np.uint8)


def color_at(image: np.ndarray, x: int, y: int) -> tuple[int, ...]:
    return tuple(image[y, x].tolist())


@pytest.mark.skipif(not FIXTURE.exists(), reason=f"the published drawings are not here ({FIXTURE.name})")
@pytest.mark.parametrize("case", [0, 1, 2])
def test_the_published_drawing_is_reproduced(case):
    with np.load(FIXTURE) as data:
        image, points, expected = data[f"image_{case}"], data[f"points_{case}"], data[f"drawn_{case}"]
    drawn = draw_path(image, Path2D(points[:, :2], points[:, 2]), "hamster")
    coloured = (expected != image).any(axis=2)
    assert ((drawn != image).any(axis=2) == coloured).all()
    assert (drawn != expected).any(axis=2).sum() <= 0.01 * coloured.sum()


def test_hamster_rings_start_and_changes():
    drawn = draw_path(gray(), GRASP_AND_RELEASE, "hamster")
    corners = [(25, 25), (64, 102), (102, 25)]
    assert [color_at(drawn, x, y + dy) for (x, y), dy in zip(corners, (-7, 7, -7), strict=True)] == [RED, BLUE, RED]


def test_paper_rings_changes_only():
    drawn = draw_path(gray(), GRASP_AND_RELEASE, "paper")
    corners = [(25, 25), (64, 102), (102, 25)]
    colors = [color_at(drawn, x, y + dy) for (x, y), dy in zip(corners, (-7, 7, -7), strict=True)]
    assert colors == [(100, 100, 100), GREEN, BLUE]


def test_time_runs_from_blue_to_red():
    drawn = draw_path(gray(), Path2D([[0.1, 0.5], [0.9, 0.5]], [1, 1]), "paper").astype(int)
    row = drawn[64, 14:114]
    strongest = [int(np.argmax(row[i])) for i in (0, 20, 50, 80, 99)]
    assert strongest == [2, 2, 1, 0, 0]
    assert (np.diff(row[:45, 1]) >= 0).all()  # green rises towards the middle
    assert (np.diff(row[65:, 1]) <= 0).all()  # and falls after it


def test_the_image_given_is_left_alone():
    image = gray()
    drawn = draw_path(image, GRASP_AND_RELEASE)
    assert (image == 100).all()
    assert drawn is not image


def test_lines_grow_with_the_image():
    path = Path2D([[0.5, 0.2], [0.5, 0.8]], [1, 1])
    widths = []
    for edge in (128, 512, 1024, 1536):
        row = draw_path(gray(edge, edge), path, "paper")[edge // 2]
        widths.append(int((row != 100).any(axis=1).sum()))
    assert widths[0] == widths[1]
    assert widths[1] < widths[2] < widths[3]


@pytest.mark.parametrize("style", ["hamster", "paper"])
@pytest.mark.parametrize("points", [[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]], [[0.3, 0.3], [0.3, 0.3], [0.7, 0.3]]])
def test_single_and_repeated_points_are_drawn(points, style):
    drawn = draw_path(gray(), Path2D(points, np.ones(len(points))), style)
    assert (drawn != 100).any()


@given(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["hamster", "paper"]),
)
@settings(max_examples=50)
def test_any_path_goes_on_any_image(rows, height, width, style):
    drawn = draw_path(gray(height, width), Path2D([row[:2] for row in rows], [row[2] for row in rows]), style)
    assert drawn.shape == (height, width, 3)


def test_one_drawing_serves_many_images():
    drawing = rasterise_path(GRASP_AND_RELEASE, 96, 128)
    for value in (0, 200):
        image = np.full((96, 128, 3), value, np.uint8)
        assert (drawing.over(image) == draw_path(image, GRASP_AND_RELEASE)).all()


def test_views_that_are_not_contiguous_are_drawn_on():
    image = np.arange(128 * 128 * 3, dtype=np.uint32).reshape(128, 128, 3).astype(np.uint8)
    flipped = image[::-1]
    assert (draw_path(flipped, GRASP_AND_RELEASE) == draw_path(flipped.copy(), GRASP_AND_RELEASE)).all()


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)]
)
def test_other_images_are_refused(image):
    with pytest.raises(PathError):
        draw_path(image, GRASP_AND_RELEASE)


def test_a_drawing_of_another_size_is_refused():
    with pytest.raises(PathError, match="shape"):
        rasterise_path(GRASP_AND_RELEASE, 64, 64).over(gray())


def test_unknown_styles_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean: paper"):
        draw_path(gray(), GRASP_AND_RELEASE, "papper")


def test_a_drawing_can_be_an_image_of_its_own():
    drawing = rasterise_path(GRASP_AND_RELEASE, 96, 128, "paper")
    image = drawing.alone()
    assert image.shape == (96, 128, 3)
    assert (image == draw_path(np.zeros((96, 128, 3), np.uint8), GRASP_AND_RELEASE, "paper")).all()
    painted = image.any(axis=2)
    over = drawing.over(gray(96, 128))
    assert (over[painted] == image[painted]).all()
    assert (over[~painted] == 100).all()


def test_a_single_point_has_its_ring_alone():
    drawn = draw_path(gray(), Path2D([[0.5, 0.5]], [0]), "hamster")
    colors = {tuple(color) for color in drawn[(drawn != 100).any(axis=2)].tolist()}
    assert colors == {BLUE}
    assert color_at(drawn, 64, 64) == (100, 100, 100)


def test_the_line_lies_over_the_rings():
    drawn = draw_path(gray(), Path2D([[0.2, 0.5], [0.8, 0.5]], [1, 1]), "hamster")
    assert color_at(drawn, 25 - 7, 64) == RED
    assert color_at(drawn, 25 + 7, 64) != RED


def digest(images):
    sha = hashlib.sha256()
    for image in images:
        sha.update(np.packbits(image).tobytes())
    return sha.hexdigest()[:16]


def line(x, y, dx, dy, thickness, height, width):
    image = np.zeros((height, width), np.uint8)
    image.reshape(-1)[y * width + x + line_offsets(x, y, dx, dy, thickness, height, width)] = 1
    return image


def ring(x, y, radius, thickness):
    image = np.zeros((120, 110), np.uint8)
    image.reshape(-1)[y * 110 + x + ring_offsets(x, y, radius, thickness, 120, 110)] = 1
    return image


# The digests are those of the same images painted by OpenCV 4.10.0: cv2.line(image, (x, y), (x + dx, y + dy), 1, thickness) and
# cv2.circle(image, (x, y), radius, 1, thickness).
def test_lines_cover_the_pixels_that_opencv_covers():
    steps = range(-40, 41, 3)
    inner = [line(50, 45, dx, dy, t, 90, 100) for t in (2, 3, 5, 8) for dx in steps for dy in steps if (dx, dy) != (0, 0)]
    assert digest(inner) == "36f18d8f26745530"


def test_lines_across_the_border_cover_the_pixels_that_opencv_covers():
    starts, steps = ((0, 0), (24, 20), (23, 5), (1, 19), (12, 0)), range(-9, 10, 2)
    crossing = [line(*start, dx, dy, t, 20, 24) for t in (2, 4, 5) for start in starts for dx in steps for dy in steps]
    assert digest(crossing) == "fc2854780629d389"


def test_rings_cover_the_pixels_that_opencv_covers():
    sizes = ((7, 2), (8, 2), (10, 2), (13, 3), (17, 4), (17, 5), (23, 6), (31, 9), (35, 10))
    centres = ((55, 60), (0, 0), (109, 3), (110, 120), (20, 119))
    assert digest(ring(*centre, *size) for size in sizes for centre in centres) == "a080f8ee7d326020"
