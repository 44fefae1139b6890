"""Makes the board and the six chess pieces. Run: ``python -m hamster_bench.envs.tasks.setup_chess.make_assets``.

Every piece fills the recorded bounding box of the original's piece and is centred in it; its outline is this project's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, lathe, loft, merged, rounded_box, write_obj

_FACETS = 20

# Recorded heights and foot radii of the original's pieces [m].
_SIZES = {
    "pawn": (0.06182, 0.01801),
    "rook": (0.05388, 0.01796),
    "knight": (0.07066, 0.01818),
    "bishop": (0.07786, 0.01817),
    "queen": (0.08288, 0.01796),
    "king": (0.08782, 0.01796),
}

_BOARD_SIZE = (0.41876, 0.41876, 0.02148)
_SQUARE = 0.38306 / 8

# A foot with two mouldings, as (radius, height) [m]; all pieces but the knight stand on it.
_FOOT = (
    (0.0, 0.0),
    (0.0172, 0.0),
    (0.0180, 0.0010),
    (0.0180, 0.0048),
    (0.0168, 0.0066),
    (0.0158, 0.0070),
    (0.0158, 0.0086),
    (0.0128, 0.0120),
)


def _turned(kind: str, outline: tuple[tuple[float, float], ...]) -> Mesh:
    """A solid of revolution from the foot up, scaled to the piece's radius and height."""
    height, radius = _SIZES[kind]
    profile = np.array([*_FOOT, *outline])
    profile *= (radius / profile[:, 0].max(), height / profile[:, 1].max())
    return lathe(profile, _FACETS).moved((0.0, 0.0, -height / 2))


def _ball(radius: float, height: float, start: float = -60.0, steps: int = 7) -> tuple[tuple[float, float], ...]:
    """Outline of a ball on the axis whose centre is at ``height`` [m], from an angle below its equator [degrees] to its top."""
    angles = np.deg2rad(np.linspace(start, 90.0, steps))
    return tuple((max(0.0, radius * np.cos(a)) if a < 1.57 else 0.0, height + radius * np.sin(a)) for a in angles)


def pawn() -> Mesh:
    """Foot, waist, collar and a ball."""
    neck = ((0.0088, 0.0190), (0.0066, 0.0290), (0.0058, 0.0370), (0.0106, 0.0388), (0.0108, 0.0404), (0.0072, 0.0424))
    return _turned("pawn", (*neck, *_ball(0.0106, 0.0512)))


def rook() -> Mesh:
    """A tower with six merlons."""
    height, radius = _SIZES["rook"]
    rim, floor, top = 0.0136, 0.0470, height
    tower = (
        (0.0110, 0.0170),
        (0.0098, 0.0280),
        (0.0097, 0.0350),
        (0.0118, 0.0375),
        (rim, 0.0395),
        (rim, floor),
        (0.0098, floor),
        (0.0098, floor - 0.002),
        (0.0, floor - 0.002),
    )
    profile = np.array([*_FOOT, *tower])
    profile[:, 0] *= radius / profile[:, 0].max()
    merlons = [_ring_block(0.0098, rim, floor, top, np.pi / 3 * k, np.deg2rad(19.0)) for k in range(6)]
    return merged([lathe(profile, _FACETS), *merlons]).moved((0.0, 0.0, -height / 2))


def bishop() -> Mesh:
    """A slender waist, a double collar and a mitre with a small ball on top."""
    outline = (
        (0.0086, 0.0200),
        (0.0066, 0.0320),
        (0.0058, 0.0430),
        (0.0108, 0.0450),
        (0.0110, 0.0466),
        (0.0074, 0.0484),
        (0.0090, 0.0500),
        (0.0074, 0.0516),
        (0.0098, 0.0560),
        (0.0102, 0.0600),
        (0.0088, 0.0660),
        (0.0054, 0.0712),
        (0.0026, 0.0734),
    )
    return _turned("bishop", (*outline, *_ball(0.0030, 0.0754, steps=5)))


def queen() -> Mesh:
    """A tall waist that widens into a crown of eight points around a ball."""
    body = (
        (0.0092, 0.0200),
        (0.0072, 0.0340),
        (0.0064, 0.0500),
        (0.0112, 0.0520),
        (0.0114, 0.0536),
        (0.0076, 0.0556),
        (0.0078, 0.0590),
        (0.0096, 0.0680),
        (0.0122, 0.0745),
        (0.0096, 0.0745),
        (0.0070, 0.0755),
    )
    piece = _turned("queen", (*body, *_ball(0.0052, 0.0780, start=-30.0, steps=5)))
    height, _ = _SIZES["queen"]
    points = [_ring_block(0.0092, 0.0123, 0.0725, 0.0790, np.pi / 4 * k, np.deg2rad(16.0), taper=0.15) for k in range(8)]
    return merged([piece, *(point.moved((0.0, 0.0, -height / 2)) for point in points)])


def king() -> Mesh:
    """The tallest waist, a plain crown and a cross."""
    height, radius = _SIZES["king"]
    body = (
        (0.0096, 0.0200),
        (0.0076, 0.0340),
        (0.0068, 0.0500),
        (0.0116, 0.0520),
        (0.0118, 0.0538),
        (0.0080, 0.0558),
        (0.0082, 0.0600),
        (0.0104, 0.0690),
        (0.0112, 0.0720),
        (0.0096, 0.0745),
        (0.0030, 0.0765),
        (0.0, 0.0768),
    )
    profile = np.array([*_FOOT, *body])
    profile[:, 0] *= radius / profile[:, 0].max()
    upright = rounded_box((0.0034, 0.0034, 0.0128), 0.0006).moved((0.0, 0.0, height - 0.0064))
    arms = rounded_box((0.0092, 0.0034, 0.0034), 0.0006).moved((0.0, 0.0, height - 0.0050))
    return merged([lathe(profile, _FACETS), upright, arms]).moved((0.0, 0.0, -height / 2))


def knight() -> Mesh:
    """A horse's head and neck that looks along +y, on a turned foot."""
    height, radius = _SIZES["knight"]
    foot = np.array([*_FOOT, (0.0132, 0.0160), (0.0, 0.0160)])
    foot[:, 0] *= radius / foot[:, 0].max()
    # Each section runs from the underside (chest, throat, jaw, chin) to the upper side (nape, poll, forehead, nose), both as (y, z),
    # with half its thickness.
    sections = (
        (0.0126, 0.0150, -0.0126, 0.0150, 0.0122),
        (0.0120, 0.0225, -0.0146, 0.0245, 0.0100),
        (0.0094, 0.0295, -0.0162, 0.0360, 0.0082),
        (0.0056, 0.0355, -0.0160, 0.0470, 0.0073),
        (0.0026, 0.0400, -0.0124, 0.0572, 0.0069),
        (0.0036, 0.0420, -0.0062, 0.0640, 0.0069),
        (0.0074, 0.0408, 0.0010, 0.0640, 0.0068),
        (0.0114, 0.0384, 0.0088, 0.0572, 0.0056),
        (0.0146, 0.0356, 0.0152, 0.0494, 0.0050),
        (0.0170, 0.0352, 0.0184, 0.0444, 0.0044),
        (0.0180, 0.0372, 0.0187, 0.0420, 0.0024),
    )
    mane = (
        (-0.0120, 0.0180, 0.0002, 0.0002),
        (-0.0150, 0.0240, 0.0024, 0.0022),
        (-0.0168, 0.0360, 0.0032, 0.0024),
        (-0.0166, 0.0474, 0.0032, 0.0024),
        (-0.0128, 0.0580, 0.0030, 0.0024),
        (-0.0066, 0.0652, 0.0026, 0.0022),
        (-0.0010, 0.0664, 0.0018, 0.0018),
        (0.0020, 0.0632, 0.0002, 0.0002),
    )
    head = _closed_loft([_ellipse((y0, z0), (y1, z1), half) for y0, z0, y1, z1, half in sections])
    crest = _closed_loft([_ellipse((y, z - half), (y, z + half), width, points=8) for y, z, half, width in mane])
    ears = [_ear(side * 0.0042, -0.0058, 0.0618, height - 0.0618) for side in (-1.0, 1.0)]
    return merged([lathe(foot, _FACETS), head, crest, *ears]).moved((0.0, 0.0, -height / 2))


def squares(dark: bool) -> Mesh:
    """The 32 squares of one colour as thin plates, the middle of their upper faces at the origin; a1 is dark."""
    plates = []
    plate = _plate(_SQUARE / 2, 0.0004)
    for file in range(8):
        for rank in range(8):
            if ((file + rank) % 2 == 0) == dark:
                plates.append(plate.moved(((file - 3.5) * _SQUARE, (rank - 3.5) * _SQUARE, 0.0)))
    return merged(plates)


def board() -> Mesh:
    """The plinth under the squares."""
    return rounded_box(_BOARD_SIZE, 0.0025, segments=2, texture_size=0.1)


def _ellipse(
    lower: tuple[float, float], upper: tuple[float, float], half_thickness: float, points: int = 12
) -> NDArray[np.float64]:
    """A ring (points, 3) through two points (y, z) of the symmetry plane, this thick along x."""
    a, b = np.array(lower), np.array(upper)
    angles = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    along = (a + b) / 2 + np.cos(angles)[:, None] * (b - a) / 2
    return np.column_stack([half_thickness * np.sin(angles), along])


def _ear(x: float, y: float, z: float, height: float) -> Mesh:
    """A pointed ear that leans a little forwards."""
    rings = []
    for share, width in ((0.0, 0.0022), (0.5, 0.0020), (1.0, 0.0001)):
        ring = _ellipse((y + 0.001 * share - width, 0.0), (y + 0.001 * share + width, 0.0), width * 0.8, points=6)
        rings.append(ring + np.array([x, 0.0, z + share * height]))
    return _closed_loft(rings)


def _closed_loft(rings: list[NDArray[np.float64]]) -> Mesh:
    """A closed smooth surface through rings of equally many points, whichever way round, its two ends closed by fans."""
    ends = [np.broadcast_to(ring.mean(axis=0), ring.shape) for ring in (rings[0], rings[-1])]
    skin = loft([ends[0], *rings, ends[1]])
    outward = skin.vertices - skin.vertices.mean(axis=0)
    return skin if (skin.normals * outward).sum() > 0 else Mesh(skin.vertices, -skin.normals, skin.uv, skin.faces[:, ::-1])


def _ring_block(
    inner: float, outer: float, bottom: float, top: float, angle: float, half_width: float, taper: float = 1.0
) -> Mesh:
    """A block of a ring wall about z.

    Args:
        inner: radius [m] of its inside.
        outer: radius [m] of its outside.
        bottom: height [m] of its foot.
        top: height [m] of its upper face.
        angle: direction [rad] of its middle.
        half_width: half the angle [rad] that it spans.
        taper: width of the upper face in shares of that of the foot.
    """
    rings = []
    for height, share in ((bottom, 1.0), (top, taper)):
        angles = angle + half_width * share * np.array([-1.0, 1.0])
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        corners = np.concatenate([inner * around, outer * around[::-1]])
        rings.append(np.column_stack([corners, np.full(4, height)]))
    return _faceted([*rings[0], *rings[1]])


def _plate(half: float, thickness: float) -> Mesh:
    """A square plate below z = 0."""
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    return _faceted([*np.column_stack([corners, np.full(4, -thickness)]), *np.column_stack([corners, np.zeros(4)])])


def _faceted(corners: ArrayLike) -> Mesh:
    """A block of eight corners (8, 3), four of a lower and four of an upper face in the same order, with sharp edges."""
    points = np.asarray(corners, dtype=np.float64)
    centre = points.mean(axis=0)
    quads = [(0, 1, 2, 3), (4, 5, 6, 7), *((i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4) for i in range(4))]
    meshes = []
    for quad in quads:
        face = points[list(quad)]
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        if normal @ (face.mean(axis=0) - centre) < 0:
            face, normal = face[::-1], -normal
        normal /= np.linalg.norm(normal)
        uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        meshes.append(Mesh(face, np.tile(normal, (4, 1)), uv, np.array([[0, 1, 2], [0, 2, 3]])))
    return merged(meshes)


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    for piece in (pawn, rook, knight, bishop, queen, king):
        write_obj(here / f"chess_{piece.__name__}.obj", piece())
    write_obj(here / "chess_board.obj", board())
    write_obj(here / "white_squares.obj", squares(dark=False))
    write_obj(here / "black_squares.obj", squares(dark=True))


if __name__ == "__main__":
    main()
