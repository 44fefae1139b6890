"""Makes the textures of the room. Run: ``python -m hamster_bench.envs.mujoco.assets.make_assets``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.texturing import periodic_noise, save_png, wood


def table_wood() -> NDArray[np.float64]:
    """Varnished pine, grain along the height of the picture, which lies across the table."""
    plank = wood((384, 512), np.random.default_rng(20), dark=(0.52, 0.36, 0.13), light=(0.78, 0.62, 0.33))
    return plank.transpose(1, 0, 2)


def floor_tiles() -> NDArray[np.float64]:
    """Four stone tiles with joints."""
    rng = np.random.default_rng(21)
    size = 256
    image = np.empty((size, size, 3))
    cloud = 0.5 * periodic_noise((size, size), (6, 6), rng) + 0.3 * periodic_noise((size, size), (24, 24), rng)
    image[:] = np.array([0.80, 0.785, 0.76]) + 0.035 * cloud[..., None]
    half = size // 2
    for row in (0, half):
        for column in (0, half):
            image[row : row + half, column : column + half] += rng.uniform(-0.05, 0.05)
    joint = np.arange(size) % half < 2
    image[joint, :] = image[:, joint] = (0.62, 0.61, 0.59)
    return np.clip(image, 0.0, 1.0)


def main() -> None:
    """Writes every texture beside this script."""
    here = Path(__file__).parent
    save_png(here / "table_wood.png", table_wood(), colors=48)
    save_png(here / "floor_tiles.png", floor_tiles(), colors=32)


if __name__ == "__main__":
    main()
